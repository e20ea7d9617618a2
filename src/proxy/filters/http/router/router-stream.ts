import type { Deadlines } from '../../../../lib/deadlines.ts';
import { getHeader, type Headers, removeHeader, setHeader } from '../../../../wire/headers.ts';
import type { Span } from '../../../observe/tracing/span.ts';
import type { UpstreamRequest, UpstreamResponse } from '../../../stream/codec.ts';
import type { Reply } from '../../../stream/http-filter.ts';
import type { ForwardAction, RouteLeaf } from '../../../stream/route-table.ts';
import type { Forwarding, RoutedStream } from '../../../stream/routed-stream.ts';
import type { Cluster } from '../../../upstream/cluster.ts';
import type { Endpoint } from '../../../upstream/endpoint.ts';
import type { Freshness } from '../../../upstream/http-pool.ts';
import { TcpTransport } from '../../../upstream/tcp-transport.ts';
import { type AskedRetries, takeAskedRetries } from './asked-retries.ts';
import { Attempt, type AttemptOwner, type RequestPool } from './attempt.ts';
import type { RouterConfig } from './config.ts';
import { EndpointChoice } from './endpoint-choice.ts';
import { type Failure, failureReply, noEndpoint } from './failures.ts';
import { KeptBody } from './kept-body.ts';
import type { Mirror } from './mirror.ts';
import { redirectTarget } from './redirects.ts';
import { rewriteRequest, setAuthority, syncHost } from './request-head.ts';
import { EXPIRED_MS, hasEnvoyHeaders, type RequestTimes, requestTimes, tellTimes } from './request-times.ts';
import { isIdempotent, isWhole, mayResendUnseen, resendPlace } from './resend.ts';
import { completeResponse } from './response-head.ts';
import { Retries } from './retries.ts';
import { mayWant, retryStateOf } from './retry-state.ts';
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

/** What a response that says so counts as. */
const REFUSED: Failure = { kind: 'connect-failure', message: '' };
const NO_MIRRORS: readonly Mirror[] = [];
const NO_ATTEMPTS: Attempt[] = [];
const NO_TIMES: RequestTimes = { totalMs: 0, perTryMs: 0, perTryIdleMs: 0, streamMs: undefined };

/** A stream's request while it is forwarded: picks endpoints, runs attempts one after the other, keeps the times. */
export class RouterStream implements Forwarding, AttemptOwner {
  readonly #stream: RoutedStream;
  readonly #action: ForwardAction;
  readonly #leaf: RouteLeaf;
  readonly #router: RouterEnvironment;
  #cluster: Cluster | undefined;
  /** The newest, or the one that answers. */
  #attempt: Attempt | undefined;
  /** Older ones that may still answer: only where the route hedges. */
  #others = NO_ATTEMPTS;
  #retries: Retries | undefined | null = null;
  #asked: AskedRetries | undefined;
  #alternative = false;
  #times = NO_TIMES;
  #limits: TimeLimits | undefined;
  #body: KeptBody | undefined;
  #mirrors = NO_MIRRORS;
  readonly #choice: EndpointChoice;
  #attempts = 0;
  #resent = false;
  #sentMs = 0;
  #completeMs = 0;
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
    this.#stream.outcome.statName = cluster.config.statName;
    this.#stream.outcome.clusterMetadata = cluster.config.metadata;
    if (cluster.drops()) {
      cluster.stats.upstream_rq_dropped++;
      this.#fail({ kind: 'dropped', message: `Cluster ${name} sheds load.` });
      return;
    }
    this.#prepare(request.headers);
    if (this.#stream.requestBody !== 'none') this.#keepBody();
    if (this.#action.mirrors.length > 0) this.#mirrors = this.#router.mirror(this.#stream, this.#action);
    const maxStreamMs = this.#times.streamMs ?? this.#router.maxStreamMs;
    if (maxStreamMs > 0) this.#timeLimits().limitStream(maxStreamMs);
    if (this.#times.streamMs === EXPIRED_MS) {
      this.#tooLong();
      return;
    }
    if (this.#stream.requestEnded) this.#requestComplete();
    this.#starting = true;
    this.#try('any');
    this.#starting = false;
  }

  /** The head as all tries send it; headers in the order in which Envoy adds them. */
  #prepare(headers: Headers): void {
    const { config } = this.#router;
    const steered = hasEnvoyHeaders(headers);
    this.#times = requestTimes(headers, this.#action, config, steered);
    if (steered) {
      this.#asked = takeAskedRetries(headers);
      this.#alternative = removeHeader(headers, 'x-envoy-upstream-rq-timeout-alt-response');
      // The name of statistics that are not kept.
      removeHeader(headers, 'x-envoy-upstream-alt-stat-name');
    }
    tellTimes(headers, this.#times, this.#action, config, this.#hedges, 0);
    if (this.#action.attemptCountInRequest) setHeader(headers, 'x-envoy-attempt-count', '1');
    rewriteRequest(this.#stream, this.#action, this.#leaf, config);
  }

  get #hedges(): boolean {
    return this.#asked?.hedges ?? this.#action.hedges;
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
    const upstream = this.#attempt?.upstream;
    upstream?.sendEnd(trailers);
    upstream?.flush();
    if (!this.#raw) this.#requestComplete();
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
    this.#abortAll();
  }

  // What the attempt reports.

  poolFor(endpoint: Endpoint): RequestPool {
    const { request, connection } = this.#stream;
    if (this.#action.tunnels.includes(request.method)) {
      const { remote: source, local: destination } = connection.downstream;
      return new TcpTransport(endpoint, this.#cluster!, { source, destination });
    }
    return endpoint.poolFor(this.#stream.facts.protocol === 'HTTP/2', request, connection.downstream);
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
    this.#stream.outcome.sentMs = this.#sentMs - this.#stream.startedMs;
    const target = request.method === 'CONNECT' ? request.authority : request.path;
    return { method: request.method, target, scheme: request.scheme, headers, body: requestBody, upgrade };
  }

  onOpen(attempt: Attempt): void {
    const upstream = attempt.upstream!;
    const { outcome } = this.#stream;
    outcome.localAddress = upstream.localText;
    outcome.connection = upstream.connection;
    outcome.protocol = upstream.protocol;
    outcome.principal = upstream.connection.tls?.peer.uris[0] ?? '';
    const body = this.#body;
    if (body !== undefined) {
      for (const chunk of body.chunks) upstream.sendData(chunk);
      if (body.ended) upstream.sendEnd(body.trailers);
    }
    if (this.#stream.requestEnded) attempt.requestComplete();
    if (this.#starting) return; // who reads from the client flushes when all that came together is here
    upstream.flush();
    if (body !== undefined && !body.ended) this.#stream.resumeRequest();
  }

  onInformational(status: number, headers: Headers): void {
    if (status !== 100 || this.#stream.expectsContinue) this.#stream.inform(status, headers);
  }

  onResponse(attempt: Attempt, response: UpstreamResponse): void {
    this.#spanStatus = response.status;
    const retries = mayWant(this.#action.retry, this.#asked, response) ? this.#retry() : undefined;
    const unreached = takeUnreached(response) && retries?.wantsFailure(REFUSED, false) === true;
    if (unreached || retries?.wantsResponse(response.status, response.headers)) {
      if (isWhole(this.#body) && this.#again(attempt, response.headers)) {
        attempt.cluster.stats.retry.add(response.status);
        return;
      }
      // A better answer may come of the other tries.
      if (this.#drop(attempt)) return;
    }
    this.#abortOthers(attempt);
    this.#retries?.answered(response.status);
    if (this.#follows(attempt, response)) return;
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
    const retries = this.#retry();
    const wanted = retries?.wantsFailure(failure, attempt.sent) === true;
    if (wanted && (isWhole(this.#body) || !attempt.sent) && this.#again(attempt, undefined)) return;
    if (!this.#drop(attempt)) this.#fail(failure);
  }

  /** A hedged try goes on beside another one; without a further one it goes on alone. */
  onSlow(attempt: Attempt): boolean {
    if (!this.#hedges || this.#stream.responseStarted) return false;
    const retries = this.#retry();
    if (retries === undefined || retries.pending || !isWhole(this.#body)) return true;
    retries.again(undefined, () => {
      this.#others = [...this.#others, attempt];
      this.#tryAgain(true);
    });
    return true;
  }

  /** Another try in place of this one, after a pause. */
  #again(attempt: Attempt, headers: Headers | undefined): boolean {
    const retries = this.#retry();
    if (retries === undefined || retries.pending) return false;
    const afterTimeout = attempt.timedOut;
    if (!retries.again(headers, () => this.#tryAgain(afterTimeout))) return false;
    this.#endSpan();
    attempt.abort();
    this.#others = this.#others.filter((one) => one !== attempt);
    if (this.#attempt === attempt) this.#attempt = undefined;
    if (this.#stream.requestBody !== 'none' && !this.#stream.requestEnded) this.#stream.holdRequest();
    return true;
  }

  #tryAgain(afterTimeout: boolean): void {
    if (this.#over) return;
    const { headers } = this.#stream.request;
    const elapsedMs = this.#stream.requestEnded ? this.#stream.clock.monotonicMs() - this.#completeMs : 0;
    tellTimes(headers, this.#times, this.#action, this.#router.config, this.#hedges, elapsedMs);
    if (this.#action.marksTimeoutRetries && afterTimeout)
      setHeader(headers, 'x-envoy-is-timeout-retry', 'true');
    else if (this.#action.marksTimeoutRetries) removeHeader(headers, 'x-envoy-is-timeout-retry');
    this.#try('any');
  }

  /** Ends a try whose outcome does not count as long as there are others to hope for; false where there are none. */
  #drop(attempt: Attempt): boolean {
    const rest = this.#others.filter((one) => one !== attempt);
    const newest = this.#attempt === attempt ? rest.pop() : this.#attempt;
    if (newest === undefined && this.#retries?.pending !== true) return false;
    attempt.abort();
    this.#others = rest;
    this.#attempt = newest;
    return true;
  }

  #abortOthers(answering: Attempt): void {
    if (this.#others === NO_ATTEMPTS) return;
    for (const one of [...this.#others, this.#attempt]) if (one !== answering) one?.abort();
    this.#others = NO_ATTEMPTS;
    this.#attempt = answering;
  }

  #abortAll(): void {
    this.#attempt?.abort();
    for (const one of this.#others) one.abort();
  }

  /** The upstream redirects, and the route says that this is for the proxy to follow. */
  #follows(attempt: Attempt, response: UpstreamResponse): boolean {
    const policy = this.#action.internalRedirect;
    if (policy === undefined || !isWhole(this.#body)) return false;
    const target = redirectTarget(response, policy, this.#stream);
    const { stats } = attempt.cluster;
    if (target === undefined) return false;
    const go = this.#stream.redirect(target, this.#body);
    if (go === undefined) {
      stats.upstream_internal_redirect_failed_total++;
      return false;
    }
    stats.upstream_internal_redirect_succeeded_total++;
    this.#end();
    attempt.abort();
    go();
    return true;
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
    const breaker = cluster.breakers.of(this.#action.highPriority);
    if (!breaker.mayRequest()) {
      cluster.stats.upstream_rq_pending_overflow++;
      this.#fail({
        kind: 'overflow',
        message: `Cluster ${cluster.name} has ${breaker.limits.maxRequests} requests already.`,
      });
      return;
    }
    this.#attempts++;
    const { outcome } = this.#stream;
    outcome.attempts = this.#attempts;
    outcome.host = endpoint.address;
    if (outcome.endpoint !== undefined)
      outcome.triedBefore = [...(outcome.triedBefore ?? []), outcome.endpoint];
    outcome.endpoint = endpoint;
    if (this.#stream.span !== undefined) this.#startSpan(cluster);
    const attempt = new Attempt(
      cluster,
      endpoint,
      this,
      this.#router.deadlines,
      this.#times,
      this.#action.highPriority,
    );
    this.#attempt = attempt;
    const once = freshness === 'any' && !mayResendUnseen(this.#stream, this.#body) ? 'proven' : freshness;
    attempt.start(once);
    // The body waits where it is until there is somewhere to send it.
    if (attempt.upstream === undefined && !this.#over && this.#stream.requestBody !== 'none')
      this.#stream.holdRequest();
  }

  #respond(response: UpstreamResponse): void {
    if (response.body === 'raw') {
      this.#raw = true;
      this.#limits?.clear();
    }
    const serviceMs = this.#stream.clock.monotonicMs() - this.#sentMs;
    completeResponse(response, this.#stream, this.#action, this.#router.config, serviceMs);
    const { external, internal } = this.#cluster!.stats;
    const isInternal = getHeader(this.#stream.request.headers, 'x-envoy-internal') !== undefined;
    (isInternal ? internal : external).add(response.status);
    this.#stream.respond(response);
  }

  /** What may still be tried; made when the first try did not go well. */
  #retry(): Retries | undefined {
    if (this.#retries !== null) return this.#retries;
    const { request, random } = this.#stream;
    const state = retryStateOf(this.#action.retry, this.#asked, request, random);
    this.#retries = state && new Retries(state, this.#cluster!, this.#action.highPriority, this.#stream);
    return this.#retries;
  }

  /** Keeps what comes of the body as long as it may be sent again: by a retry, or because nobody saw it. */
  #keepBody(): void {
    this.#body = new KeptBody(this.#action.bufferBytes);
    const { retry, internalRedirect } = this.#action;
    if (retry !== undefined || this.#asked !== undefined || internalRedirect !== undefined) return;
    if (isIdempotent(this.#stream.request.method)) return;
    // Over HTTP/2 an endpoint can say that it did not look at a request.
    if (this.#cluster?.config.http.protocol === 'http1') this.#body.forget();
  }

  /**
   * The endpoint said that it did not look at the request, or a connection that had been idle ended without a byte:
   * once more, at once, on another.
   */
  #resendUnseen(attempt: Attempt, failure: Failure): boolean {
    const place = this.#resent ? undefined : resendPlace(attempt, failure, this.#stream, this.#body);
    if (place === undefined) return false;
    this.#resent = true;
    this.#attempts--;
    if (place === 'any') this.#try('any');
    else this.#try('new', attempt.endpoint);
    return true;
  }

  /** The time for the response counts from here. */
  #requestComplete(): void {
    for (const mirror of this.#mirrors) mirror.end();
    this.#completeMs = this.#stream.clock.monotonicMs();
    this.#attempt?.requestComplete();
    const { totalMs } = this.#times;
    if (totalMs > 0) this.#timeLimits().limitResponse(totalMs);
  }

  #timeLimits(): TimeLimits {
    this.#limits ??= new TimeLimits(this.#router.deadlines, (limit) => {
      if (limit === 'response') this.#timedOut();
      else this.#tooLong();
    });
    return this.#limits;
  }

  #tooLong(): void {
    const failure = { kind: 'max-duration', message: 'The request took longer than a stream may.' } as const;
    if (this.#stream.responseStarted) this.#cut(failure);
    else this.#fail(failure);
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
    if (this.#stream.responseStarted) this.#cut({ kind: 'timeout', message });
    else this.#fail({ kind: 'timeout', message });
  }

  /** The response had begun: the client sees it cut. */
  #cut(failure: Failure): void {
    const reply = failureReply(failure, false, 503, 1);
    const details = reply.details.replace('before_response_started', 'after_response_started');
    this.#end();
    this.#abortAll();
    this.#stream.fail({ ...reply, details });
  }

  #fail(failure: Failure): void {
    if (this.#over) return;
    this.#end();
    this.#abortAll();
    const reply = failureReply(
      failure,
      this.#router.explains,
      this.#action.clusterNotFoundStatus,
      this.#attempts,
    );
    this.#stream.fail(tellUnreached(this.#otherStatus(reply, failure), failure, this.#stream));
  }

  /** Who waited too long for the rest of the request says so, who waited for the answer that. */
  #otherStatus(reply: Reply, { kind }: Failure): Reply {
    if (kind === 'max-duration' && this.#stream.requestEnded) return { ...reply, status: 504 };
    return kind === 'timeout' && this.#alternative ? { ...reply, status: 204 } : reply;
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
    this.#retries?.end();
  }
}
