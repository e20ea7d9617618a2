import type { Connection } from '../../wire/connection.ts';
import { getHeader, type Headers } from '../../wire/headers.ts';
import type { Http2Stream, ResponseEvents } from '../../wire/http2/connection.ts';
import type { RequestHead, ResponseHead } from '../../wire/http2/head.ts';
import type { StreamEnd } from '../../wire/http2/http2-error.ts';
import { ERROR_CODE } from '../../wire/http2/protocol.ts';
import type { StreamReset, UpstreamEvents, UpstreamRequest, UpstreamStream } from '../stream/codec.ts';
import { webSocketAccept } from './websocket-key.ts';

const NOTHING = Buffer.alloc(0);

/** What a stream needs of its connection. http2-connection.ts is it. */
export interface StreamConnection {
  readonly connection: Connection;
  readonly address: string;
  readonly localText: string;
  /** Undefined where the endpoint takes no more. */
  request(head: RequestHead, ended: boolean, events: ResponseEvents): Http2Stream | undefined;
  /** The stream has something for its owner to flush: flushReceived() is called when all that came was handed on. */
  touch(stream: Http2UpstreamStream): void;
  streamEnded(): void;
}

/**
 * One request on an HTTP/2 connection. The last piece of its body is held until flush or end, so that a short body
 * and the end of it are one frame. While the client takes no more, what came is not given back to the windows: the
 * endpoint can send what its window allows and no more.
 */
export class Http2UpstreamStream implements UpstreamStream, ResponseEvents {
  readonly protocol = 'HTTP/2';
  readonly #connection: StreamConnection;
  readonly #request: UpstreamRequest;
  readonly #events: UpstreamEvents;
  readonly #reused: boolean;
  #stream: Http2Stream | undefined;
  #held: Buffer | undefined;
  #room = true;
  #paused = false;
  /** Bytes handed on while the client took no more. */
  #owed = 0;
  #requestEnded: boolean;
  #responseEnded = false;
  /** Both directions carry another protocol. */
  #raw = false;
  /** Nobody listens any more. */
  #over = false;
  #touched = false;
  #cancelled = false;

  constructor(
    connection: StreamConnection,
    request: UpstreamRequest,
    events: UpstreamEvents,
    reused: boolean,
  ) {
    this.#connection = connection;
    this.#request = request;
    this.#events = events;
    this.#reused = reused;
    this.#requestEnded = request.body === 'none' && request.upgrade === '' && request.method !== 'CONNECT';
  }

  get connection(): Connection {
    return this.#connection.connection;
  }

  get localText(): string {
    return this.#connection.localText;
  }

  /** Sends the head. */
  begin(): void {
    if (this.#over) return;
    const ended = this.#requestEnded && this.#held === undefined;
    this.#stream = this.#connection.request(requestHead(this.#request), ended, this);
    if (this.#stream === undefined) {
      queueMicrotask(() => this.#lose('refused', `${this.#connection.address} takes no more streams.`));
      return;
    }
    if (this.#held !== undefined) this.#sendLast(this.#requestEnded);
  }

  /** It could not begin. */
  abandon(message: string): void {
    this.#lose('protocol-error', message);
  }

  // What the engine sends.

  sendData(bytes: Buffer): boolean {
    if (this.#held !== undefined) this.#push();
    this.#held = this.#held === undefined ? bytes : Buffer.concat([this.#held, bytes]);
    return this.#room;
  }

  sendEnd(trailers: Headers | undefined): void {
    if (this.#requestEnded) return;
    this.#requestEnded = true;
    if (trailers !== undefined && trailers.length > 0) {
      this.#push();
      this.#stream?.sendTrailers(trailers);
      return;
    }
    this.#sendLast(true);
  }

  flush(): boolean {
    this.#push();
    return this.#room;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    if (this.#owed === 0) return;
    this.#stream?.consume(this.#owed);
    this.#owed = 0;
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelled = true;
    this.#stream?.reset(ERROR_CODE.CANCEL);
  }

  // What the codec reports.

  onHead(head: ResponseHead, ended: boolean): void {
    if (this.#over) return;
    if (head.status < 200) {
      this.#events.onInformational(head.status, head.headers);
      return;
    }
    this.#touch();
    const { method, upgrade } = this.#request;
    this.#raw = (upgrade !== '' || method === 'CONNECT') && head.status < 300;
    const body = this.#raw
      ? 'raw'
      : ended || method === 'HEAD' || head.status === 204 || head.status === 304
        ? 'none'
        : getHeader(head.headers, 'content-length') === undefined
          ? 'stream'
          : 'length';
    if (this.#raw && upgrade !== '') this.#switched(head);
    else this.#events.onResponse({ status: head.status, reason: '', headers: head.headers, body });
    if (ended) this.#end(undefined);
  }

  onData(bytes: Buffer, ended: boolean): void {
    if (this.#over) return;
    this.#touch();
    if (bytes.length > 0) {
      this.#events.onResponseData(bytes);
      if (this.#paused) this.#owed += bytes.length;
      else this.#stream?.consume(bytes.length);
    }
    if (ended) this.#end(undefined);
  }

  onTrailers(trailers: Headers): void {
    if (this.#over) return;
    this.#touch();
    this.#end(trailers);
  }

  onDrain(): void {
    this.#room = true;
    if (!this.#over) this.#events.onRequestDrain();
  }

  onClose(end: StreamEnd): void {
    this.#connection.streamEnded();
    if (end.by !== 'both') this.#lose(reasonOf(end), `${this.#connection.address}: ${end.message}`);
  }

  /** Everything that arrived together was handed on. */
  flushReceived(): void {
    this.#touched = false;
    if (!this.#cancelled) this.#events.onResponseFlush();
  }

  #push(): void {
    if (this.#held !== undefined) this.#sendLast(false);
  }

  /** What is held, `ended` with the end of the request behind it. */
  #sendLast(ended: boolean): void {
    if (this.#stream === undefined) return;
    const last = this.#held ?? NOTHING;
    this.#held = undefined;
    if (!this.#stream.sendData(last, ended)) this.#room = false;
  }

  #touch(): void {
    if (this.#touched) return;
    this.#touched = true;
    this.#connection.touch(this);
  }

  /** The endpoint goes over to the other protocol: told as HTTP/1 tells it. */
  #switched({ headers }: ResponseHead): void {
    const key = getHeader(this.#request.headers, 'sec-websocket-key');
    if (key !== undefined && getHeader(headers, 'sec-websocket-accept') === undefined)
      headers.push('sec-websocket-accept', webSocketAccept(key));
    this.#events.onResponse({ status: 101, reason: '', headers, body: 'raw' });
  }

  /** The response is complete. What is left of the request nobody will send. */
  #end(trailers: Headers | undefined): void {
    if (this.#over) return;
    this.#responseEnded = true;
    const cut = !this.#raw && !this.#requestEnded;
    if (!this.#raw) this.#over = true;
    this.#events.onResponseEnd(trailers);
    if (cut) this.#stream?.reset(ERROR_CODE.NO_ERROR);
  }

  #lose(reason: StreamReset['reason'], message: string): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.onReset({ reason, message, reused: this.#reused && !this.#responseEnded });
  }
}

function requestHead({ method, target, scheme, headers, upgrade }: UpstreamRequest): RequestHead {
  const authority = getHeader(headers, 'host') ?? '';
  if (upgrade !== '')
    return { method: 'CONNECT', scheme, authority, path: target, protocol: upgrade.toLowerCase(), headers };
  if (method === 'CONNECT') return { method, scheme: '', authority: target, path: '', protocol: '', headers };
  return { method, scheme, authority, path: target, protocol: '', headers };
}

/** Codes with which a connection ends though nobody broke the protocol. */
const PEACEFUL: ReadonlySet<number> = new Set([
  ERROR_CODE.NO_ERROR,
  ERROR_CODE.INTERNAL_ERROR,
  ERROR_CODE.CANCEL,
]);

function reasonOf(end: StreamEnd): StreamReset['reason'] {
  if (end.retryable) return 'refused';
  if (end.by === 'peer') return 'stream-reset';
  if (end.by === 'local') return 'protocol-error';
  return PEACEFUL.has(end.errorCode) ? 'termination' : 'protocol-error';
}
