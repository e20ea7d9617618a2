import { type Headers, indexOfHeader, setHeader } from '../../../../wire/headers.ts';
import { ownAddress } from '../../../own-address.ts';
import type {
  UpstreamEvents,
  UpstreamRequest,
  UpstreamStream,
  UpstreamTransport,
} from '../../../stream/codec.ts';
import type { ForwardAction, MirrorPolicy } from '../../../stream/route-table.ts';
import type { RoutedStream } from '../../../stream/routed-stream.ts';
import type { Cluster } from '../../../upstream/cluster.ts';
import type { Endpoint } from '../../../upstream/endpoint.ts';
import type { HttpPool, PoolWaiter } from '../../../upstream/http-pool.ts';

/** Copies of requests whose route has no time limit end after this. */
const MIRROR_MS = 15_000;

/** A copy of a request to another cluster, sent when the request is complete. Nobody waits for it, its answer is thrown away. */
export class Mirror implements PoolWaiter, UpstreamEvents {
  readonly #cluster: Cluster;
  readonly #endpoint: Endpoint;
  readonly #pool: HttpPool;
  readonly #request: Omit<UpstreamRequest, 'body'>;
  readonly #hasBody: boolean;
  readonly #timeoutMs: number;
  /** A longer request is copied no further and its copy dropped. */
  readonly #maxBytes: number;
  readonly #chunks: Buffer[] = [];
  readonly #setTimeout: (callback: () => void, delayMs: number) => { cancel(): void };
  #timer: { cancel(): void } | undefined;
  #bytes = 0;
  #upstream: UpstreamStream | undefined;
  #started = false;
  #over = false;

  constructor(
    stream: RoutedStream,
    cluster: Cluster,
    endpoint: Endpoint,
    policy: MirrorPolicy,
    action: ForwardAction,
  ) {
    const { request, requestBody, clock } = stream;
    this.#cluster = cluster;
    this.#endpoint = endpoint;
    this.#pool = endpoint.poolFor(stream.facts.protocol === 'HTTP/2', request);
    this.#hasBody = requestBody !== 'none';
    this.#timeoutMs = action.timeoutMs || MIRROR_MS;
    this.#maxBytes = action.bufferBytes;
    this.#setTimeout = (callback, delayMs) => clock.setTimeout(callback, delayMs);
    const host = policy.keepHost ? request.authority : shadowHost(request.authority);
    this.#request = {
      method: request.method,
      target: request.path,
      scheme: request.scheme,
      headers: copiedHeaders(request.headers, host),
      upgrade: '',
    };
  }

  data(bytes: Buffer): void {
    this.#bytes += bytes.length;
    if (this.#bytes > this.#maxBytes) this.#over = true;
    if (!this.#over) this.#chunks.push(bytes);
  }

  end(): void {
    if (this.#over || this.#started) return;
    this.#started = true;
    const { stats, config } = this.#cluster;
    if (stats.upstream_rq_active >= config.limits.maxRequests) return;
    stats.upstream_rq_total++;
    stats.upstream_rq_active++;
    this.#endpoint.active++;
    this.#timer = this.#setTimeout(() => this.#finish(), this.#timeoutMs);
    this.#pool.acquire(this, 'any');
  }

  onTransport(transport: UpstreamTransport): void {
    if (this.#over) return;
    const body = !this.#hasBody ? 'none' : hasLength(this.#request.headers) ? 'length' : 'stream';
    this.#upstream = transport.open({ ...this.#request, body }, this);
    for (const chunk of this.#chunks) this.#upstream.sendData(chunk);
    if (this.#hasBody) this.#upstream.sendEnd(undefined);
    this.#upstream.flush();
  }

  onNoTransport(): void {
    this.#finish();
  }
  onInformational(): void {}
  onResponse(response: { readonly status: number }): void {
    this.#cluster.stats.statuses.add(response.status);
  }
  onResponseData(): void {}
  onResponseEnd(): void {
    this.#upstream = undefined;
    this.#finish();
  }
  onResponseFlush(): void {}
  onRequestDrain(): void {}
  onReset(): void {
    this.#upstream = undefined;
    this.#finish();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    if (this.#upstream === undefined) this.#pool.cancel(this);
    else this.#upstream.cancel();
    this.#cluster.stats.upstream_rq_active--;
    this.#endpoint.active--;
  }
}

/** `reviews:9080` -> `reviews-shadow:9080`, as Envoy marks copies. */
function shadowHost(authority: string): string {
  const [, host = authority, port = ''] = /^(.*?)(:\d+)?$/.exec(authority) ?? [];
  return `${host}-shadow${port}`;
}

/** It comes from this proxy, says Envoy. */
function copiedHeaders(headers: Headers, host: string): Headers {
  const copy = [...headers];
  setHeader(copy, 'host', host);
  setHeader(copy, 'x-envoy-internal', 'true');
  const i = indexOfHeader(copy, 'x-forwarded-for', 0);
  if (i < 0) copy.push('x-forwarded-for', ownAddress());
  else copy[i + 1] = `${copy[i + 1]},${ownAddress()}`;
  return copy;
}

function hasLength(headers: Headers): boolean {
  return headers.some((name, i) => i % 2 === 0 && name.toLowerCase() === 'content-length');
}
