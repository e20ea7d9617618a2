import { chmod, chown, unlink } from 'node:fs/promises';
import {
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { DELTA_ADS_PATH } from '../xds/delta-messages.ts';
import { ACCESS_LOG_PATH } from '../xds/names.ts';

/** A delta ADS call of an Envoy. */
export type EnvoyCall = ServerDuplexStream<Buffer, Uint8Array>;

/** A call on which an Envoy tells what policies denied. */
export type EnvoyReport = ServerReadableStream<Buffer, Uint8Array>;

/** Where one Envoy is served. */
export interface EnvoyPort {
  close(): void;
}

const service: ServiceDefinition = {
  DeltaAggregatedResources: {
    path: DELTA_ADS_PATH,
    requestStream: true,
    responseStream: true,
    requestSerialize: asBuffer,
    requestDeserialize: asBuffer,
    responseSerialize: asBuffer,
    responseDeserialize: asBuffer,
  },
  StreamAccessLogs: {
    path: ACCESS_LOG_PATH,
    requestStream: true,
    responseStream: false,
    requestSerialize: asBuffer,
    requestDeserialize: asBuffer,
    responseSerialize: asBuffer,
    responseDeserialize: asBuffer,
  },
};

/** An Envoy that comes back names every resource that it holds. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024;

/** Serves ADS, and takes reports, on a Unix socket that only `uid` can connect to. A socket left by a killed agent is replaced. */
export async function openEnvoyPort(
  socketPath: string,
  uid: number | undefined,
  onCall: (call: EnvoyCall) => void,
  onReport: (call: EnvoyReport) => void,
): Promise<EnvoyPort> {
  await unlink(socketPath).catch(() => {});
  const server = new Server({
    'grpc.max_receive_message_length': MAX_REQUEST_BYTES,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': 16,
  });
  server.addService(service, { DeltaAggregatedResources: onCall, StreamAccessLogs: onReport });
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  await chmod(socketPath, 0o600);
  if (uid !== undefined) await chown(socketPath, uid, -1);
  return { close: () => server.forceShutdown() };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
