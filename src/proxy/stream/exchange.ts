import { Deadline } from '../../lib/deadlines.ts';
import { isGrpcType } from '../../wire/grpc/content-type.ts';
import { getHeader, type Headers, removeHeader } from '../../wire/headers.ts';
import { removeHopByHop } from '../../wire/http1/hop-by-hop.ts';
import { FLAG } from '../observe/response-flags.ts';
import { CallMessages } from './call-messages.ts';
import type {
  BadRequest,
  DownstreamEvents,
  DownstreamRequest,
  DownstreamStream,
  ResetReason,
} from './codec.ts';
import type { ConnectionView } from './connection-view.ts';
import { type CompiledChain, continueChain, type HeaderHook, verdictOf } from './filter-chain.ts';
import { applyOperations } from './header-operations.ts';
import { HeldBody, NO_BODY, type RequestBody } from './held-body.ts';
import type { Reply } from './http-filter.ts';
import { InterimLogs } from './interim-logs.ts';
import type { HttpManager } from './manager.ts';
import { routeOf } from './pick-route.ts';
import { prepareRequest, removeInternalOnly } from './prepare-request.ts';
import { NO_ROUTE, noRoute, REPLIES, routeReply, tlsRequired } from './replies.ts';
import { RequestState } from './request-state.ts';
import { ResponseSide } from './response-side.ts';
import { leafOf, type Route } from './route-table.ts';
import type { FollowedRedirect, RedirectedBody, RedirectTarget, RoutedStream } from './routed-stream.ts';

/** Reasons to hold the request; it flows when there is none. */
const HOLD_FILTER = 1;
const HOLD_UPSTREAM = 2;

/**
 * One request and its answer, the way there; response-side.ts is the way back. It runs the phases: prepare, route, request filters, terminal; then response filters back
 * to the client. Between them it only hands on what the codecs of both sides say. It ends exactly once, in end().
 */
export class Exchange extends ResponseSide implements DownstreamEvents, RoutedStream {
  requestBody: 'none' | 'length' | 'stream';
  readonly upgrade: string;
  expectsContinue: boolean;
  declare route: Route;
  redirects = NO_REDIRECTS;
  readonly #idle: Deadline;
  /** 0: it may rest as long as it likes. */
  #idleMs: number;
  readonly #limit: Deadline | undefined;
  #interim: InterimLogs | undefined;
  #holds = 0;
  /** The header hook that runs or is waited for. */
  #hook = 0;
  /** What filters keep of the body. */
  #held: HeldBody | undefined;
  #reason = '';

  /** `idle` calls idleExpired() when it expires. */
  constructor(
    manager: HttpManager,
    connection: ConnectionView,
    head: DownstreamRequest,
    stream: DownstreamStream,
    idle: Deadline,
  ) {
    const request = new RequestState(head.method, head.path, head.authority, head.headers);
    if (head.scheme !== undefined) request.scheme = head.scheme;
    const protocol = head.version === 11 ? 'HTTP/1.1' : head.version === 20 ? 'HTTP/2' : 'HTTP/1.0';
    super(manager, connection, request, protocol, stream, head.keepAlive);
    this.requestBody = head.framing === 'none' ? 'none' : head.framing === 'length' ? 'length' : 'stream';
    this.requestEnded = head.framing === 'none';
    // With a body of its own a request cannot be told from the bytes of the other protocol.
    const switches = head.version === 20 || head.framing === 'none';
    this.upgrade = !switches || head.upgrade.toLowerCase() === 'h2c' ? '' : head.upgrade;
    this.expectsContinue = head.expectContinue && manager.settings.forwardsContinue;
    const { requestMs, streamIdleMs } = manager.settings;
    this.#idle = idle;
    this.#idleMs = streamIdleMs;
    this.#limit =
      requestMs > 0 && !this.requestEnded ? new Deadline(() => this.fail(REPLIES.requestTime)) : undefined;
    if (this.requestEnded) this.requestEndMs = this.startedMs;
    else if (manager.settings.direction !== 'unspecified' && isGrpcType(request.header('content-type')))
      this.messages = new CallMessages();
    if (!this.expectsContinue && request.header('expect')?.toLowerCase() === '100-continue')
      this.#continueNow(head.expectContinue);
  }

  /** Runs as far as it goes at once. */
  start(): void {
    const { manager, request } = this;
    const { settings, deadlines } = manager;
    if (this.#idleMs > 0) deadlines.set(this.#idle, this.#idleMs);
    if (this.#limit !== undefined) deadlines.set(this.#limit, settings.requestMs);
    removeHopByHop(request.headers);
    if (settings.earlyMutations !== undefined)
      applyOperations(settings.earlyMutations, request.headers, this);
    const refusal = prepareRequest(request, this.peer, this.connection, settings, manager.random);
    const reply = refusal ?? this.#route();
    if (reply === REPLIES.hostUnknown) this.#awaitHost();
    else this.#routed(refusal, reply);
  }

  /** The route is known, or why there is none. */
  #routed(refusal: Reply | undefined, reply: Reply | undefined): void {
    const { manager } = this;
    if (manager.tracing !== undefined && refusal === undefined) manager.tracing.start(this);
    if (manager.interimLogs !== undefined && refusal === undefined)
      this.#interim = new InterimLogs(this, manager.interimLogs);
    if (reply !== undefined) {
      this.fail(reply);
      return;
    }
    const leaf = this.leaf ?? NO_ROUTE;
    this.chain = manager.chainOf(leaf);
    this.#runRequestFilters(0);
  }

  // What the client's codec reports.

  onRequestData(bytes: Buffer): void {
    if (this.over) return;
    this.bytesReceived += bytes.length;
    this.messages?.request(bytes);
    this.moved = true;
    if (this.#held === undefined) this.#sendRequestData(bytes, 0);
    else this.#keepData(this.#held, bytes);
  }

  onRequestEnd(trailers: Headers | undefined): void {
    if (this.over || this.requestEndMs >= 0) return;
    this.requestEndMs = this.clock.monotonicMs();
    if (this.#limit !== undefined) this.manager.deadlines.clear(this.#limit);
    if (this.#held !== undefined) this.#keepEnd(this.#held, trailers);
    else this.#sendRequestEnd(trailers, 0);
  }

  onRequestFlush(): void {
    this.touch();
    this.forwarding?.requestFlush();
  }

  onResponseDrain(): void {
    this.forwarding?.responseDrain();
  }

  onRequestReset(message: string, why: ResetReason, answered?: BadRequest): void {
    if (this.over) return;
    this.manager.stats.downstream_rq_rx_reset++;
    const old = this.protocol !== 'HTTP/2';
    if (why === 'gone') this.markGone('downstream_remote_disconnect');
    else if (why === 'reset') {
      this.responseFlags |= FLAG.downstreamRemoteReset;
      this.responseCodeDetails = 'http2.remote_reset';
    } else {
      this.responseFlags |= FLAG.downstreamProtocolError;
      this.responseCodeDetails = old ? 'http1.codec_error' : 'http2.violation.of.messaging.rule';
      this.connectionTerminationDetails = message;
      if (answered !== undefined) this.#answeredFor(answered);
    }
    this.abortForwarding();
    this.end();
  }

  /** The codec has answered. */
  #answeredFor({ status, details, headers, bodyBytes }: BadRequest): void {
    this.manager.stats.downstream_cx_protocol_error++;
    this.responseCodeDetails = details;
    this.response = { status, headers, body: 'length' };
    this.bytesSent += bodyBytes;
  }

  /** Nothing moved for too long. */
  idleExpired(): void {
    this.fail(this.requestEnded ? { ...REPLIES.streamIdle, status: 504 } : REPLIES.streamIdle);
  }

  holdRequest(): void {
    this.#hold(HOLD_UPSTREAM);
  }

  resumeRequest(): void {
    this.#release(HOLD_UPSTREAM);
    if (this.#held === undefined || this.forwarding === undefined) return;
    this.#deliverHeld(this.#held);
    this.forwarding?.requestFlush();
  }

  readBody(maxBytes: number): Promise<RequestBody> {
    if (this.requestEnded || this.upgrade !== '') return Promise.resolve(NO_BODY);
    // It would wait for an answer that nobody gives before the head is sent.
    if (this.expectsContinue) this.#continueNow(true);
    this.expectsContinue = false;
    this.#held ??= new HeldBody();
    this.#advanceHeld(this.#held);
    const body = this.#held.read(maxBytes);
    if (this.#held.waiting) this.#release(HOLD_FILTER);
    return body;
  }

  clearRoute(): void {
    if (this.over || this.responseStarted || this.forwarding !== undefined) return;
    const begun = this.chain as CompiledChain;
    this.#forgetRoute();
    if (this.#route() === REPLIES.hostUnknown) this.#reason = REPLIES.hostUnknown.body;
    const next = this.manager.chainOf(this.leaf ?? NO_ROUTE);
    const place = begun.places.requestHeaders[this.#hook] as number;
    if (next !== begun) this.chain = continueChain(begun, next, place);
  }

  redirect(target: RedirectTarget, body: RedirectedBody | undefined): (() => void) | undefined {
    const { request, route, leaf } = this;
    const { method, path, authority, scheme } = request;
    const { headers, withoutBody, accepts, ...place } = target;
    Object.assign(request, place);
    this.#forgetRoute();
    const refusal = this.#route();
    if (refusal === undefined && this.route !== undefined && accepts(this.route))
      return () => this.#redirected(route, headers, withoutBody ? undefined : body);
    Object.assign(request, { method, path, authority, scheme });
    this.route = route;
    this.leaf = leaf;
    return undefined;
  }

  /** As if it had just been received. */
  #redirected(from: Route, headers: Headers, body: RedirectedBody | undefined): void {
    const { headers: own } = this.request;
    own.splice(0, own.length, ...headers);
    this.redirects = [...this.redirects, { from, to: this.route }];
    this.forwarding = undefined;
    for (const close of (this.chain as CompiledChain).close) close(this);
    this.forgetStates();
    this.chain = this.manager.chainOf(this.leaf ?? NO_ROUTE);
    if (body === undefined) this.requestBody = 'none';
    else {
      this.requestEnded = false;
      this.#held = new HeldBody();
      for (const chunk of body.chunks) this.#held.add(chunk);
      this.#held.end(body.trailers);
    }
    this.#afterRequestFilter(undefined, 0);
  }

  #forgetRoute(): void {
    this.route = undefined as unknown as Route;
    this.leaf = undefined;
    this.#restUpTo(this.manager.settings.streamIdleMs);
  }

  /** Finds the route; a reply where the request must not get as far as filters. */
  #route(): Reply | undefined {
    const { manager, request } = this;
    if (request.authority === '' && this.protocol === 'HTTP/2') return REPLIES.noHost;
    const table = manager.routes();
    if (table === undefined) {
      this.#reason = 'the routes have not arrived from the control plane';
      return undefined;
    }
    if (table.internalOnlyHeaders.length > 0 && getHeader(request.headers, 'x-envoy-internal') !== 'true')
      removeInternalOnly(request.headers, table.internalOnlyHeaders);
    const host =
      table.onDemand === undefined
        ? manager.hosts.find(table, request.authority)
        : table.onDemand.find(request.authority);
    if (host === undefined || host === 'none') {
      if (table.onDemand !== undefined && host === undefined) return REPLIES.hostUnknown;
      this.#reason = `no virtual host of ${table.name || 'the routes'} takes ${request.authority || 'a request without a host'}`;
      return this.#checkUpgrade(undefined);
    }
    if (host.requireTls !== 'none' && getHeader(request.headers, 'x-forwarded-proto') !== 'https')
      return tlsRequired(request);
    const route = routeOf(host, request, this.peer, manager.random.uint32());
    if (route === undefined) {
      this.#reason = `no route of virtual host ${host.name} matches ${request.method} ${request.path}`;
      return this.#checkUpgrade(undefined);
    }
    this.route = route;
    this.leaf = leafOf(route.action, manager.random, request);
    if (route.action.kind === 'forward' && route.action.idleTimeoutMs !== undefined)
      this.#restUpTo(route.action.idleTimeoutMs);
    return this.#checkUpgrade(route);
  }

  /** The control plane is asked what answers for this host; the request waits. */
  #awaitHost(): void {
    this.#hold(HOLD_FILTER);
    this.manager.routes()?.onDemand?.until(this.request.authority, () => {
      if (this.over) return;
      this.#routed(undefined, this.#route());
      if (this.forwarding === undefined) return; // answered, or a filter waits
      if (this.#held !== undefined) this.#deliverHeld(this.#held);
      if (this.#held === undefined) this.#release(HOLD_FILTER);
      this.forwarding?.requestFlush();
    });
  }

  #checkUpgrade(route: Route | undefined): Reply | undefined {
    const isConnect = this.request.method === 'CONNECT';
    if (this.upgrade === '' && !isConnect) return undefined;
    const type = isConnect ? 'connect' : this.upgrade.toLowerCase();
    const own = route?.action.kind === 'forward' ? route.action.upgrades.get(type) : undefined;
    if (own ?? this.manager.settings.upgrades.get(type)) return undefined;
    this.manager.stats.downstream_rq_ws_on_non_ws_route++;
    return REPLIES.upgrade;
  }

  #runRequestFilters(from: number): void {
    for (let i = from; ; i++) {
      // A filter may have had the route chosen again: the hooks that follow are those of the chain as it is now.
      const hooks = (this.chain as CompiledChain).requestHeaders;
      if (i >= hooks.length) break;
      this.#hook = i;
      const verdict = verdictOf(hooks[i] as HeaderHook, this);
      if (verdict === undefined) continue;
      if (!(verdict instanceof Promise)) {
        this.fail(verdict);
        return;
      }
      // While it waits for the body the body comes.
      if (this.#held?.waiting !== true) this.#hold(HOLD_FILTER);
      verdict.then(
        (reply) => this.#afterRequestFilter(reply, i + 1),
        (error: Error) => this.#afterRequestFilter(REPLIES.filterFailed(error), i + 1),
      );
      return;
    }
    this.#forward();
  }

  #afterRequestFilter(reply: Reply | undefined, next: number): void {
    if (this.over) return;
    if (reply !== undefined) {
      if (reply === REPLIES.tooLarge) this.manager.stats.downstream_rq_too_large++;
      this.fail(reply);
      return;
    }
    this.#runRequestFilters(next);
    // Answered, or the next filter waits.
    if (this.forwarding === undefined) return;
    if (this.#held !== undefined) this.#deliverHeld(this.#held);
    if (this.#held === undefined) this.#release(HOLD_FILTER);
    this.forwarding?.requestFlush();
  }

  #forward(): void {
    const { route, leaf, manager } = this;
    const explains = manager.settings.explains;
    manager.stats.rq_total++;
    if (route === undefined || leaf === undefined) {
      manager.stats.no_route++;
      this.fail(noRoute(this.#reason || 'all weights of the route are zero', explains));
      return;
    }
    const { action } = route;
    if (action.kind !== 'forward') {
      this.fail(routeReply(action, this.request, manager.stats));
      return;
    }
    if (this.#held !== undefined || (this.chain as CompiledChain).requestData.length > 0) this.#reframe();
    const forwarding = manager.terminal.start(this, action, leaf);
    if (!this.over) this.forwarding = forwarding;
  }

  /** Through the data hooks from the `from`th on, and out. */
  #sendRequestData(bytes: Buffer, from: number): void {
    const hooks = this.chain?.requestData;
    const untouched = hooks === undefined || hooks.length === 0;
    const data = untouched ? bytes : this.#transform(bytes, false, from, hooks.length);
    if (data.length === 0 || this.forwarding === undefined) return;
    if (!this.forwarding.requestData(data, untouched)) this.#hold(HOLD_UPSTREAM);
  }

  #sendRequestEnd(trailers: Headers | undefined, from: number): void {
    this.requestEnded = true;
    const { chain } = this;
    if (chain !== undefined && chain.requestData.length > from) {
      const data = this.#transform(EMPTY, true, from, chain.requestData.length);
      if (this.over) return;
      if (data.length > 0) this.forwarding?.requestData(data);
    }
    if (trailers !== undefined && chain !== undefined)
      for (const hook of chain.requestTrailers) hook(this, trailers);
    this.forwarding?.requestEnd(trailers === undefined || trailers.length === 0 ? undefined : trailers);
    if (this.responseEnded) this.end();
  }

  #transform(bytes: Buffer, end: boolean, from: number, to: number): Buffer {
    const hooks = (this.chain as CompiledChain).requestData;
    let data = bytes;
    for (let i = from; i < to; i++) {
      const made = hooks[i]?.(this, data, end) ?? data;
      if ('status' in made) {
        this.fail(made);
        return EMPTY;
      }
      data = made;
    }
    return data;
  }

  #keepData(held: HeldBody, bytes: Buffer): void {
    held.add(held.position === 0 ? bytes : this.#transform(bytes, false, 0, held.position));
    if (!held.waiting) this.#hold(HOLD_FILTER);
  }

  #keepEnd(held: HeldBody, trailers: Headers | undefined): void {
    if (held.position > 0) held.add(this.#transform(EMPTY, true, 0, held.position));
    held.end(trailers);
  }

  /** What is kept goes through the data hooks of filters before the one that asks for it now. */
  #advanceHeld(held: HeldBody): void {
    const { requestHeaders, requestData } = (this.chain as CompiledChain).places;
    const place = requestHeaders[this.#hook] as number;
    const position = requestData.filter((one) => one < place).length;
    if (position <= held.position) return;
    const chunks = held.chunks.map((chunk) => this.#transform(chunk, false, held.position, position));
    if (held.ended) chunks.push(this.#transform(EMPTY, true, held.position, position));
    held.replace(chunks, position);
  }

  /** What was kept goes out after the head, as far as there is room. */
  #deliverHeld(held: HeldBody): void {
    while (held.chunks.length > 0 && (this.#holds & HOLD_UPSTREAM) === 0 && !this.over)
      this.#sendRequestData(held.chunks.shift() as Buffer, held.position);
    if ((this.#holds & HOLD_UPSTREAM) !== 0 || this.over) return;
    this.#held = undefined;
    if (held.ended) this.#sendRequestEnd(held.trailers, held.position);
    this.#release(HOLD_FILTER);
  }

  /** Filters may have changed the body: whether its length is known is what its head says now. */
  #reframe(): void {
    if (this.requestBody === 'none') return;
    const length = getHeader(this.request.headers, 'content-length');
    this.requestBody = length === undefined ? 'stream' : 'length';
  }

  /** The expectation ends here, also one of a request without a body. */
  #continueNow(isWaiting: boolean): void {
    removeHeader(this.request.headers, 'expect');
    if (!isWaiting) return;
    this.stream.sendInformational(100, []);
    this.stream.flush();
  }

  protected releaseRequest(): void {
    if (this.#held?.ended) this.requestEnded = true;
    this.#held = undefined;
    this.#release(HOLD_FILTER | HOLD_UPSTREAM);
  }

  #hold(reason: number): void {
    if (this.over) return;
    if (this.#holds === 0) this.stream.pause();
    this.#holds |= reason;
  }

  #release(reason: number): void {
    if (this.#holds === 0) return;
    this.#holds &= ~reason;
    if (this.#holds === 0) this.stream.resume();
  }

  /** The route's idle time in place of the connection manager's. */
  #restUpTo(ms: number): void {
    if (ms === this.#idleMs) return;
    this.#idleMs = ms;
    if (ms > 0) this.manager.deadlines.set(this.#idle, ms);
    else this.manager.deadlines.clear(this.#idle);
  }

  /** Bytes moved: the idle time starts anew. Once per read, not once per piece; and not for what is over with it. */
  protected touch(): void {
    if (!this.moved || this.over) return;
    this.moved = false;
    if (this.#idleMs > 0) this.manager.deadlines.set(this.#idle, this.#idleMs);
  }

  protected end(): void {
    if (this.over) return;
    this.over = true;
    this.endedMs = this.clock.monotonicMs();
    const { deadlines } = this.manager;
    deadlines.clear(this.#idle);
    if (this.#limit !== undefined) deadlines.clear(this.#limit);
    this.#interim?.stop();
    if (this.chain !== undefined) for (const close of this.chain.close) close(this);
    if (this.isUpgraded) this.manager.stats.downstream_cx_upgrades_active--;
    this.manager.finished(this);
  }
}

const EMPTY = Buffer.alloc(0);
const NO_REDIRECTS: readonly FollowedRedirect[] = [];
