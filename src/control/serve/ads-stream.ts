import type { Clock, Timer } from '../../lib/clock.ts';
import type { DeltaRequest } from '../../xds/delta-messages.ts';
import { decodeDeltaRequest } from '../../xds/delta-messages.ts';
import { createDeltaServer } from '../../xds/delta-server.ts';
import type { Node } from '../../xds/resources.ts';
import { deltaChunks, type Push, sotwChunks } from '../../xds/sendable.ts';
import type { ServerEnd, ServerEvent } from '../../xds/server-end.ts';
import { decodeSotwRequest, type SotwRequest } from '../../xds/sotw-messages.ts';
import { createSotwServer } from '../../xds/sotw-server.ts';
import { type Peer, refusalOf } from './admission.ts';
import { type MeshState, viewFor } from './mesh-state.ts';
import { type NodeId, parseNodeId } from './node-id.ts';
import { openRecord, type StreamRecord } from './stream-record.ts';

export type AdsProtocol = 'delta' | 'sotw';

/** The gRPC call below a stream. After `close` nothing is sent. */
export interface AdsTransport {
  /** False: more is queued than is good; nothing more is sent until `drained`. */
  send(message: Buffer): boolean;
  /** Ends the call with a status of gRPC and a sentence for the proxy. */
  close(code: number, message: string): void;
}

/** What a stream is made of. */
export interface AdsStreamOptions {
  readonly id: string;
  readonly protocol: AdsProtocol;
  /** Undefined on the port without authentication. */
  readonly peer: Peer | undefined;
  readonly transport: AdsTransport;
  readonly clock: Clock;
  /** What the mesh is now. */
  readonly state: () => MeshState;
  readonly maxSubscriptions: number;
}

/** Who a stream says it is. */
export interface Proxy {
  readonly node: Node;
  readonly id: NodeId;
}

/** One stream of one proxy. */
export interface AdsStream {
  readonly record: StreamRecord;
  /** Undefined before the first request. */
  proxy(): Proxy | undefined;
  readonly peer: Peer | undefined;
  readonly protocol: AdsProtocol;
  readonly server: ServerEnd<never>;
  /** A message arrived. */
  receive(message: Uint8Array): void;
  /** The mesh changed. */
  refresh(): void;
  /** The transport takes more. */
  drained(): void;
  /** The call is over. */
  ended(): void;
}

const code = { invalidArgument: 3, permissionDenied: 7, resourceExhausted: 8 } as const;

/** One stream, speaking either protocol. */
export function createAdsStream(options: AdsStreamOptions): AdsStream {
  const { protocol, peer, transport, clock } = options;
  const wire = wireOf(options);
  const record = openRecord(clock.nowMs());
  let proxy: Proxy | undefined;
  let isOpen = true;
  let isCongested = false;
  let timer: Timer | undefined;
  let offered: MeshState | undefined;

  const close = (status: number, message: string): void => {
    if (!isOpen) return;
    isOpen = false;
    timer?.cancel();
    transport.close(status, message);
  };
  const push = (): void => {
    timer?.cancel();
    if (!isOpen || isCongested) return;
    for (const one of wire.server.next(clock.monotonicMs())) {
      record.sent(one, clock.nowMs());
      if (!transport.send(wire.encode(one))) isCongested = true;
    }
    const wakeAtMs = wire.server.wakeAtMs();
    if (wakeAtMs !== undefined) timer = clock.setTimeout(() => refresh(), wakeAtMs - clock.monotonicMs());
  };
  const offer = (state: MeshState, { node, id }: Proxy): boolean => {
    offered = state;
    const snapshot = viewFor(state, node, id, peer);
    if (snapshot === undefined) {
      close(code.invalidArgument, 'the node id is malformed');
      return false;
    }
    wire.server.offer(snapshot);
    record.offered(state.changedAtMs);
    return true;
  };
  // Also before each push: what the compiler made before must not be asked any more.
  const refresh = (): void => {
    if (!isOpen || proxy === undefined) return;
    const state = options.state();
    const refusal = refusalOf(proxy.id, peer, state.compiled);
    if (refusal !== undefined) close(code.permissionDenied, refusal);
    else if (state === offered || offer(state, proxy)) push();
  };
  const admit = (node: Node | undefined): boolean => {
    if (proxy !== undefined) return true;
    const id = parseNodeId(node?.id ?? '');
    if (node === undefined || id === undefined) {
      close(code.invalidArgument, 'the first request must carry a node id TYPE~IP~NAME.NAMESPACE~DOMAIN');
      return false;
    }
    proxy = { node, id };
    return true;
  };

  const take = (events: readonly ServerEvent[]): void => {
    for (const event of events) {
      if (event.kind === 'excess') close(code.resourceExhausted, event.message);
      else record.heard(event, clock.nowMs());
    }
    refresh();
  };

  return {
    record,
    peer,
    protocol,
    server: wire.server,
    proxy: () => proxy,
    receive(message) {
      if (!isOpen) return;
      const read = wire.read(message);
      if (read === undefined) close(code.invalidArgument, 'the message is no discovery request');
      else if (admit(read.node)) take(read.take());
    },
    refresh,
    drained() {
      isCongested = false;
      refresh();
    },
    ended() {
      isOpen = false;
      timer?.cancel();
      record.ended(clock.nowMs());
    },
  };
}

/** The one place where the two protocols differ. */
interface Wire {
  readonly server: ServerEnd<never>;
  /** Undefined where the bytes are no request. */
  read(
    message: Uint8Array,
  ): { readonly node?: Node | undefined; readonly take: () => readonly ServerEvent[] } | undefined;
  encode(push: Push): Buffer;
}

function wireOf({ id, protocol, maxSubscriptions }: AdsStreamOptions): Wire {
  const options = { streamId: id, maxSubscriptions };
  return protocol === 'delta'
    ? wireWith<DeltaRequest>(createDeltaServer(options), decodeDeltaRequest, deltaChunks)
    : wireWith<SotwRequest>(createSotwServer(options), decodeSotwRequest, sotwChunks);
}

function wireWith<Request extends { readonly node?: Node }>(
  server: ServerEnd<Request>,
  decode: (message: Uint8Array) => Request,
  chunks: (push: Push) => readonly Uint8Array[],
): Wire {
  return {
    server,
    encode: (push) => Buffer.concat(chunks(push)),
    read(message) {
      try {
        const request = decode(message);
        return { node: request.node, take: () => server.receive(request) };
      } catch {
        return undefined;
      }
    },
  };
}
