import type { Clock, Timer } from '../../lib/clock.ts';
import { GRPC_CODE } from '../../wire/grpc/status.ts';
import { type NodeId, parseNodeId } from '../../xds/names.ts';
import type { Node } from '../../xds/resources.ts';
import type { ServedType } from '../../xds/served-type.ts';
import type { ServerEvent } from '../../xds/server-end.ts';
import { type Peer, refusalOf } from './admission.ts';
import { type AdsProtocol, type Wire, wireOf } from './ads-protocol.ts';
import { type Asker, type MeshState, viewFor } from './mesh-state.ts';
import { RequestBudget } from './request-budget.ts';
import { SecretGrants } from './secret-grants.ts';
import { openRecord, type StreamRecord } from './stream-record.ts';
import { servedNode } from './user-agent.ts';

/** The gRPC call below a stream. After `close` nothing is sent. */
export interface AdsTransport {
  /** One message in pieces. False: more is queued than is good; nothing more is sent until `drained`. */
  send(pieces: readonly Uint8Array[]): boolean;
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
  /** It has said who it is: a sentence where there are too many of these. */
  readonly onProxy: (stream: AdsStream) => string | undefined;
  /** Hears of mistakes of ours. */
  readonly onError: (error: unknown) => void;
}

/** Who a stream says it is. */
export interface Proxy {
  readonly node: Node;
  readonly id: NodeId;
}

/** A stream that has not said who it is by then is ended. */
export const FIRST_REQUEST_TIMEOUT_MS = 10_000;

/** One stream of one proxy, in either protocol. */
export class AdsStream {
  readonly record: StreamRecord;
  readonly peer: Peer | undefined;
  readonly protocol: AdsProtocol;
  readonly #options: AdsStreamOptions;
  readonly #wire: Wire;
  readonly #asker: Asker;
  readonly #budget: RequestBudget;
  readonly #patience: Timer;
  #proxy: Proxy | undefined;
  /** What the server end was offered last. */
  #state: MeshState | undefined;
  #isOpen = true;
  #isCongested = false;
  #timer: Timer | undefined;

  constructor(options: AdsStreamOptions) {
    const { id, protocol, peer, clock, maxSubscriptions } = options;
    this.#options = options;
    this.protocol = protocol;
    this.peer = peer;
    this.record = openRecord(clock.nowMs());
    this.#wire = wireOf(protocol, { streamId: id, maxSubscriptions });
    this.#budget = new RequestBudget(clock.monotonicMs());
    this.#asker = {
      peer,
      grants: new SecretGrants(),
      asked: (typeUrl) => this.types.get(typeUrl)?.names ?? [],
      nowMs: () => clock.monotonicMs(),
    };
    this.#patience = clock.setTimeout(
      () => this.end(GRPC_CODE.DEADLINE_EXCEEDED, 'no request came'),
      FIRST_REQUEST_TIMEOUT_MS,
    );
  }

  /** Undefined before the first request. */
  get proxy(): Proxy | undefined {
    return this.#proxy;
  }

  /** The types that the proxy asked for, by type URL. Not to be changed. */
  get types(): ReadonlyMap<string, ServedType> {
    return this.#wire.server.types();
  }

  /** A message arrived. */
  receive(message: Uint8Array): void {
    if (!this.#isOpen) return;
    if (!this.#budget.take(message.length, this.#options.clock.monotonicMs())) {
      this.end(GRPC_CODE.RESOURCE_EXHAUSTED, 'too many requests');
      return;
    }
    const read = this.#wire.read(message);
    if (read === undefined) this.end(GRPC_CODE.INVALID_ARGUMENT, 'the message is no discovery request');
    else if (this.#admit(read.node)) this.#take(read.take());
  }

  /** The mesh may have changed. Also before each push: what the compiler made before must not be asked any more. */
  refresh(): void {
    if (!this.#isOpen || this.#proxy === undefined) return;
    const state = this.#options.state();
    try {
      const { id, node } = this.#proxy;
      const refusal = refusalOf(id, node.metadata, this.peer, state.compiled);
      if (refusal !== undefined) this.end(GRPC_CODE.PERMISSION_DENIED, refusal);
      else if (state === this.#state || this.#offer(state, this.#proxy)) this.#push();
    } catch (error) {
      // A mistake of ours that no object is to blame for: the proxy keeps what it has, the others are served.
      this.#options.onError(error);
      this.end(GRPC_CODE.INTERNAL, 'the control plane failed on the configuration of this proxy');
    }
  }

  /** The transport takes more. */
  drained(): void {
    this.#isCongested = false;
    this.refresh();
  }

  /** The call is over. */
  ended(): void {
    this.#isOpen = false;
    this.#timer?.cancel();
    this.#patience.cancel();
    this.record.ended(this.#options.clock.nowMs());
  }

  #admit(node: Node | undefined): boolean {
    if (this.#proxy !== undefined) return true;
    const id = parseNodeId(node?.id ?? '');
    if (node === undefined || id === undefined) {
      const form = 'TYPE~IP~NAME.NAMESPACE~DOMAIN';
      this.end(GRPC_CODE.INVALID_ARGUMENT, `the first request must carry a node id ${form}`);
      return false;
    }
    this.#proxy = { node: servedNode(node, this.protocol), id };
    this.#patience.cancel();
    const excess = this.#options.onProxy(this);
    if (excess !== undefined) this.end(GRPC_CODE.RESOURCE_EXHAUSTED, excess);
    return excess === undefined;
  }

  #take(events: readonly ServerEvent[]): void {
    for (const event of events) {
      if (event.kind === 'excess') this.end(GRPC_CODE.RESOURCE_EXHAUSTED, event.message);
      else this.record.heard(event, this.#options.clock.nowMs());
    }
    this.refresh();
  }

  #offer(state: MeshState, { node, id }: Proxy): boolean {
    this.#state = state;
    const snapshot = viewFor(state, node, id, this.#asker);
    if (snapshot === undefined) {
      this.end(GRPC_CODE.INVALID_ARGUMENT, 'the node id is malformed');
      return false;
    }
    this.#wire.server.offer(snapshot);
    this.record.offered(state.changedAtMs);
    return true;
  }

  #push(): void {
    const { clock, transport } = this.#options;
    const { server, encode } = this.#wire;
    this.#timer?.cancel();
    if (this.#isCongested) return;
    for (const push of server.next(clock.monotonicMs())) {
      this.record.sent(push, clock.nowMs());
      if (!transport.send(encode(push))) this.#isCongested = true;
    }
    const wakeAtMs = server.wakeAtMs();
    if (wakeAtMs === undefined) return;
    this.#timer = clock.setTimeout(() => this.refresh(), wakeAtMs - clock.monotonicMs());
  }

  /** Ends the call with a status of gRPC and a sentence for the proxy. */
  end(status: number, message: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#timer?.cancel();
    this.#patience.cancel();
    this.#options.transport.close(status, message);
  }
}
