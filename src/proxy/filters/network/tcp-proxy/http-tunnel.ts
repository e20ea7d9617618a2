import type { Connection, ConnectionHandlers, NetError } from '../../../../wire/connection.ts';
import { netError } from '../../../../wire/sockets/net-error.ts';
import { FLAG } from '../../../observe/response-flags.ts';
import type {
  StreamReset,
  UpstreamEvents,
  UpstreamRequest,
  UpstreamResponse,
  UpstreamStream,
  UpstreamTransport,
} from '../../../stream/codec.ts';
import type { Cluster } from '../../../upstream/cluster.ts';
import type { Endpoint } from '../../../upstream/endpoint.ts';
import type { HttpPool, PoolFailure, PoolWaiter } from '../../../upstream/http-pool.ts';

/** What a TCP proxy does with the other side of a client's connection: a socket, or a tunnel that looks like one. */
export type TunnelEnd = Pick<
  Connection,
  'handle' | 'write' | 'recycle' | 'pause' | 'resume' | 'end' | 'destroy' | 'reset'
>;

/** Why there is no tunnel. */
export interface TunnelFailure {
  /** A sentence for the person who reads the log. */
  readonly message: string;
  readonly flags: number;
}

/**
 * A TCP connection inside a request: CONNECT (or POST) over a connection of the endpoint's pool, HTTP/1 or HTTP/2. The
 * tunnel stands when the answer is 2xx; from then on it is bytes both ways, with ends, back-pressure and resets.
 */
export class HttpTunnel implements TunnelEnd, PoolWaiter, UpstreamEvents {
  readonly #cluster: Cluster;
  readonly #endpoint: Endpoint;
  readonly #pool: HttpPool;
  readonly #request: UpstreamRequest;
  #decide: ((failure: TunnelFailure | undefined) => void) | undefined;
  #upstream: UpstreamStream | undefined;
  #handlers: ConnectionHandlers | undefined;
  /** What came before anybody handled it. */
  #early: Buffer[] = [];
  #ended = false;
  #peerEnded = false;
  #over = false;
  #status = 0;

  constructor(cluster: Cluster, endpoint: Endpoint, request: UpstreamRequest) {
    this.#cluster = cluster;
    this.#endpoint = endpoint;
    this.#pool = endpoint.pool;
    this.#request = request;
  }

  /** Asks for the tunnel; undefined when it stands. Never settles once it was given up by destroy(). */
  open(): Promise<TunnelFailure | undefined> {
    const { stats, config } = this.#cluster;
    stats.upstream_rq_total++;
    stats.upstream_rq_active++;
    if (stats.upstream_rq_active > config.limits.maxRequests) {
      stats.upstream_rq_pending_overflow++;
      this.#close();
      const message = `Cluster ${config.name} has ${config.limits.maxRequests} requests already.`;
      return Promise.resolve({ message, flags: FLAG.upstreamOverflow });
    }
    return new Promise((resolve) => {
      this.#decide = resolve;
      this.#pool.acquire(this, 'proven');
    });
  }

  get localText(): string {
    return this.#upstream?.localText ?? '';
  }

  /** Who the endpoint proved to be, '' for nobody. */
  get principal(): string {
    return this.#upstream?.connection.tls?.peer.uris[0] ?? '';
  }

  // What the TCP proxy asks.

  handle(handlers: ConnectionHandlers): void {
    this.#handlers = handlers;
    for (const bytes of this.#early.splice(0)) handlers.onData(bytes);
    if (this.#peerEnded) this.#tellEnd();
  }

  write(bytes: Buffer): boolean {
    if (this.#over || this.#ended || this.#upstream === undefined) return true;
    this.#upstream.sendData(bytes);
    return this.#upstream.flush();
  }

  pause(): void {
    this.#upstream?.pause();
  }

  resume(): void {
    this.#upstream?.resume();
  }

  end(): void {
    if (this.#ended || this.#over) return;
    this.#ended = true;
    this.#upstream?.sendEnd(undefined);
    this.#upstream?.flush();
    if (this.#peerEnded) this.#finish(undefined);
  }

  destroy(): void {
    if (this.#over) return;
    const upstream = this.#upstream;
    this.#close();
    if (upstream === undefined) this.#pool.cancel(this);
    else upstream.cancel();
  }

  reset(): void {
    this.destroy();
  }

  // What the pool reports.

  onTransport(transport: UpstreamTransport): void {
    if (this.#over) return;
    this.#upstream = transport.open(this.#request, this);
    this.#upstream.flush();
  }

  onNoTransport({ reason, message }: PoolFailure): void {
    const flags = reason === 'overflow' ? FLAG.upstreamOverflow : FLAG.upstreamConnectionFailure;
    this.#fail({ message, flags });
  }

  // What the stream reports.

  onInformational(): void {}

  onResponse({ status }: UpstreamResponse): void {
    this.#status = status;
    if (status >= 200 && status < 300) {
      this.#decide?.(undefined);
      this.#decide = undefined;
      return;
    }
    const upstream = this.#upstream;
    const { method, target } = this.#request;
    const message = `${this.#endpoint.address} answered ${method} ${target} with ${status}.`;
    this.#fail({ message, flags: FLAG.upstreamConnectionFailure });
    upstream?.cancel();
  }

  onResponseData(bytes: Buffer): void {
    if (this.#over) return;
    if (this.#handlers === undefined) this.#early.push(bytes);
    else this.#handlers.onData(bytes);
  }

  onResponseEnd(): void {
    if (this.#over) return;
    this.#peerEnded = true;
    if (this.#handlers !== undefined) this.#tellEnd();
  }

  onResponseFlush(): void {}

  onRequestDrain(): void {
    if (!this.#over) this.#handlers?.onDrain();
  }

  onReset({ reason, message }: StreamReset): void {
    if (this.#over) return;
    if (this.#decide !== undefined) {
      this.#fail({ message, flags: FLAG.upstreamConnectionFailure });
      return;
    }
    const code = reason === 'termination' ? 'other' : 'connection_reset';
    this.#finish(netError(code, 'upstream', false, message));
  }

  #tellEnd(): void {
    this.#handlers?.onEnd();
    if (this.#ended) this.#finish(undefined);
  }

  #fail(failure: TunnelFailure): void {
    if (this.#over) return;
    const decide = this.#decide;
    this.#close();
    decide?.(failure);
  }

  #finish(error: NetError | undefined): void {
    if (this.#over) return;
    const handlers = this.#handlers;
    this.#close();
    handlers?.onClose(error);
  }

  #close(): void {
    this.#over = true;
    this.#upstream = undefined;
    this.#decide = undefined;
    const { stats } = this.#cluster;
    stats.upstream_rq_active--;
    if (this.#status === 0) return;
    stats.upstream_rq_completed++;
    stats.statuses.add(this.#status);
  }
}
