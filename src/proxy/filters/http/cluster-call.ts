import type { Clock, Timer } from '../../../lib/clock.ts';
import type { Result } from '../../../lib/result.ts';
import type { Headers } from '../../../wire/headers.ts';
import type {
  StreamReset,
  UpstreamEvents,
  UpstreamRequest,
  UpstreamResponse,
  UpstreamStream,
  UpstreamTransport,
} from '../../stream/codec.ts';
import type { Cluster } from '../../upstream/cluster.ts';
import type { Endpoint } from '../../upstream/endpoint.ts';
import type { Freshness, PoolFailure, PoolWaiter } from '../../upstream/http-pool.ts';
import { ANY_CONTEXT } from '../../upstream/pick-context.ts';

/** A request of the proxy itself: filters ask others about a stream, fetch keys; spans and entries are sent off. */
export interface Call {
  readonly method: string;
  /** Path with query. */
  readonly target: string;
  /** With host, without hop-by-hop fields. */
  readonly headers: Headers;
  /** The whole body; absent for none. Over HTTP/1 the headers say its length. */
  readonly body?: Buffer;
  readonly timeoutMs: number;
  /** A longer answer is a failure. */
  readonly maxBytes: number;
}

export interface CallAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
  readonly trailers: Headers;
}

/** Why there is no answer. */
export interface CallFailure {
  readonly code: 'no_cluster' | 'no_endpoint' | 'overflow' | 'connection' | 'timeout' | 'too_large';
  /** A sentence for the person who reads the log. */
  readonly message: string;
}

export type CallResult = Result<CallAnswer, CallFailure>;

/** Asks a cluster. Once more on a new connection where a kept one turned out closed. Never rejects. */
export async function callCluster(
  cluster: Cluster | undefined,
  call: Call,
  clock: Clock,
): Promise<CallResult> {
  if (cluster === undefined) return failed('no_cluster', 'The cluster to ask is not there.');
  const endpoint = cluster.pick(ANY_CONTEXT);
  if (endpoint === undefined)
    return failed('no_endpoint', `${cluster.name} has no endpoint that may be used.`);
  if (cluster.stats.upstream_rq_active >= cluster.config.limits.maxRequests)
    return failed('overflow', `${cluster.name} has as many requests as it may.`);
  const first = await new CallStream(cluster, endpoint, call, clock).run('any');
  if (first !== 'closed') return first;
  const second = await new CallStream(cluster, endpoint, call, clock).run('new');
  return second === 'closed' ? failed('connection', `${endpoint.address} closes its connections.`) : second;
}

function failed(code: CallFailure['code'], message: string): CallResult {
  return { ok: false, error: { code, message } };
}

/** One try. `closed`: its connection had been used before, and was closed before anything was answered. */
class CallStream implements PoolWaiter, UpstreamEvents {
  readonly #cluster: Cluster;
  readonly #endpoint: Endpoint;
  readonly #call: Call;
  readonly #timer: Timer;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;
  #response: UpstreamResponse | undefined;
  #upstream: UpstreamStream | undefined;
  #over = false;
  #resolve: (result: CallResult | 'closed') => void = () => {};

  constructor(cluster: Cluster, endpoint: Endpoint, call: Call, clock: Clock) {
    this.#cluster = cluster;
    this.#endpoint = endpoint;
    this.#call = call;
    cluster.stats.upstream_rq_total++;
    cluster.stats.upstream_rq_active++;
    endpoint.active++;
    this.#timer = clock.setTimeout(() => this.#timedOut(), call.timeoutMs);
  }

  run(freshness: Freshness): Promise<CallResult | 'closed'> {
    return new Promise((resolve) => {
      this.#resolve = resolve;
      this.#endpoint.pool.acquire(this, freshness);
    });
  }

  onTransport(transport: UpstreamTransport): void {
    if (this.#over) return;
    const { method, target, timeoutMs, body } = this.#call;
    // As Envoy's own calls say it.
    const ours = ['x-envoy-internal', 'true', 'x-envoy-expected-rq-timeout-ms', String(timeoutMs)];
    const headers = [...this.#call.headers, ...ours];
    const framing = body === undefined ? 'none' : 'length';
    const scheme = this.#endpoint.tls === undefined ? 'http' : 'https';
    const request: UpstreamRequest = { method, target, scheme, headers, body: framing, upgrade: '' };
    const upstream = transport.open(request, this);
    this.#upstream = upstream;
    this.#cluster.report(this.#endpoint, 'connected');
    if (body !== undefined) {
      upstream.sendData(body);
      upstream.sendEnd(undefined);
    }
    upstream.flush();
  }

  onNoTransport({ reason, message }: PoolFailure): void {
    if (reason !== 'overflow') this.#cluster.report(this.#endpoint, 'local-origin-failure');
    this.#end(failed(reason === 'overflow' ? 'overflow' : 'connection', message));
  }

  onInformational(): void {}
  onResponseFlush(): void {}
  onRequestDrain(): void {}

  onResponse(response: UpstreamResponse): void {
    this.#response = response;
    this.#cluster.report(this.#endpoint, response);
  }

  onResponseData(bytes: Buffer): void {
    if (this.#over) return;
    this.#bytes += bytes.length;
    if (this.#bytes > this.#call.maxBytes)
      this.#end(
        failed(
          'too_large',
          `${this.#endpoint.address} answered with more than ${this.#call.maxBytes} bytes.`,
        ),
      );
    else this.#chunks.push(bytes);
  }

  onResponseEnd(trailers: Headers | undefined): void {
    this.#upstream = undefined;
    const { status, headers } = this.#response as UpstreamResponse;
    this.#cluster.stats.upstream_rq_completed++;
    this.#cluster.stats.statuses.add(status);
    this.#end({
      ok: true,
      value: { status, headers, body: Buffer.concat(this.#chunks), trailers: trailers ?? [] },
    });
  }

  onReset({ reused, message }: StreamReset): void {
    this.#upstream = undefined;
    this.#cluster.stats.upstream_rq_rx_reset++;
    this.#cluster.report(this.#endpoint, 'local-origin-failure');
    this.#end(reused && this.#response === undefined ? 'closed' : failed('connection', message));
  }

  #timedOut(): void {
    this.#cluster.stats.upstream_rq_timeout++;
    this.#cluster.report(this.#endpoint, 'local-origin-failure');
    this.#end(failed('timeout', `${this.#endpoint.address} did not answer in ${this.#call.timeoutMs} ms.`));
  }

  #end(result: CallResult | 'closed'): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer.cancel();
    const upstream = this.#upstream;
    this.#upstream = undefined;
    this.#cluster.stats.upstream_rq_active--;
    this.#endpoint.active--;
    if (upstream === undefined) this.#endpoint.pool.cancel(this);
    else upstream.cancel();
    this.#resolve(result);
  }
}
