import type { Timer } from '../../../../lib/clock.ts';
import type { Deadline, Deadlines } from '../../../../lib/deadlines.ts';
import { getHeader, type Headers, setHeader } from '../../../../wire/headers.ts';
import { removeHopByHop } from '../../../../wire/http1/hop-by-hop.ts';
import { FLAG } from '../../../observe/response-flags.ts';
import type { Span } from '../../../observe/tracing/span.ts';
import type { UpstreamRequest, UpstreamResponse } from '../../../stream/codec.ts';
import type { ForwardAction, RouteLeaf } from '../../../stream/route-table.ts';
import type { Forwarding, RoutedStream } from '../../../stream/routed-stream.ts';
import type { Cluster } from '../../../upstream/cluster.ts';
import type { Endpoint } from '../../../upstream/endpoint.ts';
import type { Freshness } from '../../../upstream/http-pool.ts';
import { TcpTransport } from '../../../upstream/tcp-transport.ts';
import { Attempt, type AttemptOwner, type RequestPool } from './attempt.ts';
import type { RouterConfig } from './config.ts';
import { EndpointChoice } from './endpoint-choice.ts';
import { type Failure, failureReply, noEndpoint } from './failures.ts';
import { KeptBody } from './kept-body.ts';
import type { Mirror } from './mirror.ts';
import { type RequestTimes, requestTimes, rewriteRequest, setAuthority, syncHost } from './request-head.ts';
import { mayWant, type RetryState, retryStateOf } from './retry-state.ts';
import { TimeLimits } from './time-limits.ts';
import { takeUnreached, tellUnreached } from './unreached.ts';

/** What the router has around it. One for all streams of a chain. */
export interface RouterEnvironment {
  readonly config: RouterConfig;
  readonly deadlines: Deadlines;
  readonly explains: boolean;
  readonly maxStreamMs: number;
  cluster(name: string): Cluster | undefined;
  /** Starts the copies of a request. */
  mirror(stream: RoutedStream, action: ForwardAction): readonly Mirror[];
  /** Tells the endpoint's proxy who calls. */
  introduce(headers: Headers, endpoint: Endpoint): void;
}

/** Methods that may be sent twice without asking (RFC 9110 §9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);
/** What a response that says so counts as. */
const REFUSED: Failure = { kind: 'connect-failure', message: '' };
const NO_MIRRORS: readonly Mirror[] = [];

/** A stream's request while it is forwarded: picks endpoints, runs attempts one after the other, keeps the times. */
export class RouterStream implements Forwarding, AttemptOwner {
  readonly #stream: RoutedStream;
  readonly #action: ForwardAction;
  readonly #leaf: RouteLeaf;
  readonly #router: RouterEnvironment;
  #cluster: Cluster | undefined;
  #attempt: Attempt | undefined;
  #retryState: RetryState | undefined | null = null;
  #times: RequestTimes = { totalMs: 0, perTryMs: 0 };
  #limits: TimeLimits | undefined;
  #body: KeptBody | undefined;
  #mirrors = NO_MIRRORS;
  readonly #choice: EndpointChoice;
  #backOff: Timer | undefined;
  #attempts = 0;
  #resent = false;
  #retrying = false;
  #sentMs = 0;
  #over = false;
  #blocked = false;
  #starting = false;
  #raw = false;
  #responseEnded = false;
  /** The span of the attempt under way, where attempts have their own. */
  #span: Span | undefined;
  #spanStatus = 0;

  constructor(stream: RoutedStream, action: ForwardAction, leaf: RouteLeaf, router: RouterEnvironment) {
    this.#stream = stream;
    this.#action = action;
    this.#leaf = leaf;
    this.#router = router;
    this.#choice = new EndpointChoice(stream, action, leaf);
  }

  /** Sends the request, as far as that goes at once. */
  start(): void {
    const { request } = this.#stream;
    const name = this.#leaf.cluster || (getHeader(request.headers, this.#leaf.clusterHeader) ?? '');
    const cluster = this.#router.cluster(name);
    this.#stream.outcome.cluster = name;
    if (cluster === undefined) {
      this.#fail({ kind: 'no-cluster', message: `There is no cluster ${name || 'for this request'}.` });
      return;
    }
    this.#cluster = cluster;
    if (cluster.drops()) {
      cluster.stats.upstream_rq_dropped++;
      this.#fail({ kind: 'dropped', message: `Cluster ${name} sheds load.` });
      return;
    }
    // In the order in which Envoy adds its headers.
    this.#times = requestTimes(this.#stream, this.#action, this.#router.config);
    if (this.#action.attemptCountInRequest) setHeader(request.headers, 'x-envoy-attempt-count', '1');
    rewriteRequest(this.#stream, this.#action, this.#leaf, this.#router.config);
    if (this.#stream.requestBody !== 'none') this.#keepBody();
    if (this.#action.mirrors.length > 0) this.#mirrors = this.#router.mirror(this.#stream, this.#action);
    const maxStreamMs = this.#action.maxStreamMs ?? this.#router.maxStreamMs;
    if (maxStreamMs > 0) this.#timeLimits().limitStream(maxStreamMs);
    if (this.#stream.requestEnded) this.#requestComplete();
    this.#starting = true;
    this.#try('any');
    this.#starting = false;
  }

  // What the client sends.

  requestData(bytes: Buffer): boolean {
    this.#body?.add(bytes);
    for (const mirror of this.#mirrors) mirror.data(bytes);
    const upstream = this.#attempt?.upstream;
    // Held since start() or since the last try failed: nothing comes without a stream to send it on.
    if (upstream === undefined) return false;
    const room = upstream.sendData(bytes);
    this.#blocked = !room;
    return room;
  }

  requestEnd(trailers: Headers | undefined): void {
    if (this.#body !== undefined) {
      this.#body.ended = true;
      this.#body.trailers = trailers;
    }
    if (!this.#raw) this.#requestComplete();
    const upstream = this.#attempt?.upstream;
    upstream?.sendEnd(trailers);
    upstream?.flush();
    if (this.#raw && this.#responseEnded) this.#finishRaw();
  }

  requestFlush(): void {
    const upstream = this.#attempt?.upstream;
    if (upstream === undefined || upstream.flush()) return;
    this.#blocked = true;
    this.#stream.holdRequest();
  }

  responseDrain(): void {
    this.#attempt?.upstream?.resume();
  }
  pauseResponse(): void {
    this.#attempt?.upstream?.pause();
  }
  resumeResponse(): void {
    this.#attempt?.upstream?.resume();
  }

  abort(): void {
    if (this.#over) return;
    if (this.#attempt !== undefined && this.#cluster !== undefined)
      this.#cluster.stats.upstream_rq_cancelled++;
    this.#end();
    this.#attempt?.abort();
  }

  // What the attempt reports.

  poolFor(endpoint: Endpoint): RequestPool {
    const { request, connection } = this.#stream;
    if (this.#action.terminatesConnect && request.method === 'CONNECT') {
      const { remote: source, local: destination } = connection.downstream;
      return new TcpTransport(endpoint, this.#cluster!, { source, destination });
    }
    return endpoint.poolFor(this.#stream.facts.protocol === 'HTTP/2', request);
  }

  requestFor(attempt: Attempt): UpstreamRequest {
    const { request, requestBody, upgrade } = this.#stream;
    const { headers } = request;
    const { hostname } = attempt.endpoint.placement.spec;
    if (this.#action.rewriteHost?.kind === 'endpoint' && hostname !== '')
      setAuthority(
        request,
        hostname,
        this.#action.appendForwardedHost && this.#attempts === 1,
        this.#router.config,
      );
    syncHost(request);
    if (this.#action.attemptCountInRequest)
      setHeader(headers, 'x-envoy-attempt-count', String(this.#attempts));
    this.#router.introduce(headers, attempt.endpoint);
    const span = this.#span ?? this.#stream.span;
    if (span !== undefined) this.#stream.tracing?.inject(span, headers);
    this.#sentMs = this.#stream.clock.monotonicMs();
    const target = request.method === 'CONNECT' ? request.authority : request.path;
    return { method: request.method, target, scheme: request.scheme, headers, body: requestBody, upgrade };
  }

  onOpen(attempt: Attempt): void {
    const upstream = attempt.upstream!;
    const { outcome } = this.#stream;
    outcome.localAddress = upstream.localText;
    outcome.principal = upstream.connection.tls?.peer.uris[0] ?? '';
    const body = this.#body;
    if (body !== undefined) {
      for (const chunk of body.chunks) upstream.sendData(chunk);
      if (body.ended) upstream.sendEnd(body.trailers);
    }
    if (this.#starting) return; // who reads from the client flushes when all that came together is here
    upstream.flush();
    if (body !== undefined && !body.ended) this.#stream.resumeRequest();
  }

  onInformational(status: number, headers: Headers): void {
    if (status !== 100 || this.#stream.expectsContinue) this.#stream.inform(status, headers);
  }

  onResponse(attempt: Attempt, response: UpstreamResponse): void {
    this.#spanStatus = response.status;
    const retry = mayWant(this.#action.retry, response) ? this.#retry() : undefined;
    const unreached = takeUnreached(response) && retry?.wantsFailure(REFUSED, false) === true;
    if ((unreached || retry?.wantsResponse(response.status, response.headers)) && this.#mayResend()) {
      if (this.#retryAfter(response.headers)) {
        attempt.abort();
        return;
      }
      if (retry?.exhausted) this.#limitReached();
    }
    if (this.#retrying && response.status < 500) attempt.cluster.stats.upstream_rq_retry_success++;
    this.#retryOver();
    this.#body?.forget();
    this.#respond(response);
  }

  onResponseData(attempt: Attempt, bytes: Buffer): void {
    if (!this.#stream.respondData(bytes)) attempt.upstream?.pause();
  }

  onResponseEnd(attempt: Attempt, trailers: Headers | undefined): void {
    attempt.cluster.stats.upstream_rq_time.add(this.#stream.clock.monotonicMs() - this.#sentMs);
    this.#responseEnded = true;
    if (!this.#raw) this.#end();
    else if (this.#stream.requestEnded) this.#finishRaw();
    this.#stream.respondEnd(trailers);
  }

  onResponseFlush(): void {
    this.#stream.respondFlush();
  }

  onRequestDrain(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    this.#stream.resumeRequest();
  }

  onFailure(attempt: Attempt, failure: Failure): void {
    if (this.#over) return;
    if (failure.transport !== undefined) this.#stream.outcome.transportFailure = failure.transport;
    if (attempt.responseStarted) {
      this.#cut(failure);
      return;
    }
    if (this.#resendUnseen(attempt, failure)) return;
    const retry = this.#retry();
    if (retry?.wantsFailure(failure, attempt.sent) && (this.#mayResend() || !attempt.sent)) {
      if (this.#retryAfter(undefined)) return;
      if (retry.exhausted) this.#limitReached();
    }
    this.#fail(failure);
  }

  /** One try on an endpoint that the cluster picks. */
  #try(freshness: Freshness, on?: Endpoint): void {
    const cluster = this.#cluster!;
    const endpoint = on ?? this.#choice.next(cluster);
    if (endpoint === undefined) {
      cluster.stats.upstream_cx_none_healthy++;
      this.#fail(noEndpoint(cluster));
      return;
    }
    const { limits } = cluster.config;
    if (cluster.stats.upstream_rq_active >= limits.maxRequests) {
      cluster.stats.upstream_rq_pending_overflow++;
      this.#fail({
        kind: 'overflow',
        message: `Cluster ${cluster.name} has ${limits.maxRequests} requests already.`,
      });
      return;
    }
    this.#attempts++;
    const { outcome } = this.#stream;
    outcome.attempts = this.#attempts;
    outcome.host = endpoint.address;
    outcome.endpoint = endpoint;
    if (this.#stream.span !== undefined) this.#startSpan(cluster);
    const attempt = new Attempt(cluster, endpoint, this, this.#perTry());
    this.#attempt = attempt;
    const once = freshness === 'any' && !this.#mayResendUnseen() ? 'proven' : freshness;
    attempt.start(once);
    // The body waits where it is until there is somewhere to send it.
    if (attempt.upstream === undefined && !this.#over && this.#stream.requestBody !== 'none')
      this.#stream.holdRequest();
  }

  #perTry() {
    const ms = this.#times.perTryMs;
    if (ms === 0) return undefined;
    const { deadlines } = this.#router;
    return {
      ms,
      set: (deadline: Deadline, forMs: number) => deadlines.set(deadline, forMs),
      clear: (deadline: Deadline) => deadlines.clear(deadline),
    };
  }

  #respond(response: UpstreamResponse): void {
    const { headers } = response;
    removeHopByHop(headers);
    if (response.body === 'raw') {
      this.#raw = true;
      this.#limits?.clear();
    }
    if (!this.#router.config.suppressEnvoyHeaders) {
      const serviceMs = Math.round(this.#stream.clock.monotonicMs() - this.#sentMs);
      setHeader(headers, 'x-envoy-upstream-service-time', String(serviceMs));
    }
    this.#stream.respond(response);
  }

  /** What may still be tried; made when the first try did not go well. */
  #retry(): RetryState | undefined {
    if (this.#retryState === null)
      this.#retryState = retryStateOf(this.#action.retry, this.#stream.request, this.#stream.random);
    return this.#retryState;
  }

  /** Keeps what comes of the body as long as it may be sent again: by a retry, or because nobody saw it. */
  #keepBody(): void {
    this.#body = new KeptBody();
    if (this.#action.retry !== undefined || IDEMPOTENT.has(this.#stream.request.method)) return;
    // Over HTTP/2 an endpoint can say that it did not look at a request.
    if (this.#cluster?.config.http.protocol === 'http1') this.#body.forget();
  }

  /** Everything sent so far can be sent once more. */
  #mayResend(): boolean {
    return this.#body === undefined || this.#body.whole;
  }

  /** The method allows it and the body is there: a request that met a closing connection is simply sent again. */
  #mayResendUnseen(): boolean {
    return IDEMPOTENT.has(this.#stream.request.method) && this.#stream.upgrade === '' && this.#mayResend();
  }

  /**
   * The endpoint said that it did not look at the request, or a connection that had been idle ended without a byte:
   * once more, at once, on another.
   */
  #resendUnseen(attempt: Attempt, failure: Failure): boolean {
    const refused = failure.kind === 'refused' && this.#mayResend();
    const idleRace = attempt.reused && (failure.kind === 'termination' || failure.kind === 'remote-reset');
    if (this.#resent || !(refused || (idleRace && this.#mayResendUnseen()))) return false;
    this.#resent = true;
    this.#attempts--;
    if (refused) this.#try('any');
    else this.#try('new', attempt.endpoint);
    return true;
  }

  /** Another try after a pause; false where there is none. */
  #retryAfter(responseHeaders: Headers | undefined): boolean {
    const cluster = this.#cluster!;
    const { clock } = this.#stream;
    const waitMs = this.#retry()?.take(cluster, responseHeaders, clock.nowMs());
    if (waitMs === undefined) return false;
    cluster.stats.upstream_rq_retry++;
    if (!this.#retrying) cluster.activeRetries++;
    this.#retrying = true;
    this.#endSpan();
    if (this.#stream.requestBody !== 'none' && !this.#stream.requestEnded) this.#stream.holdRequest();
    this.#attempt = undefined;
    this.#backOff = clock.setTimeout(() => {
      if (!this.#over) this.#try('any');
    }, waitMs);
    return true;
  }

  #retryOver(): void {
    if (this.#retrying && this.#cluster !== undefined) this.#cluster.activeRetries--;
    this.#retrying = false;
  }

  #limitReached(): void {
    this.#cluster!.stats.upstream_rq_retry_limit_exceeded++;
    this.#stream.addFlags(FLAG.upstreamRetryLimitExceeded);
  }

  /** The time for the response counts from here. */
  #requestComplete(): void {
    for (const mirror of this.#mirrors) mirror.end();
    const { totalMs } = this.#times;
    if (totalMs === 0 || this.#stream.responseStarted) return;
    this.#timeLimits().limitResponse(totalMs);
  }

  #timeLimits(): TimeLimits {
    this.#limits ??= new TimeLimits(this.#router.deadlines, (limit) => {
      if (limit === 'response') this.#timedOut();
      else this.#fail({ kind: 'max-duration', message: 'The request took longer than a stream may.' });
    });
    return this.#limits;
  }

  #timedOut(): void {
    if (this.#over) return;
    const cluster = this.#cluster!;
    cluster.stats.upstream_rq_timeout++;
    const { endpoint } = this.#attempt ?? {};
    if (endpoint !== undefined) {
      endpoint.counts.rq_timeout++;
      cluster.report(endpoint, 'local-origin-failure');
    }
    const message = `${endpoint?.address ?? `Cluster ${cluster.name}`} did not answer within ${this.#times.totalMs} ms.`;
    this.#fail({ kind: 'timeout', message });
  }

  /** The response had begun: the client sees it cut. */
  #cut(failure: Failure): void {
    const reply = failureReply(failure, false, 503);
    const details = reply.details.replace('before_response_started', 'after_response_started');
    this.#end();
    this.#stream.fail({ ...reply, details });
  }

  #fail(failure: Failure): void {
    if (this.#over) return;
    this.#end();
    this.#attempt?.abort();
    const reply = failureReply(failure, this.#router.explains, this.#action.clusterNotFoundStatus);
    this.#stream.fail(tellUnreached(reply, failure, this.#stream));
  }

  #finishRaw(): void {
    this.#attempt?.finish();
    this.#end();
  }

  #startSpan(cluster: Cluster): void {
    this.#endSpan();
    const { tracing } = this.#stream;
    this.#span = tracing?.startAttempt(this.#stream, cluster.config.statName, this.#attempts);
    this.#spanStatus = 0;
  }

  #endSpan(): void {
    if (this.#span !== undefined)
      this.#stream.tracing?.finishAttempt(this.#stream, this.#span, this.#spanStatus);
    this.#span = undefined;
  }

  #end(): void {
    this.#over = true;
    this.#endSpan();
    this.#limits?.clear();
    this.#retryOver();
    this.#backOff?.cancel();
  }
}
