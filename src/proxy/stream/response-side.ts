import { isGrpcType } from '../../wire/grpc/content-type.ts';
import { getHeader, type Headers, removeHeader, setHeader } from '../../wire/headers.ts';
import { removeHopByHop } from '../../wire/http1/hop-by-hop.ts';
import type { DownstreamStream, UpstreamResponse } from './codec.ts';
import type { ConnectionView } from './connection-view.ts';
import { type CompiledChain, type HeaderHook, type ResponseEndHooks, verdictOf } from './filter-chain.ts';
import { applyOperations } from './header-operations.ts';
import type { RequestBody } from './held-body.ts';
import type { Reply } from './http-filter.ts';
import { localReplyHead } from './local-reply.ts';
import { rewriteReply } from './local-reply-config.ts';
import type { HttpManager } from './manager.ts';
import { prepareResponse } from './prepare-response.ts';
import { REPLIES } from './replies.ts';
import type { RequestState } from './request-state.ts';
import type { Forwarding } from './routed-stream.ts';
import { StreamRecord } from './stream-record.ts';

/**
 * The way back of a stream: the upstream's response, or an answer of our own, through the response filters to the
 * client. exchange.ts is the way there.
 */
export abstract class ResponseSide extends StreamRecord {
  requestEnded = false;
  responseStarted = false;
  abstract readonly upgrade: string;
  abstract readonly requestBody: 'none' | 'length' | 'stream';
  protected readonly stream: DownstreamStream;
  protected readonly keepAlive: boolean;
  protected chain: CompiledChain | undefined;
  protected forwarding: Forwarding | undefined;
  protected responseEnded = false;
  /** Its bytes are another protocol's. */
  protected isUpgraded = false;
  /** Bytes moved since the last touch(). */
  protected moved = false;
  /** What the upstream sent while filters were not done with the response's head. */
  #waiting: (() => void)[] | undefined;
  #responseBody: UpstreamResponse['body'] = 'none';
  /** It was answered here before the client had said everything. */
  #early = false;

  constructor(
    manager: HttpManager,
    connection: ConnectionView,
    request: RequestState,
    protocol: string,
    stream: DownstreamStream,
    keepAlive: boolean,
  ) {
    super(manager, connection, request, protocol);
    this.stream = stream;
    this.keepAlive = keepAlive;
  }

  abstract readBody(maxBytes: number): Promise<RequestBody>;
  abstract clearRoute(): void;
  /** The stream is over. Does so once. */
  protected abstract end(): void;
  /** Bytes moved, or not. */
  protected abstract touch(): void;
  /** Lets the request flow, whatever held it. */
  protected abstract releaseRequest(): void;

  inform(status: number, headers: Headers): void {
    if (this.over || this.responseStarted) return;
    removeHopByHop(headers);
    this.stream.sendInformational(status, headers);
    this.stream.flush();
  }

  respond(response: UpstreamResponse): void {
    if (this.over) return;
    this.responseStarted = true;
    this.responseStartMs = this.clock.monotonicMs();
    this.responseCodeDetails = 'via_upstream';
    this.response = response;
    this.#applyRoute(response.headers);
    this.moved = true;
    this.#begin(response);
  }

  respondData(bytes: Buffer): boolean {
    if (this.over) return true;
    if (this.#waiting !== undefined) {
      this.#waiting.push(() => this.respondData(bytes));
      return true;
    }
    this.moved = true;
    const hooks = this.chain?.responseData;
    if (hooks === undefined || hooks.length === 0) return this.#sendResponseData(bytes, true);
    return this.#transformData(bytes, 0);
  }

  respondEnd(trailers: Headers | undefined): void {
    if (this.over) return;
    if (this.#waiting !== undefined) {
      this.#waiting.push(() => this.respondEnd(trailers));
      return;
    }
    if (this.chain === undefined || this.chain.responseEnds.length === 0) this.#sendEnd(trailers);
    else this.#transformEnd(EMPTY, trailers, 0);
  }

  #sendEnd(trailers: Headers | undefined): void {
    if (trailers !== undefined) this.responseTrailers = trailers;
    this.responseEnded = true;
    // Bytes of another protocol go on in the other direction.
    if (this.#responseBody !== 'raw' || this.requestEnded) this.end();
    this.stream.sendEnd(trailers);
  }

  respondFlush(): void {
    this.touch();
    if (!this.stream.flush() && !this.over) this.forwarding?.pauseResponse();
  }

  fail(reply: Reply): void {
    if (this.over) return;
    this.responseFlags |= reply.flags ?? 0;
    this.responseCodeDetails = reply.details;
    this.abortForwarding();
    if (this.responseStarted || reply.reset) {
      this.manager.stats.downstream_rq_tx_reset++;
      this.end();
      this.stream.reset();
      return;
    }
    this.responseStarted = true;
    this.#waiting = undefined;
    this.releaseRequest();
    this.#sendReply(reply);
  }

  #sendResponseData(bytes: Buffer, last: boolean): boolean {
    this.bytesSent += bytes.length;
    this.messages?.response(bytes);
    return bytes.length === 0 ? true : this.stream.sendData(bytes, last);
  }

  /** Through the data hooks from the `from`th on, and out. */
  #transformData(bytes: Buffer, from: number): boolean {
    const hooks = (this.chain as CompiledChain).responseData;
    let data = bytes;
    for (let i = from; i < hooks.length; i++) {
      const made = hooks[i]?.(this, data, false) ?? data;
      if (made instanceof Promise) {
        this.#await(made, (later) => void this.#transformData(later, i + 1));
        return true;
      }
      data = made;
    }
    return this.#sendResponseData(data, false);
  }

  /** The end of the body, and the trailers, through the filters from the `from`th on; `bytes` are left of those before. */
  #transformEnd(bytes: Buffer, trailers: Headers | undefined, from: number): void {
    const ends = (this.chain as CompiledChain).responseEnds;
    for (let i = from, data = bytes; ; i++) {
      if (i === ends.length) {
        this.#sendResponseData(data, false);
        break;
      }
      const hooks = ends[i] as ResponseEndHooks;
      const made = hooks.responseData?.(this, data, true) ?? data;
      if (made instanceof Promise) {
        this.#await(made, (later) =>
          this.#transformEnd(this.#endTrailers(hooks, later, trailers), trailers, i + 1),
        );
        return;
      }
      data = this.#endTrailers(hooks, made, trailers);
    }
    this.#sendEnd(trailers === undefined || trailers.length === 0 ? undefined : trailers);
  }

  #endTrailers({ responseTrailers }: ResponseEndHooks, data: Buffer, trailers: Headers | undefined): Buffer {
    const more = trailers === undefined ? undefined : responseTrailers?.(this, trailers);
    return more === undefined ? data : data.length === 0 ? more : Buffer.concat([data, more]);
  }

  /** A filter is not done with a piece of the body: what comes meanwhile waits its turn, and the upstream with it. */
  #await(made: Promise<Buffer>, goOn: (bytes: Buffer) => void): void {
    this.#waiting = [];
    this.forwarding?.pauseResponse();
    made.then(
      (bytes) => {
        if (this.over) return;
        const waiting = this.#waiting ?? [];
        this.#waiting = undefined;
        goOn(bytes);
        this.#replay(waiting);
      },
      (error: Error) => this.fail(REPLIES.filterFailed(error)),
    );
  }

  /** Events that waited; the first that has to wait again takes the rest along. */
  #replay(waiting: readonly (() => void)[]): void {
    for (const event of waiting) event();
    // Nobody else sends off what was gathered: the upstream had its last word before.
    if (this.responseEnded) this.stream.flush();
    if (this.over) return;
    this.respondFlush();
    if (this.#waiting === undefined) this.forwarding?.resumeResponse();
  }

  /** The response's head, upstream's or our own, through the filters to the client. */
  #begin(response: UpstreamResponse): void {
    this.response = response;
    this.#responseBody = response.body;
    this.#runResponseFilters(response, 0);
  }

  #runResponseFilters(response: UpstreamResponse, from: number): void {
    const hooks = this.chain?.responseHeaders ?? [];
    for (let i = from; i < hooks.length; i++) {
      const verdict = verdictOf(hooks[i] as HeaderHook, this);
      if (verdict === undefined) continue;
      if (verdict instanceof Promise) {
        this.#waiting = [];
        this.forwarding?.pauseResponse();
        verdict.then(
          (reply) => this.#afterResponseFilter(response, reply, i + 1),
          (error: Error) => this.#afterResponseFilter(response, REPLIES.filterFailed(error), i + 1),
        );
        return;
      }
      this.#replaceResponse(verdict);
      return;
    }
    this.#sendHead(response);
  }

  #afterResponseFilter(response: UpstreamResponse, reply: Reply | undefined, next: number): void {
    if (this.over) return;
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    if (reply !== undefined) {
      this.#replaceResponse(reply);
      return;
    }
    this.#runResponseFilters(response, next);
    this.#replay(waiting);
  }

  /** A filter answers in the upstream's place; nothing was sent yet. */
  #replaceResponse(reply: Reply): void {
    this.abortForwarding();
    this.responseFlags |= reply.flags ?? 0;
    this.responseCodeDetails = reply.details;
    this.chain = undefined;
    this.#sendReply(reply);
  }

  #sendReply(reply: Reply): void {
    // Whoever sends the rest of a long request after its answer shall know that nobody waits for it (HTTP/2 can say so by itself).
    this.#early = !this.requestEnded && this.protocol !== 'HTTP/2';
    const isGrpc = this.answersGrpc ?? isGrpcType(this.request.header('content-type'));
    const headers: Headers = reply.headers === undefined ? [] : [...reply.headers];
    if (reply.applyRouteHeaders) this.#applyRoute(headers);
    const { localReplies } = this.manager.settings;
    const formatted = localReplies === undefined ? reply : rewriteReply(localReplies, reply, headers, this);
    const { status, body } = localReplyHead(formatted, headers, isGrpc, this.request.method === 'HEAD');
    // HTTP/2 says by the end of the stream that there is no body.
    if (body === '' && this.protocol === 'HTTP/2' && getHeader(headers, 'content-length') === '0')
      removeHeader(headers, 'content-length');
    this.#begin({ status, reason: '', headers, body: body === '' ? 'none' : 'length' });
    if (this.over) return;
    if (body !== '') this.respondData(Buffer.from(body, 'latin1'));
    this.respondEnd(undefined);
    this.stream.flush();
  }

  /** What the route says of responses, and how many attempts it took. */
  #applyRoute(headers: Headers): void {
    if (this.leaf?.responseHeaders !== undefined) applyOperations(this.leaf.responseHeaders, headers, this);
    const action = this.route?.action;
    if (action?.kind === 'forward' && action.attemptCountInResponse)
      setHeader(headers, 'x-envoy-attempt-count', String(Math.max(1, this.outcome.attempts)));
  }

  #sendHead(response: UpstreamResponse): void {
    const { manager } = this;
    const { status, headers } = this.response;
    if (status === 204) removeHeader(headers, 'content-length');
    const requestId =
      manager.settings.requestIdInResponse || this.request.forcesTrace
        ? this.request.header('x-request-id')
        : undefined;
    prepareResponse(headers, manager.settings, manager.clock, requestId);
    if (manager.tracing !== undefined) manager.tracing.respond(this, headers);
    const transformed =
      response.body === 'length' && this.chain !== undefined && this.chain.responseData.length > 0;
    const body = transformed && getHeader(headers, 'content-length') === undefined ? 'stream' : response.body;
    const upgrade = body === 'raw' && status === 101 ? this.upgrade : '';
    // What a client still sends of a raw stream is not the rest of the request any more.
    if (body === 'raw') this.#becomeRaw();
    const close = !this.keepAlive || this.#early || manager.closing();
    this.stream.sendHead(
      { status, reason: status === response.status ? response.reason : '', headers, body, upgrade },
      close,
    );
  }

  #becomeRaw(): void {
    this.requestEnded = false;
    this.requestEndMs = -1;
    this.isUpgraded = true;
    this.manager.stats.downstream_cx_upgrades_total++;
    this.manager.stats.downstream_cx_upgrades_active++;
  }

  /** Nobody wants what the upstream has to say. */
  protected abortForwarding(): void {
    const { forwarding } = this;
    this.forwarding = undefined;
    forwarding?.abort();
  }
}

const EMPTY = Buffer.alloc(0);
