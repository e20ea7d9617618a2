import { getHeader, type Headers, setHeader } from '../../../../wire/headers.ts';
import type { UpstreamRequest, UpstreamResponse } from '../../../stream/codec.ts';
import type { Forwarding } from '../../../stream/routed-stream.ts';
import type { Attempt } from './attempt.ts';
import type { Failure } from './failures.ts';
import { redirectTarget } from './redirects.ts';
import { setAuthority, syncHost } from './request-head.ts';
import { EXPIRED_MS } from './request-times.ts';
import { isWhole } from './resend.ts';
import { completeResponse } from './response-head.ts';
import { mayWant } from './retry-state.ts';
import { Tries } from './tries.ts';
import { takeUnreached } from './unreached.ts';

/** What a response that says so counts as. */
const REFUSED: Failure = { kind: 'connect-failure', message: '' };

/**
 * A stream's request while it is forwarded: hands on what client and upstream say to each other. tries.ts has the tries,
 * forwarded-request.ts what is the same for all of them.
 */
export class RouterStream extends Tries implements Forwarding {
  #blocked = false;
  #starting = false;
  #raw = false;
  #responseEnded = false;

  /** Sends the request, as far as that goes at once. */
  start(): void {
    const { request } = this.stream;
    const name = this.leaf.cluster || (getHeader(request.headers, this.leaf.clusterHeader) ?? '');
    const cluster = this.router.cluster(name);
    this.stream.outcome.cluster = name;
    if (cluster === undefined) {
      this.fail({ kind: 'no-cluster', message: `There is no cluster ${name || 'for this request'}.` });
      return;
    }
    this.cluster = cluster;
    this.stream.outcome.statName = cluster.config.statName;
    this.stream.outcome.clusterMetadata = cluster.config.metadata;
    if (cluster.drops()) {
      cluster.stats.upstream_rq_dropped++;
      this.fail({ kind: 'dropped', message: `Cluster ${name} sheds load.` });
      return;
    }
    this.prepare(request.headers);
    if (this.stream.requestBody !== 'none') this.keepBody();
    if (this.action.mirrors.length > 0) this.mirrors = this.router.mirror(this.stream, this.action);
    const maxStreamMs = this.times.streamMs ?? this.router.maxStreamMs;
    if (maxStreamMs > 0) this.timeLimits().limitStream(maxStreamMs);
    if (this.times.streamMs === EXPIRED_MS) {
      this.tooLong();
      return;
    }
    if (this.stream.requestEnded) this.requestComplete();
    this.#starting = true;
    this.tryOn('any');
    this.#starting = false;
  }

  requestData(bytes: Buffer, last = false): boolean {
    this.body?.add(bytes);
    for (const mirror of this.mirrors) mirror.data(bytes);
    const upstream = this.attempt?.upstream;
    // Held since start() or since the last try failed: nothing comes without a stream to send it on.
    if (upstream === undefined) return false;
    const room = upstream.sendData(bytes, last && !this.body?.whole && this.mirrors.length === 0);
    this.#blocked = !room;
    return room;
  }

  requestEnd(trailers: Headers | undefined): void {
    if (this.body !== undefined) {
      this.body.ended = true;
      this.body.trailers = trailers;
    }
    const upstream = this.attempt?.upstream;
    upstream?.sendEnd(trailers);
    upstream?.flush();
    if (!this.#raw) this.requestComplete();
    if (this.#raw && this.#responseEnded) this.#finishRaw();
  }

  requestFlush(): void {
    const upstream = this.attempt?.upstream;
    if (upstream === undefined || upstream.flush()) return;
    this.#blocked = true;
    this.stream.holdRequest();
  }

  responseDrain(): void {
    this.attempt?.upstream?.resume();
  }

  pauseResponse(): void {
    this.attempt?.upstream?.pause();
  }

  resumeResponse(): void {
    this.attempt?.upstream?.resume();
  }

  abort(): void {
    if (this.over) return;
    if (this.attempt !== undefined && this.cluster !== undefined) this.cluster.stats.upstream_rq_cancelled++;
    this.end();
    this.abortAll();
  }

  requestFor(attempt: Attempt): UpstreamRequest {
    const { request, requestBody, upgrade } = this.stream;
    const { headers } = request;
    const { hostname } = attempt.endpoint.placement.spec;
    if (this.action.rewriteHost?.kind === 'endpoint' && hostname !== '')
      setAuthority(
        request,
        hostname,
        this.action.appendForwardedHost && this.attempts === 1,
        this.router.config,
      );
    syncHost(request);
    if (this.action.attemptCountInRequest) setHeader(headers, 'x-envoy-attempt-count', String(this.attempts));
    this.router.introduce(headers, attempt.endpoint);
    const span = attempt.span ?? this.stream.span;
    if (span !== undefined) this.stream.tracing?.inject(span, headers);
    this.sentMs = this.stream.clock.monotonicMs();
    this.stream.outcome.sentMs = this.sentMs - this.stream.startedMs;
    const target = request.method === 'CONNECT' ? request.authority : request.path;
    return { method: request.method, target, scheme: request.scheme, headers, body: requestBody, upgrade };
  }

  onOpen(attempt: Attempt): void {
    const upstream = attempt.upstream!;
    const { outcome } = this.stream;
    outcome.localAddress = upstream.localText;
    outcome.connection = upstream.connection;
    outcome.protocol = upstream.protocol;
    outcome.principal = upstream.connection.tls?.peer.uris[0] ?? '';
    const body = this.body;
    if (body !== undefined) {
      for (const chunk of body.chunks) upstream.sendData(chunk);
      if (body.ended) upstream.sendEnd(body.trailers);
    }
    if (this.stream.requestEnded) attempt.requestComplete();
    if (this.#starting) return; // who reads from the client flushes when all that came together is here
    upstream.flush();
    if (body !== undefined && !body.ended) this.stream.resumeRequest();
  }

  onInformational(status: number, headers: Headers): void {
    if (status !== 100 || this.stream.expectsContinue) this.stream.inform(status, headers);
  }

  onResponse(attempt: Attempt, response: UpstreamResponse): void {
    const retries = mayWant(this.action.retry, this.asked, response) ? this.retry() : undefined;
    const unreached = takeUnreached(response) && retries?.wantsFailure(REFUSED, false) === true;
    if (unreached || retries?.wantsResponse(response.status, response.headers)) {
      if (isWhole(this.body) && this.again(attempt, response.headers)) {
        attempt.cluster.stats.retry.add(response.status);
        return;
      }
      // A better answer may come of the other tries.
      if (this.drop(attempt)) return;
    }
    this.abortOthers(attempt);
    this.retries?.answered(response.status);
    if (this.#follows(attempt, response)) return;
    this.body?.forget();
    this.#respond(response);
  }

  onResponseData(attempt: Attempt, bytes: Buffer): void {
    if (!this.stream.respondData(bytes)) attempt.upstream?.pause();
  }

  onResponseEnd(attempt: Attempt, trailers: Headers | undefined): void {
    attempt.cluster.stats.upstream_rq_time.add(this.stream.clock.monotonicMs() - this.sentMs);
    this.#responseEnded = true;
    if (!this.#raw) this.end();
    else if (this.stream.requestEnded) this.#finishRaw();
    this.stream.respondEnd(trailers);
  }

  onResponseFlush(): void {
    this.stream.respondFlush();
  }

  onRequestDrain(): void {
    if (!this.#blocked) return;
    this.#blocked = false;
    this.stream.resumeRequest();
  }

  /** The upstream redirects, and the route says that this is for the proxy to follow. */
  #follows(attempt: Attempt, response: UpstreamResponse): boolean {
    const policy = this.action.internalRedirect;
    if (policy === undefined || !isWhole(this.body)) return false;
    const target = redirectTarget(response, policy, this.stream);
    const { stats } = attempt.cluster;
    if (target === undefined) return false;
    const go = this.stream.redirect(target, this.body);
    if (go === undefined) {
      stats.upstream_internal_redirect_failed_total++;
      return false;
    }
    stats.upstream_internal_redirect_succeeded_total++;
    this.end();
    attempt.abort();
    go();
    return true;
  }

  #respond(response: UpstreamResponse): void {
    if (response.body === 'raw') {
      this.#raw = true;
      this.limits?.clear();
    }
    const serviceMs = this.stream.clock.monotonicMs() - this.sentMs;
    completeResponse(response, this.stream, this.action, this.router.config, serviceMs);
    const { external, internal } = this.cluster!.stats;
    const isInternal = getHeader(this.stream.request.headers, 'x-envoy-internal') !== undefined;
    (isInternal ? internal : external).add(response.status);
    this.stream.respond(response);
  }

  #finishRaw(): void {
    this.attempt?.finish();
    this.end();
  }
}
