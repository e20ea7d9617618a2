import { Deadline, type Deadlines } from '../../lib/deadlines.ts';
import type { Connection, ConnectionHandlers, NetError } from '../../wire/connection.ts';
import { getHeader, type Headers } from '../../wire/headers.ts';
import type { Http1Error } from '../../wire/http1/error.ts';
import type { Http1Limits } from '../../wire/http1/limits.ts';
import type { MessageEvents, RequestHead, RequestParser } from '../../wire/http1/message.ts';
import { createRequestParser } from '../../wire/http1/parser.ts';
import {
  CHUNK_END,
  CONTINUE,
  chunkStart,
  type HopFields,
  lastChunk,
  responseHead,
} from '../../wire/http1/serialize.ts';
import type {
  BadRequest,
  DownstreamCodec,
  DownstreamEvents,
  DownstreamResponse,
  DownstreamStream,
  RequestAcceptor,
} from './codec.ts';
import { contain } from './contain.ts';
import { Gather } from './gather.ts';

/** Time limits of a connection, in milliseconds; 0 is none. */
export interface ServerTimes {
  /** Between requests. */
  readonly idleMs: number;
  /** From a request's first byte to its head's end. */
  readonly headersMs: number;
  /** How long a client may go on sending after an answer that ends the connection. */
  readonly delayedCloseMs: number;
}

const CLOSE: HopFields = { connection: 'close' };
const CHUNKED: HopFields = { chunked: true };
const CHUNKED_CLOSE: HopFields = { chunked: true, connection: 'close' };
const KEEP_ALIVE: HopFields = { connection: 'keep-alive' };
/** How long the rest of a request is read after its answer, where no delayed close is configured. */
const DISCARD_MS = 1000;

/**
 * The server's end of an HTTP/1 connection, and, while a request is open, that request's stream. One request at a time:
 * those that come early (pipelining) wait unparsed, and while much of them waits nothing is read.
 */
export class Http1Server implements DownstreamCodec, DownstreamStream, ConnectionHandlers {
  readonly connection: Connection;
  readonly #acceptor: RequestAcceptor;
  readonly #times: ServerTimes;
  readonly #deadlines: Deadlines;
  readonly #parser: RequestParser;
  readonly #out: Gather;
  readonly #idle: Deadline;
  /** Who hears of the open request; undefined between requests and once its answer is complete. */
  #events: DownstreamEvents | undefined;
  #head: RequestHead | undefined;
  #requestEnded = true;
  #responseEnded = true;
  #headSent = false;
  #chunked = false;
  #sized = false;
  #bodyless = false;
  #raw = false;
  #close = false;
  /** The last answer is out: what still comes is read and thrown away. */
  #lingering = false;
  #held = false;
  #reading = true;

  constructor(
    connection: Connection,
    acceptor: RequestAcceptor,
    settings: { readonly times: ServerTimes; readonly limits: Http1Limits; readonly deadlines: Deadlines },
  ) {
    this.connection = connection;
    this.#acceptor = acceptor;
    this.#times = settings.times;
    this.#deadlines = settings.deadlines;
    this.#out = new Gather(connection);
    this.#parser = createRequestParser(new RequestReader(this), settings.limits);
    this.#idle = new Deadline(() => this.#expire());
    this.#waitForRequest();
  }

  /** Starts reading, with bytes that were read before. */
  start(firstBytes: Buffer | undefined): void {
    this.connection.handle(this);
    if (firstBytes !== undefined) this.onData(firstBytes);
  }

  /** The connection turned out to speak something else: whoever took it over goes on. False: it is closing already. */
  leave(): boolean {
    if (this.#lingering) return false;
    this.#deadlines.clear(this.#idle);
    return true;
  }

  /** Takes no further request: closes now, or with the open request's answer. */
  drain(gently = false): void {
    this.#close = true;
    if (!gently && this.#events === undefined && this.#parser.idle) this.#linger();
  }

  // What the engine sends.

  sendInformational(status: number, headers: Headers): void {
    if (this.#head?.version === 10) return;
    this.#out.text(status === 100 && headers.length === 0 ? CONTINUE : responseHead(status, '', headers));
  }

  sendHead(response: DownstreamResponse, close: boolean): void {
    const { body, status, reason, headers, upgrade } = response;
    const old = this.#head?.version === 10;
    this.#headSent = true;
    // Bytes behind such a head would be read as the next answer, whoever sent them.
    this.#bodyless = body !== 'raw' && this.#hasNoBody(status);
    this.#sized = body === 'length';
    this.#chunked = body === 'stream' && !old && !this.#bodyless;
    // Without chunks only the connection's end says where the body ends.
    if (close || !this.#head?.keepAlive || (body === 'stream' && old)) this.#close = true;
    // Nobody knows what a client sends that wanted to switch protocols and may not.
    if (body !== 'raw' && asksToSwitch(this.#head)) this.#close = true;
    if (body === 'none' && this.#mustSayEmpty(status, headers)) headers.push('content-length', '0');
    this.#out.text(responseHead(status, reason, headers, this.#hopFields(old, upgrade), old));
    if (body === 'raw') this.#becomeRaw();
  }

  sendData(bytes: Buffer, last: boolean): boolean {
    if (this.#bodyless) return true;
    if (!this.#chunked) return this.#out.bytes(bytes, last);
    this.#out.text(chunkStart(bytes.length));
    this.#out.bytes(bytes, last);
    return this.#out.text(CHUNK_END);
  }

  sendEnd(trailers: Headers | undefined): void {
    if (this.#chunked) this.#out.text(lastChunk(trailers));
    this.#responseEnded = true;
    if (this.#requestEnded) this.#finish();
    else if (this.#raw) {
      this.#out.flush();
      this.connection.end();
    } else this.#discardRest();
  }

  flush(): boolean {
    return this.#out.flush();
  }

  pause(): void {
    this.#held = true;
    this.#parser.pause();
  }

  resume(): void {
    this.#held = false;
    this.#parser.resume();
    this.#flushRequest();
    this.#readOrNot();
  }

  reset(): void {
    this.#events = undefined;
    const isDelimited = this.#headSent && (this.#chunked || this.#sized || this.#bodyless);
    if (!isDelimited) {
      this.connection.reset();
      return;
    }
    // What was answered so far is the client's; that it is cut shows by chunks or length.
    this.#out.flush();
    this.connection.destroy();
  }

  // What the socket reports.

  onData(bytes: Buffer): void {
    if (this.#lingering) return;
    if (this.#times.headersMs > 0 && this.#events === undefined && this.#parser.idle)
      this.#deadlines.set(this.#idle, this.#times.headersMs);
    try {
      this.#parser.feed(bytes);
      this.#flushRequest();
      this.#out.flush();
      this.#readOrNot();
    } catch (error) {
      contain(error, this.connection);
    }
  }

  onEnd(): void {
    this.#close = true;
    if (this.#lingering || this.#events === undefined) {
      this.connection.destroy();
      return;
    }
    this.#parser.end();
    this.#flushRequest();
    // A client that ends its side while it waits has given up, as most do by closing. HTTP/1.0 clients end it to say
    // that there is no more to the request, and those of upgraded connections mean it.
    if (this.#head?.version !== 10 && !this.#raw) this.connection.destroy();
  }

  onDrain(): void {
    this.#out.drained();
    this.#events?.onResponseDrain();
  }

  onClose(error: NetError | undefined): void {
    const events = this.#events;
    this.#events = undefined;
    this.#deadlines.clear(this.#idle);
    events?.onRequestReset(
      error?.message ?? 'The client closed the connection before it was answered.',
      'gone',
    );
    this.#acceptor.onClosed(events !== undefined);
  }

  // What the parser reports, through RequestReader.

  requestHead(head: RequestHead): void {
    this.#deadlines.clear(this.#idle);
    this.#head = head;
    this.#requestEnded = false;
    this.#responseEnded = false;
    this.#headSent = false;
    this.#chunked = false;
    const events = this.#acceptor.onRequest(head, this);
    // It may have been answered in full before this returned.
    if (!this.#responseEnded) this.#events = events;
  }

  requestBytes(bytes: Buffer): void {
    this.#events?.onRequestData(bytes);
  }

  requestEnd(trailers: Headers | undefined): void {
    this.#requestEnded = true;
    this.#events?.onRequestEnd(trailers);
    if (this.#responseEnded) this.#finish();
  }

  requestError(error: Http1Error): void {
    const events = this.#events;
    this.#events = undefined;
    // A client that goes in the middle of its request is an incomplete message, and hears no answer.
    const gone = error.code === 'incomplete';
    if (gone || this.#headSent) {
      events?.onRequestReset(error.message, gone ? 'gone' : 'protocol-error');
      this.connection.destroy();
      return;
    }
    const details = error.status === 431 ? 'http1.headers_too_large' : 'http1.codec_error';
    const refused = this.#refuse(error.status, error.message, details);
    if (events === undefined) this.#acceptor.onBadRequest(refused);
    else events.onRequestReset(error.message, 'protocol-error', refused);
  }

  /** Answers without an engine: there is no request that one could work on. */
  #refuse(status: number, message: string, details: string): BadRequest {
    const headers = ['content-length', String(message.length), 'content-type', 'text/plain'];
    this.#acceptor.sign(headers);
    this.#out.text(responseHead(status, '', headers, CLOSE) + message);
    this.#linger();
    return { status, details, message, headers, bodyBytes: message.length };
  }

  #hasNoBody(status: number): boolean {
    return status === 204 || status === 304 || this.#head?.method === 'HEAD';
  }

  /** HTTP/2 ends a message without a word of its length; here the client would wait for the connection's end. */
  #mustSayEmpty(status: number, headers: Headers): boolean {
    if (this.#hasNoBody(status)) return false;
    return getHeader(headers, 'content-length') === undefined;
  }

  #hopFields(old: boolean, upgrade: string): HopFields | undefined {
    if (upgrade !== '') return { connection: 'upgrade', upgrade };
    if (this.#chunked) return this.#close ? CHUNKED_CLOSE : CHUNKED;
    if (this.#close) return CLOSE;
    return old ? KEEP_ALIVE : undefined;
  }

  /** From here on both directions carry another protocol: there is no next request, and the request's end is to come. */
  #becomeRaw(): void {
    this.#raw = true;
    this.#requestEnded = false;
    this.#parser.becomeRaw();
  }

  /** Request and answer are complete. */
  #finish(): void {
    this.#events = undefined;
    if (this.#raw || this.#close) {
      this.#linger();
      return;
    }
    this.#headSent = false;
    // Whatever held the request that is over must not hold the next one.
    if (this.#held) {
      this.#held = false;
      this.#parser.resume();
    }
    this.#waitForRequest();
    this.#parser.next();
    this.#flushRequest();
    this.#readOrNot();
  }

  /** The answer is complete and the request is not: its rest is read for a while, so that the connection can stay. */
  #discardRest(): void {
    this.#events = undefined;
    this.#deadlines.set(this.#idle, this.#times.delayedCloseMs || DISCARD_MS);
    this.resume();
  }

  /** Half-closes and lets the client finish: a reset now could destroy the answer before it is read. */
  #linger(): void {
    if (this.#lingering) return;
    this.#lingering = true;
    this.#out.flush();
    this.connection.end();
    this.#readOrNot();
    this.#deadlines.set(this.#idle, this.#times.delayedCloseMs || DISCARD_MS);
  }

  /** The next request may have been parsed just now, outside of any read. */
  #flushRequest(): void {
    this.#events?.onRequestFlush();
  }

  #waitForRequest(): void {
    if (this.#times.idleMs > 0) this.#deadlines.set(this.#idle, this.#times.idleMs);
    else this.#deadlines.clear(this.#idle);
  }

  #expire(): void {
    if (this.#lingering || this.#responseEnded !== this.#requestEnded) this.connection.destroy();
    else if (this.#parser.idle) this.#linger();
    else {
      const message = 'The head of the request did not arrive in time.';
      this.#acceptor.onBadRequest({ ...this.#refuse(408, message, 'request_header_timeout'), late: true });
    }
  }

  /** While bytes wait for their turn no more are read; those of an unfinished head, chunk or trailer wait for more. */
  #readOrNot(): void {
    const unfinished = !this.#held && (this.#events === undefined || !this.#requestEnded);
    const read = this.#lingering || this.#parser.heldBytes === 0 || unfinished;
    if (read === this.#reading) return;
    this.#reading = read;
    if (read) this.connection.resume();
    else this.connection.pause();
  }
}

/** h2c is no switch: HTTP/2 without TLS begins with its preface here. */
function asksToSwitch(head: RequestHead | undefined): boolean {
  if (head === undefined) return false;
  return head.method === 'CONNECT' || (head.upgrade !== '' && head.upgrade.toLowerCase() !== 'h2c');
}

/** Names of its own for what the parser and the socket both call onData and onEnd. */
class RequestReader implements MessageEvents<RequestHead> {
  readonly #server: Http1Server;

  constructor(server: Http1Server) {
    this.#server = server;
  }

  onHead(head: RequestHead): void {
    this.#server.requestHead(head);
  }
  onInformational(): void {}
  onData(bytes: Buffer): void {
    this.#server.requestBytes(bytes);
  }
  onEnd(trailers: Headers | undefined): void {
    this.#server.requestEnd(trailers);
  }
  onError(error: Http1Error): void {
    this.#server.requestError(error);
  }
}
