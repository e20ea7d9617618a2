import { hostPort } from '../../lib/host-port.ts';
import type { Connection, ConnectionHandlers, NetError } from '../../wire/connection.ts';
import { getHeader, type Headers, indexOfHeader } from '../../wire/headers.ts';
import type { Http1Error } from '../../wire/http1/error.ts';
import type { MessageEvents, ResponseHead, ResponseParser } from '../../wire/http1/message.ts';
import { createResponseParser } from '../../wire/http1/parser.ts';
import { CHUNK_END, chunkStart, type HopFields, lastChunk, requestHead } from '../../wire/http1/serialize.ts';
import type {
  StreamReset,
  UpstreamEvents,
  UpstreamRequest,
  UpstreamStream,
  UpstreamTransport,
} from '../stream/codec.ts';
import { contain } from '../stream/contain.ts';
import { Gather } from '../stream/gather.ts';

/** Who keeps the connection between requests. */
export interface Http1Owner {
  /** The connection is free again. */
  onFree(connection: Http1Connection): void;
  /** It is gone. `idle`: it carried no request. */
  onGone(connection: Http1Connection, idle: boolean): void;
  /** What the upstream says of its idle time-out. */
  onKeepAlive(value: string): void;
}

const CHUNKED: HopFields = { chunked: true };
const EMPTY: HopFields = { empty: true };
/** Nobody waits for a body of these, so an absent one needs no word (RFC 9110 §8.6). */
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'TRACE', 'CONNECT']);

/**
 * An HTTP/1 connection to an upstream, and, while it carries a request, that request's stream. One object for all
 * requests of the connection: a request costs no closures here.
 */
export class Http1Connection implements UpstreamTransport, UpstreamStream, ConnectionHandlers {
  readonly connection: Connection;
  readonly protocol = 'HTTP/1.1';
  readonly localText: string;
  /** Requests it has carried, the present one included. */
  requests = 0;
  /** When it became free, or was made. */
  idleSinceMs: number;
  readonly madeMs: number;
  /** Takes no further request. */
  closing = false;
  readonly #owner: Http1Owner;
  readonly #address: string;
  readonly #parser: ResponseParser;
  readonly #out: Gather;
  #events: UpstreamEvents | undefined;
  #chunked = false;
  #requestEnded = true;
  #responseEnded = true;
  #keepAlive = true;
  #raw = false;
  #paused = false;

  constructor(connection: Connection, owner: Http1Owner, address: string, nowMs: number) {
    this.connection = connection;
    this.#address = address;
    this.localText = hostPort(connection.localAddress, connection.localPort);
    this.#owner = owner;
    this.madeMs = nowMs;
    this.idleSinceMs = nowMs;
    this.#parser = createResponseParser(new ResponseReader(this));
    this.#out = new Gather(connection);
    connection.handle(this);
  }

  open(request: UpstreamRequest, events: UpstreamEvents): UpstreamStream {
    const { body, upgrade } = request;
    this.#events = events;
    this.requests++;
    this.#chunked = body === 'stream' && upgrade === '';
    this.#requestEnded = body === 'none' && upgrade === '' && request.method !== 'CONNECT';
    this.#responseEnded = false;
    this.#raw = false;
    const hop = this.#requestEnded && expectsBody(request) ? EMPTY : hopFields(this.#chunked, upgrade);
    this.#out.text(requestHead(request.method, request.target, request.headers, hop));
    this.#parser.next({ method: request.method, upgrade: upgrade !== '' });
    return this;
  }

  sendData(bytes: Buffer, last?: boolean): boolean {
    if (!this.#chunked) return this.#out.bytes(bytes, last);
    this.#out.text(chunkStart(bytes.length));
    this.#out.bytes(bytes, last);
    return this.#out.text(CHUNK_END);
  }

  sendEnd(trailers: Headers | undefined): void {
    if (this.#requestEnded) return;
    this.#requestEnded = true;
    if (this.#chunked) this.#out.text(lastChunk(trailers));
    if (!this.#raw) return;
    this.#out.flush();
    this.connection.end();
    if (this.#responseEnded) this.#finish();
  }

  flush(): boolean {
    return this.#out.flush();
  }

  pause(): void {
    if (!this.#paused) this.connection.pause();
    this.#paused = true;
  }

  resume(): void {
    if (this.#paused) this.connection.resume();
    this.#paused = false;
  }

  cancel(): void {
    if (this.#events === undefined) return;
    this.#events = undefined;
    this.close();
  }

  /** Closes; an open request is lost. */
  close(): void {
    this.closing = true;
    this.connection.destroy();
  }

  // What the socket reports.

  onData(bytes: Buffer): void {
    const events = this.#events;
    if (events === undefined) {
      // Bytes that nobody asked for: whatever comes next could be taken for the answer to another request.
      this.close();
      return;
    }
    try {
      this.#parser.feed(bytes);
      events.onResponseFlush();
    } catch (error) {
      contain(error, this.connection);
    }
  }

  onEnd(): void {
    this.closing = true;
    const events = this.#events;
    if (events === undefined) {
      this.connection.destroy();
      return;
    }
    this.#parser.end();
    events.onResponseFlush();
  }

  onDrain(): void {
    this.#out.drained();
    this.#events?.onRequestDrain();
  }

  onClose(error: NetError | undefined): void {
    const events = this.#events;
    this.#events = undefined;
    this.closing = true;
    this.#owner.onGone(this, events === undefined);
    if (events === undefined) return;
    const reason = error?.code === 'connection_reset' ? 'remote-reset' : 'termination';
    events.onReset(
      this.#reset(reason, `${this.#address} closed the connection before its response was complete.`),
    );
  }

  // What the parser reports, through ResponseReader.

  responseHead(head: ResponseHead): void {
    this.#keepAlive = head.keepAlive;
    this.#raw = head.framing === 'raw';
    if (this.#raw) this.#chunked = false;
    // Servers say it on every response alike: the first is enough.
    const keepAlive = this.requests === 1 ? getHeader(head.headers, 'keep-alive') : undefined;
    if (keepAlive !== undefined) this.#owner.onKeepAlive(keepAlive);
    this.#events?.onResponse({
      status: head.status,
      reason: head.reason,
      headers: head.headers,
      body: head.framing === 'chunked' || head.framing === 'until-close' ? 'stream' : head.framing,
    });
  }

  informationalHead(head: ResponseHead): void {
    this.#events?.onInformational(head.status, head.headers);
  }

  responseBytes(bytes: Buffer): void {
    this.#events?.onResponseData(bytes);
  }

  responseEnd(trailers: Headers | undefined): void {
    this.#responseEnded = true;
    const events = this.#events;
    // Free before the end is told: the client's next request may take this connection at once.
    if (!this.#raw || this.#requestEnded) this.#finish();
    events?.onResponseEnd(trailers);
  }

  responseError(error: Http1Error): void {
    const events = this.#events;
    this.#events = undefined;
    this.close();
    const ended = error.code === 'incomplete' || error.code === 'ended_before_head';
    const message = `${this.#address}: ${error.message}`;
    events?.onReset(this.#reset(ended ? 'termination' : 'protocol-error', message));
  }

  /** The response is over: free again, or closed where no other request can follow. */
  #finish(): void {
    this.#events = undefined;
    this.resume();
    // What came behind the response would be taken for the answer to the next request.
    const clean = this.#requestEnded && !this.#raw && this.#parser.heldBytes === 0;
    if (this.#keepAlive && clean && !this.closing) this.#owner.onFree(this);
    else this.close();
  }

  #reset(reason: StreamReset['reason'], message: string): StreamReset {
    return { reason, message, reused: this.requests > 1 };
  }
}

/** Names of its own for what the parser and the socket both call onData and onEnd. */
class ResponseReader implements MessageEvents<ResponseHead> {
  readonly #connection: Http1Connection;

  constructor(connection: Http1Connection) {
    this.#connection = connection;
  }

  onHead(head: ResponseHead): void {
    this.#connection.responseHead(head);
  }
  onInformational(head: ResponseHead): void {
    this.#connection.informationalHead(head);
  }
  onData(bytes: Buffer): void {
    this.#connection.responseBytes(bytes);
  }
  onEnd(trailers: Headers | undefined): void {
    this.#connection.responseEnd(trailers);
  }
  onError(error: Http1Error): void {
    this.#connection.responseError(error);
  }
}

function expectsBody({ method, headers }: UpstreamRequest): boolean {
  return !BODILESS.has(method) && indexOfHeader(headers, 'content-length', 0) < 0;
}

function hopFields(chunked: boolean, upgrade: string): HopFields | undefined {
  if (upgrade !== '') return { connection: 'upgrade', upgrade };
  return chunked ? CHUNKED : undefined;
}
