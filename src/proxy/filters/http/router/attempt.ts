import type { Deadlines } from '../../../../lib/deadlines.ts';
import type { Headers } from '../../../../wire/headers.ts';
import type { Span } from '../../../observe/tracing/span.ts';
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
import type { Freshness, HttpPool, PoolFailure, PoolWaiter } from '../../../upstream/http-pool.ts';
import { type Failure, fromPool, fromReset } from './failures.ts';
import { TryLimits, type TryTimes } from './try-limits.ts';

/** Where an attempt gets its connection from. */
export type RequestPool = Pick<HttpPool, 'acquire' | 'cancel'>;

/** Whose attempt it is: hears once how it ended, and of everything before. */
export interface AttemptOwner {
  /** The request as it is sent; asked for when there is a connection. */
  requestFor(attempt: Attempt): UpstreamRequest;
  /** Where its connection comes from. */
  poolFor(endpoint: Endpoint): RequestPool;
  /** The stream is open: send what there is of the body. */
  onOpen(attempt: Attempt): void;
  onInformational(status: number, headers: Headers): void;
  onResponse(attempt: Attempt, response: UpstreamResponse): void;
  onResponseData(attempt: Attempt, bytes: Buffer): void;
  onResponseEnd(attempt: Attempt, trailers: Headers | undefined): void;
  onResponseFlush(): void;
  onRequestDrain(): void;
  onFailure(attempt: Attempt, failure: Failure): void;
  /** It takes long. True: it goes on nevertheless, beside another one. */
  onSlow(attempt: Attempt): boolean;
}

/** One try of a request on one endpoint: waits for a connection, opens a stream, counts. Ends exactly once. */
export class Attempt implements PoolWaiter, UpstreamEvents {
  readonly endpoint: Endpoint;
  readonly cluster: Cluster;
  /** The open stream; undefined before and after: its connection may carry another request by then. */
  upstream: UpstreamStream | undefined;
  /** Something of the request may have reached the upstream. */
  sent = false;
  responseStarted = false;
  /** Another request was on the connection before this one. */
  reused = false;
  /** It did not begin to answer in the time of one try. */
  timedOut = false;
  /** Of its response; 0 for none. */
  status = 0;
  /** Where attempts have spans of their own. */
  span: Span | undefined;
  readonly #owner: AttemptOwner;
  readonly #limits: TryLimits | undefined;
  #pool: RequestPool | undefined;
  readonly #high: boolean;
  #over = false;
  #raw = false;
  #bodiless = false;

  constructor(
    cluster: Cluster,
    endpoint: Endpoint,
    owner: AttemptOwner,
    deadlines: Deadlines,
    times: TryTimes,
    highPriority: boolean,
  ) {
    this.cluster = cluster;
    this.endpoint = endpoint;
    this.#owner = owner;
    const { stats } = cluster;
    stats.upstream_rq_active++;
    this.#high = highPriority;
    if (highPriority) cluster.breakers.highRequests++;
    endpoint.active++;
    endpoint.counts.rq_active++;
    if (times.perTryMs + times.perTryIdleMs > 0)
      this.#limits = new TryLimits(deadlines, times, (limit) => this.#expired(limit));
  }

  /** The whole request was received: the time of a try counts from here, once it has its connection. */
  requestComplete(): void {
    if (this.upstream !== undefined) this.#limits?.start();
  }

  /** Asks for a connection. May open the stream, or fail, before it returns. */
  start(freshness: Freshness): void {
    this.#pool = this.#owner.poolFor(this.endpoint);
    this.#pool.acquire(this, freshness);
  }

  /** Ends it without a word to its owner. */
  abort(): void {
    if (this.#over) return;
    const { upstream } = this;
    this.#end();
    if (upstream === undefined) this.#pool?.cancel(this);
    // What has no body ends by itself, and its connection can stay.
    else if (!this.#bodiless) {
      this.cluster.stats.upstream_rq_tx_reset++;
      upstream.cancel();
    }
  }

  /** Both directions of a raw stream are over. */
  finish(): void {
    if (!this.#over) this.#complete();
  }

  // What the pool reports.

  onTransport(transport: UpstreamTransport): void {
    if (this.#over) return;
    this.endpoint.requestSent();
    this.upstream = transport.open(this.#owner.requestFor(this), this);
    this.sent = true;
    this.cluster.report(this.endpoint, 'connected');
    this.#owner.onOpen(this);
  }

  onNoTransport(failure: PoolFailure): void {
    if (this.#over) return;
    this.#end();
    if (failure.reason !== 'overflow') this.#failed();
    this.#owner.onFailure(this, fromPool(failure, this.endpoint.address));
  }

  // What the upstream stream reports.

  onInformational(status: number, headers: Headers): void {
    if (!this.#over) this.#owner.onInformational(status, headers);
  }

  onResponse(response: UpstreamResponse): void {
    if (this.#over) return;
    this.responseStarted = true;
    this.status = response.status;
    this.#raw = response.body === 'raw';
    this.#bodiless = response.body === 'none';
    this.#limits?.answered();
    this.cluster.report(this.endpoint, response);
    this.#owner.onResponse(this, response);
  }

  onResponseData(bytes: Buffer): void {
    if (this.#over) return;
    this.#limits?.moved();
    this.#owner.onResponseData(this, bytes);
  }

  onResponseEnd(trailers: Headers | undefined): void {
    if (this.#over) return;
    if (!this.#raw) this.#complete();
    this.#owner.onResponseEnd(this, trailers);
  }

  onResponseFlush(): void {
    this.#owner.onResponseFlush();
  }

  onRequestDrain(): void {
    if (!this.#over) this.#owner.onRequestDrain();
  }

  onReset(reset: StreamReset): void {
    if (this.#over) return;
    this.reused = reset.reused;
    this.#end();
    const { stats } = this.cluster;
    stats.upstream_rq_rx_reset++;
    if (reset.reason === 'protocol-error') stats.upstream_cx_protocol_error++;
    this.#failed();
    this.#owner.onFailure(this, fromReset(reset));
  }

  #expired(limit: 'try' | 'idle'): void {
    if (this.#over) return;
    const { stats } = this.cluster;
    this.timedOut = true;
    if (limit === 'try') stats.upstream_rq_per_try_timeout++;
    else stats.upstream_rq_per_try_idle_timeout++;
    this.endpoint.counts.rq_timeout++;
    if (limit === 'try' && this.#owner.onSlow(this)) {
      this.cluster.report(this.endpoint, 'local-origin-failure');
      return;
    }
    this.abort();
    this.#failed();
    const { address } = this.endpoint;
    this.#owner.onFailure(
      this,
      limit === 'try'
        ? { kind: 'per-try-timeout', message: `${address} did not begin to answer in the time of one try.` }
        : { kind: 'per-try-idle', message: `${address} sent nothing for too long.` },
    );
  }

  #complete(): void {
    this.#end();
    const { stats } = this.cluster;
    stats.upstream_rq_completed++;
    stats.statuses.add(this.status);
    if (this.status >= 500) this.endpoint.counts.rq_error++;
    else this.endpoint.counts.rq_success++;
  }

  #failed(): void {
    this.endpoint.counts.rq_error++;
    this.cluster.report(this.endpoint, 'local-origin-failure');
  }

  #end(): void {
    this.#over = true;
    this.upstream = undefined;
    this.cluster.stats.upstream_rq_active--;
    if (this.#high) this.cluster.breakers.highRequests--;
    this.endpoint.active--;
    this.endpoint.counts.rq_active--;
    this.#limits?.clear();
  }
}
