import { randomBytes } from 'node:crypto';
import type { Deadline } from '../../lib/deadlines.ts';
import { type Headers, indexOfHeader } from '../../wire/headers.ts';
import type { Http2Stream, StreamEvents } from '../../wire/http2/connection.ts';
import type { RequestHead } from '../../wire/http2/head.ts';
import type { StreamEnd } from '../../wire/http2/http2-error.ts';
import { ERROR_CODE } from '../../wire/http2/protocol.ts';
import type { DownstreamEvents, DownstreamRequest, DownstreamResponse, DownstreamStream } from './codec.ts';

/** What a stream tells its connection. */
export interface StreamHost {
  /** Something of the request was handed on: the stream is to be flushed after this read. */
  touched(stream: Http2ServerStream): void;
  /** The answer is given, and the client has still to send the request's end or to take what is queued. */
  lingers(stream: Http2ServerStream, reading: boolean): void;
  /** No further request is taken. */
  drain(): void;
  /** `cut`: before its answer was complete. */
  closed(stream: Http2ServerStream, cut: boolean): void;
}

/**
 * One request of a client's HTTP/2 connection, as the stream engine sees it. Bytes of the body are given back to the
 * client's window when they were handed on, or, where the engine holds the request, when it goes on: so much as a
 * stream's window waits here at most.
 */
export class Http2ServerStream implements DownstreamStream, StreamEvents {
  /** Runs while the client has its time after the answer. */
  lingering: Deadline | undefined;
  readonly #host: StreamHost;
  readonly #stream: Http2Stream;
  /** Who hears of the request; undefined once its answer is complete. */
  #events: DownstreamEvents | undefined;
  #held = false;
  /** What came while the request was held. */
  #waiting: Buffer[] = [];
  /** Bytes handed on that the client's window does not know of yet. */
  #owed = 0;
  #trailers: Headers | undefined;
  /** The client's end: came, and was told. */
  #endCame = false;
  #endTold = false;
  #inRow = false;
  /** The last piece of the answer: it goes with the answer's end where that comes with it. */
  #last: Buffer | undefined;
  #blocked = false;
  #raw = false;
  #answered = false;
  #abandoned = false;

  constructor(host: StreamHost, stream: Http2Stream, ended: boolean) {
    this.#host = host;
    this.#stream = stream;
    this.#endCame = ended;
    this.#endTold = ended;
  }

  /** The engine has taken the request; it may have answered it already. */
  begin(events: DownstreamEvents): void {
    if (!this.#answered) this.#events = events;
  }

  /** Bytes of an upgrade come when it was granted. */
  holdUntilRaw(): void {
    this.#held = true;
  }

  /** Everything that came together was handed on. */
  flushRequest(): void {
    this.#inRow = false;
    this.#events?.onRequestFlush();
  }

  /** Its time after the answer is up for the client. */
  giveUp(): void {
    if (this.#abandoned || this.#endCame) this.#stream.reset(ERROR_CODE.CANCEL);
    else {
      this.#abandoned = true;
      this.#stream.abandonRequest();
      if (!this.#stream.closed) this.#host.lingers(this, false);
    }
  }

  // What the engine sends.

  sendInformational(status: number, headers: Headers): void {
    this.#stream.respond({ status, headers }, false);
  }

  sendHead(response: DownstreamResponse, close: boolean): void {
    const { status, headers, body } = response;
    // Switching protocols is no status of HTTP/2: an extended CONNECT is granted by 200 (RFC 8441 §5).
    this.#stream.respond({ status: status === 101 ? 200 : status, headers }, body === 'none');
    if (body === 'raw') this.#becomeRaw();
    if (close) this.#host.drain();
  }

  sendData(bytes: Buffer): boolean {
    this.#sendLast();
    this.#last = bytes;
    return !this.#blocked;
  }

  sendEnd(trailers: Headers | undefined): void {
    if (trailers !== undefined) {
      this.#sendLast();
      this.#stream.sendTrailers(trailers);
    } else {
      const last = this.#last ?? EMPTY;
      this.#last = undefined;
      this.#stream.sendData(last, true);
    }
    if (this.#raw && !this.#endCame) return;
    this.#answered = true;
    this.#events = undefined;
    this.#held = false;
    this.#waiting = [];
    this.#stream.discard();
    if (!this.#stream.closed) this.#host.lingers(this, !this.#endCame);
  }

  flush(): boolean {
    this.#sendLast();
    return !this.#blocked;
  }

  pause(): void {
    this.#held = true;
  }

  resume(): void {
    this.#held = false;
    if (this.#owed > 0) {
      const owed = this.#owed;
      this.#owed = 0;
      this.#stream.consume(owed);
    }
    if (this.#waiting.length > 0) this.#release();
    if (!this.#held && this.#endCame) this.#tellEnd();
    this.#events?.onRequestFlush();
  }

  reset(): void {
    this.#answered = true;
    this.#events = undefined;
    this.#stream.reset(ERROR_CODE.INTERNAL_ERROR);
  }

  // What the connection reports.

  onData(bytes: Buffer, ended: boolean): void {
    if (ended) this.#endCame = true;
    if (this.#answered) {
      this.#stream.discard();
      return;
    }
    if (this.#held && bytes.length > 0) this.#waiting.push(bytes);
    else this.#handOn(bytes);
    if (ended && !this.#held) this.#tellEnd();
    this.#touch();
  }

  onTrailers(trailers: Headers): void {
    this.#endCame = true;
    this.#trailers = trailers;
    if (!this.#held) this.#tellEnd();
    this.#touch();
  }

  onDrain(): void {
    this.#blocked = false;
    this.#events?.onResponseDrain();
  }

  onClose(end: StreamEnd): void {
    const events = this.#events;
    this.#waiting = [];
    this.#host.closed(this, events !== undefined && end.by === 'connection');
    // Both sides have ended in order; of what came the engine may still hold something.
    if (end.by === 'both') return;
    this.#events = undefined;
    this.#answered = true;
    if (end.by === 'peer') events?.onRequestReset(end.message, 'reset');
    else events?.onRequestReset(end.message, end.by === 'local' ? 'protocol-error' : 'gone');
  }

  #handOn(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#events?.onRequestData(bytes);
    // Whoever takes it may have had enough by it.
    if (this.#held) this.#owed += bytes.length;
    else this.#stream.consume(bytes.length);
  }

  #release(): void {
    let i = 0;
    const waiting = this.#waiting;
    while (i < waiting.length && !this.#held) this.#handOn(waiting[i++] as Buffer);
    this.#waiting = waiting.slice(i);
  }

  #tellEnd(): void {
    if (this.#endTold || this.#waiting.length > 0) return;
    this.#endTold = true;
    this.#events?.onRequestEnd(this.#trailers);
  }

  #touch(): void {
    if (this.#inRow || this.#events === undefined) return;
    this.#inRow = true;
    this.#host.touched(this);
  }

  #sendLast(): void {
    if (this.#last === undefined) return;
    const last = this.#last;
    this.#last = undefined;
    if (!this.#stream.sendData(last, false)) this.#blocked = true;
  }

  /** From here on both directions carry another protocol. */
  #becomeRaw(): void {
    this.#raw = true;
    this.#endTold = false;
    this.resume();
  }
}

/** A request's head as the engine takes it: with host, and an extended CONNECT as the upgrade that it is. */
export function requestOf(head: RequestHead, ended: boolean): DownstreamRequest {
  const { headers, authority, protocol, method } = head;
  if (authority !== '') headers.unshift('host', authority);
  if (protocol === 'websocket') addWebSocketKey(headers);
  const expectAt = indexOfHeader(headers, 'expect', 0);
  return {
    method: protocol === '' ? method : 'GET',
    path: head.path,
    authority,
    headers,
    version: 20,
    framing:
      ended || method === 'CONNECT'
        ? 'none'
        : indexOfHeader(headers, 'content-length', 0) < 0
          ? 'chunked'
          : 'length',
    keepAlive: true,
    upgrade: protocol,
    expectContinue: expectAt >= 0 && (headers[expectAt + 1] as string).toLowerCase() === '100-continue',
    scheme: head.scheme,
  };
}

/** RFC 8441 does without the key, servers of HTTP/1 do not. */
function addWebSocketKey(headers: Headers): void {
  if (indexOfHeader(headers, 'sec-websocket-key', 0) < 0)
    headers.push('sec-websocket-key', randomBytes(16).toString('base64'));
}

const EMPTY = Buffer.alloc(0);
