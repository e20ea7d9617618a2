// The SPIFFE Workload API on a Unix socket: other software of a workload takes its identity from here, as it comes and
// changes. Who may open the socket is the workload; the socket's permissions say who that is. Source: SPIFFE Workload
// API and Workload Endpoint. JWT-SVIDs are not offered: UNIMPLEMENTED.

import type { Clock } from '../../lib/clock.ts';
import type { Network } from '../connection.ts';
import { type GrpcServer, serveGrpcCalls } from '../grpc/server.ts';
import type { GrpcServerCall } from '../grpc/server-call.ts';
import { GRPC_CODE } from '../grpc/status.ts';
import {
  encodeX509Bundles,
  encodeX509Svids,
  FETCH_X509_BUNDLES_PATH,
  FETCH_X509_SVID_PATH,
  type WorkloadState,
} from './workload-messages.ts';

/** An open socket. */
export interface WorkloadApi {
  /** The workload has another certificate, or other roots: everyone who listens gets them. */
  changed(state: WorkloadState): void;
  close(): Promise<void>;
}

/** Streams at a time; a program has one or two. */
export const MAX_STREAMS = 256;
const MAX_REQUEST_BYTES = 4096;
/** Asked of every call, so that no web page can be made to call (SPIFFE Workload Endpoint, section 3). */
const SECURITY_HEADER = 'workload.spiffe.io';

const methods: Readonly<Record<string, (state: WorkloadState) => Uint8Array>> = {
  [FETCH_X509_SVID_PATH]: encodeX509Svids,
  [FETCH_X509_BUNDLES_PATH]: encodeX509Bundles,
};

/** Serves on a socket at `path`, which must not be there. Rejects with a sentence where it cannot be had. */
export async function serveWorkloadApi(options: {
  readonly network: Network;
  readonly clock: Clock;
  readonly path: string;
}): Promise<WorkloadApi> {
  const { network, clock, path } = options;
  const streams = new Map<GrpcServerCall, (state: WorkloadState) => Uint8Array>();
  let current: WorkloadState | undefined;
  const onCall = (call: GrpcServerCall): boolean => {
    if (call.header(SECURITY_HEADER) !== 'true') {
      call.end(GRPC_CODE.INVALID_ARGUMENT, `the metadata ${SECURITY_HEADER}: true is missing`);
      return true;
    }
    const encode = methods[call.path];
    if (encode === undefined) return false;
    if (streams.size >= MAX_STREAMS) {
      call.end(GRPC_CODE.RESOURCE_EXHAUSTED, `more than ${MAX_STREAMS} streams`);
      return true;
    }
    streams.set(call, encode);
    call.handle({ onMessage() {}, onEnd() {}, onClose: () => void streams.delete(call) });
    // Who comes before the first certificate waits for it.
    if (current !== undefined) call.send([encode(current)]);
    return true;
  };
  const server: GrpcServer = await serveGrpcCalls({
    network,
    clock,
    listen: { path },
    onCall,
    maxReceiveMessageBytes: MAX_REQUEST_BYTES,
  });
  return {
    changed(state) {
      current = state;
      for (const [call, encode] of streams) call.send([encode(state)]);
    },
    async close() {
      for (const call of streams.keys()) call.end(GRPC_CODE.UNAVAILABLE, 'the workload ends');
      await server.close(100);
    },
  };
}
