import { type Headers, removeHeader, setHeader } from '../../../../wire/headers.ts';
import type { UpstreamRequest, UpstreamResponse } from '../../../stream/codec.ts';
import type { ForwardAction, RouteLeaf } from '../../../stream/route-table.ts';
import type { RoutedStream } from '../../../stream/routed-stream.ts';
import type { Endpoint } from '../../../upstream/endpoint.ts';
import type { Freshness } from '../../../upstream/http-pool.ts';
import { TcpTransport } from '../../../upstream/tcp-transport.ts';
import { Attempt, type AttemptOwner, type RequestPool } from './attempt.ts';
import { EndpointChoice } from './endpoint-choice.ts';
import { type Failure, noEndpoint } from './failures.ts';
import { ForwardedRequest, type RouterEnvironment } from './forwarded-request.ts';
import { tellTimes } from './request-times.ts';
import { isWhole, mayResendUnseen, resendPlace } from './resend.ts';
import { Retries } from './retries.ts';
import { retryStateOf } from './retry-state.ts';

const NO_ATTEMPTS: Attempt[] = [];

/** The tries of a request: one, further ones after it, and where the route hedges several beside each other. */
export abstract class Tries extends ForwardedRequest implements AttemptOwner {
  /** The newest, or the one that answers. */
  protected attempt: Attempt | undefined;
  protected retries: Retries | undefined | null = null;
  protected sentMs = 0;
  /** Older ones that may still answer: only where the route hedges. */
  #others = NO_ATTEMPTS;
  readonly #choice: EndpointChoice;
  #resent = false;

  constructor(stream: RoutedStream, action: ForwardAction, leaf: RouteLeaf, router: RouterEnvironment) {
    super(stream, action, leaf, router);
    this.#choice = new EndpointChoice(stream, action, leaf);
  }

  protected get current(): Attempt | undefined {
    return this.attempt;
  }

  abstract requestFor(attempt: Attempt): UpstreamRequest;
  abstract onOpen(attempt: Attempt): void;
  abstract onInformational(status: number, headers: Headers): void;
  abstract onResponse(attempt: Attempt, response: UpstreamResponse): void;
  abstract onResponseData(attempt: Attempt, bytes: Buffer): void;
  abstract onResponseEnd(attempt: Attempt, trailers: Headers | undefined): void;
  abstract onResponseFlush(): void;
  abstract onRequestDrain(): void;

  poolFor(endpoint: Endpoint): RequestPool {
    const { request, connection } = this.stream;
    if (this.action.tunnels.includes(request.method)) {
      const { remote: source, local: destination } = connection.downstream;
      const ends = { source, destination };
      return new TcpTransport(endpoint, this.cluster!, ends, this.action.tunnelHeader);
    }
    return endpoint.poolFor(this.stream.facts.protocol === 'HTTP/2', request, connection.downstream);
  }

  onFailure(attempt: Attempt, failure: Failure): void {
    if (this.over) return;
    this.#endSpan(attempt);
    if (failure.transport !== undefined) this.stream.outcome.transportFailure = failure.transport;
    if (attempt.responseStarted) {
      this.cut(failure);
      return;
    }
    if (this.#resendUnseen(attempt, failure)) return;
    const retries = this.retry();
    const wanted = retries?.wantsFailure(failure, attempt.sent) === true;
    if (wanted && (isWhole(this.body) || !attempt.sent) && this.again(attempt, undefined)) return;
    if (!this.drop(attempt)) this.fail(failure);
  }

  /** A hedged try goes on beside another one; without a further one it goes on alone. */
  onSlow(attempt: Attempt): boolean {
    if (!this.hedges || this.stream.responseStarted) return false;
    const retries = this.retry();
    if (retries === undefined || retries.pending || !isWhole(this.body)) return true;
    retries.again(undefined, () => {
      this.#others = [...this.#others, attempt];
      this.#tryAgain(true);
    });
    return true;
  }

  /** One try on an endpoint that the cluster picks. */
  protected tryOn(freshness: Freshness, on?: Endpoint): void {
    const cluster = this.cluster!;
    const endpoint = on ?? this.#choice.next(cluster);
    if (endpoint === undefined) {
      cluster.stats.upstream_cx_none_healthy++;
      this.fail(noEndpoint(cluster));
      return;
    }
    const breaker = cluster.breakers.of(this.action.highPriority);
    if (!breaker.mayRequest()) {
      cluster.stats.upstream_rq_active_overflow++;
      this.fail({
        kind: 'overflow',
        message: `Cluster ${cluster.name} has ${breaker.limits.maxRequests} requests already.`,
      });
      return;
    }
    if (this.attempts === 0) breaker.recent?.add();
    this.attempts++;
    const { outcome } = this.stream;
    outcome.attempts = this.attempts;
    outcome.host = endpoint.address;
    if (outcome.endpoint !== undefined)
      outcome.triedBefore = [...(outcome.triedBefore ?? []), outcome.endpoint];
    outcome.endpoint = endpoint;
    const attempt = new Attempt(
      cluster,
      endpoint,
      this,
      this.router.deadlines,
      this.times,
      this.action.highPriority,
    );
    if (this.stream.span !== undefined) this.#startSpan(attempt);
    this.attempt = attempt;
    const once = freshness === 'any' && !mayResendUnseen(this.stream, this.body) ? 'proven' : freshness;
    attempt.start(once);
    // The body waits where it is until there is somewhere to send it.
    if (attempt.upstream === undefined && !this.over && this.stream.requestBody !== 'none')
      this.stream.holdRequest();
  }

  /** Another try in place of this one, after a pause. */
  protected again(attempt: Attempt, headers: Headers | undefined): boolean {
    const retries = this.retry();
    if (retries === undefined || retries.pending) return false;
    const afterTimeout = attempt.timedOut;
    if (!retries.again(headers, () => this.#tryAgain(afterTimeout))) return false;
    this.#abort(attempt);
    this.#others = this.#others.filter((one) => one !== attempt);
    if (this.attempt === attempt) this.attempt = undefined;
    if (this.stream.requestBody !== 'none' && !this.stream.requestEnded) this.stream.holdRequest();
    return true;
  }

  #tryAgain(afterTimeout: boolean): void {
    if (this.over) return;
    const { headers } = this.stream.request;
    const elapsedMs = this.stream.requestEnded ? this.stream.clock.monotonicMs() - this.completeMs : 0;
    tellTimes(headers, this.times, this.action, this.router.config, this.hedges, elapsedMs);
    if (this.action.marksTimeoutRetries && afterTimeout)
      setHeader(headers, 'x-envoy-is-timeout-retry', 'true');
    else if (this.action.marksTimeoutRetries) removeHeader(headers, 'x-envoy-is-timeout-retry');
    this.tryOn('any');
  }

  /** Ends a try whose outcome does not count as long as there are others to hope for; false where there are none. */
  protected drop(attempt: Attempt): boolean {
    const rest = this.#others.filter((one) => one !== attempt);
    const newest = this.attempt === attempt ? rest.pop() : this.attempt;
    if (newest === undefined && this.retries?.pending !== true) return false;
    this.#abort(attempt);
    this.#others = rest;
    this.attempt = newest;
    return true;
  }

  protected abortOthers(answering: Attempt): void {
    if (this.#others === NO_ATTEMPTS) return;
    for (const one of [...this.#others, this.attempt])
      if (one !== undefined && one !== answering) this.#abort(one);
    this.#others = NO_ATTEMPTS;
    this.attempt = answering;
  }

  protected abortAll(): void {
    this.attempt?.abort();
    for (const one of this.#others) one.abort();
  }

  /** What may still be tried; made when the first try did not go well. */
  protected retry(): Retries | undefined {
    if (this.retries !== null) return this.retries;
    const { request, random } = this.stream;
    const state = retryStateOf(this.action.retry, this.asked, request, random);
    this.retries = state && new Retries(state, this.cluster!, this.action.highPriority, this.stream);
    return this.retries;
  }

  /**
   * The endpoint said that it did not look at the request, or a connection that had been idle ended without a byte:
   * once more, at once, on another.
   */
  #resendUnseen(attempt: Attempt, failure: Failure): boolean {
    const place = this.#resent ? undefined : resendPlace(attempt, failure, this.stream, this.body);
    if (place === undefined) return false;
    this.#resent = true;
    this.attempts--;
    if (place === 'any') this.tryOn('any');
    else this.tryOn('new', attempt.endpoint);
    return true;
  }

  #abort(attempt: Attempt): void {
    this.#endSpan(attempt);
    attempt.abort();
  }

  #startSpan(attempt: Attempt): void {
    const { tracing } = this.stream;
    attempt.span = tracing?.startAttempt(this.stream, attempt.cluster.config.statName, this.attempts);
  }

  #endSpan(attempt: Attempt): void {
    const { span } = attempt;
    if (span === undefined) return;
    attempt.span = undefined;
    this.stream.tracing?.finishAttempt(this.stream, span, attempt.status, attempt.endpoint.address);
  }

  protected end(): void {
    this.over = true;
    if (this.attempt !== undefined) this.#endSpan(this.attempt);
    if (this.#others !== NO_ATTEMPTS) for (const one of this.#others) this.#endSpan(one);
    this.limits?.clear();
    this.retries?.end();
  }
}
