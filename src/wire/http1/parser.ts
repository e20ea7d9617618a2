import { equalsLowerCase, type Headers } from '../headers.ts';
import { parseChunkLine } from './chunked.ts';
import { type Http1ErrorCode, http1Error } from './error.ts';
import { cutFields } from './heads.ts';
import { Input } from './input.ts';
import { DEFAULT_HTTP1_LIMITS, type Http1Limits } from './limits.ts';
import type {
  MessageEvents,
  MessageHead,
  MessageParser,
  RequestHead,
  RequestParser,
  ResponseHead,
  ResponseParser,
  ResponseTo,
} from './message.ts';
import { REQUESTS, RESPONSES, type Role } from './role.ts';
import { MAX_FIELDS, NEED_MORE, scanError, scanFields } from './scan.ts';

// The machine: bytes in, events out, one message after the other. What it cannot use yet it holds; between messages
// and while paused that is everything. message.ts tells the rules of use.

/** A parser of requests, ready for the first one. */
export function createRequestParser(
  events: MessageEvents<RequestHead>,
  limits: Http1Limits = DEFAULT_HTTP1_LIMITS,
): RequestParser {
  return new Http1Parser(REQUESTS, events, limits);
}

/** A parser of responses; call next() with each request that is sent. */
export function createResponseParser(
  events: MessageEvents<ResponseHead>,
  limits: Http1Limits = DEFAULT_HTTP1_LIMITS,
): ResponseParser {
  return new Http1Parser(RESPONSES, events, limits);
}

type State =
  | 'waiting' // between messages, until next()
  | 'head'
  | 'length'
  | 'chunk-line'
  | 'chunk-data'
  | 'chunk-end'
  | 'trailers'
  | 'end' // complete, onEnd not called yet
  | 'until-close'
  | 'raw'
  | 'dead';

const NO_REQUEST: ResponseTo = { method: 'GET', upgrade: false };
/** Trailers may not change what was decided from the head (RFC 9110 §6.5.1). */
const FORBIDDEN_TRAILERS = ['transfer-encoding', 'content-length', 'host', 'connection', 'upgrade'];

class Http1Parser<Head extends MessageHead> implements MessageParser {
  readonly #role: Role<Head>;
  readonly #events: MessageEvents<Head>;
  readonly #limits: Http1Limits;
  #state: State;
  #to: ResponseTo = NO_REQUEST;
  readonly #input = new Input();
  #inputEnded = false;
  #paused = false;
  #running = false;
  #rawNext = false;
  /** Body or chunk bytes still to come. */
  #remaining = 0;
  #extensionBytes = 0;
  #blankLines = 0;
  #informationalHeads = 0;

  constructor(role: Role<Head>, events: MessageEvents<Head>, limits: Http1Limits) {
    this.#role = role;
    this.#events = events;
    this.#limits = limits.maxHeaderCount <= MAX_FIELDS ? limits : { ...limits, maxHeaderCount: MAX_FIELDS };
    this.#state = role.startsReady ? 'head' : 'waiting';
  }

  get heldBytes(): number {
    return this.#input.held;
  }

  get idle(): boolean {
    return this.#input.held === 0 && (this.#state === 'waiting' || this.#state === 'head');
  }

  feed(bytes: Buffer): void {
    if (this.#state === 'dead') return;
    if (this.#input.append(bytes, this.#limits.maxHeldBytes)) this.#run();
    else this.#fail('too_much_held');
  }

  end(): void {
    this.#inputEnded = true;
    this.#run();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#run();
  }

  next(to: ResponseTo = NO_REQUEST): void {
    if (this.#state !== 'waiting') return;
    this.#to = to;
    this.#state = 'head';
    this.#blankLines = 0;
    this.#informationalHeads = 0;
    this.#run();
  }

  becomeRaw(): void {
    if (this.#state === 'waiting') this.#state = 'raw';
    else this.#rawNext = true;
    this.#run();
  }

  #run(): void {
    if (this.#running) return; // called from within an event: the loop below goes on
    this.#running = true;
    try {
      while (!this.#paused && this.#step());
      if (this.#inputEnded && !this.#paused) this.#finishInput();
    } finally {
      this.#running = false;
    }
    this.#input.release();
  }

  /** One event or one piece of syntax; false when more bytes or a call are needed. */
  #step(): boolean {
    if (this.#state === 'end') return this.#endMessage(undefined);
    if (this.#input.held === 0) return false;
    switch (this.#state) {
      case 'head':
        return this.#readHead();
      case 'length':
        return this.#takeBody('end');
      case 'chunk-line':
        return this.#readChunkLine();
      case 'chunk-data':
        return this.#takeBody('chunk-end');
      case 'chunk-end':
        return this.#readChunkEnd();
      case 'trailers':
        return this.#readTrailers();
      case 'until-close':
      case 'raw':
        this.#events.onData(this.#input.take(this.#input.held));
        return true;
      default:
        return false;
    }
  }

  #readHead(): boolean {
    if (this.#input.byte(0) === 13 && this.#blankLines < this.#role.maxBlankLines) {
      if (this.#input.held === 1) return false;
      if (this.#input.byte(1) === 10) {
        this.#input.skip(2);
        this.#blankLines++;
        return true;
      }
    }
    if (!this.#input.isWorthScanning(this.#maxHeadBytes())) return false;
    const parsed = this.#role.parseHead(this.#input.bytes, this.#input.at, this.#limits, this.#to);
    if (parsed === undefined) return this.#input.scanLater();
    if (typeof parsed === 'string') return this.#failed(parsed);
    this.#input.scanned(parsed.end);
    if (this.#role.isInformational(parsed.head)) return this.#announce(parsed.head);
    this.#startMessage(parsed.head);
    return true;
  }

  #announce(head: Head): boolean {
    if (++this.#informationalHeads > this.#limits.maxInformationalHeads)
      return this.#failed('too_many_informational');
    this.#events.onInformational(head);
    return true;
  }

  #startMessage(head: Head): void {
    this.#remaining = head.contentLength;
    this.#extensionBytes = 0;
    const { framing } = head;
    this.#state = framing === 'none' ? 'end' : framing === 'chunked' ? 'chunk-line' : framing;
    this.#events.onHead(head);
  }

  /** Hands on what there is of the body or chunk. */
  #takeBody(stateAfter: State): true {
    const count = Math.min(this.#remaining, this.#input.held);
    this.#remaining -= count;
    if (this.#remaining === 0) this.#state = stateAfter;
    this.#events.onData(this.#input.take(count));
    return true;
  }

  #readChunkLine(): boolean {
    const line = parseChunkLine(this.#input.bytes, this.#input.at, this.#limits);
    if (line === undefined) return false;
    if (typeof line === 'string') return this.#failed(line);
    this.#extensionBytes += line.extensionBytes;
    if (this.#extensionBytes > this.#limits.maxChunkExtensionBytes)
      return this.#failed('chunk_line_too_long');
    this.#input.at = line.end;
    this.#remaining = line.size;
    this.#state = line.size === 0 ? 'trailers' : 'chunk-data';
    return true;
  }

  #readChunkEnd(): boolean {
    if (this.#input.byte(0) !== 13) return this.#failed('bad_chunk');
    if (this.#input.held === 1) return false;
    if (this.#input.byte(1) !== 10) return this.#failed('bad_chunk');
    this.#input.skip(2);
    this.#state = 'chunk-line';
    return true;
  }

  #readTrailers(): boolean {
    if (!this.#input.isWorthScanning(this.#maxHeadBytes())) return false;
    const { bytes, at } = this.#input;
    const end = scanFields(bytes, at, this.#limits);
    if (end === NEED_MORE) return this.#input.scanLater();
    if (end < 0) return this.#failed(scanError);
    const trailers = cutFields(bytes.toString('latin1', at, end), at);
    if (trailers.some(isForbiddenTrailer)) return this.#failed('bad_trailer');
    this.#input.scanned(end);
    return this.#endMessage(trailers.length === 0 ? undefined : trailers);
  }

  #endMessage(trailers: Headers | undefined): boolean {
    this.#state = this.#rawNext ? 'raw' : 'waiting';
    this.#rawNext = false;
    this.#events.onEnd(trailers);
    return true;
  }

  /** Past this a scan of a head is sure to end: with a head, or with a limit. */
  #maxHeadBytes(): number {
    return this.#limits.maxStartLineBytes + this.#limits.maxHeaderBytes;
  }

  /** The input is over and everything usable was used. */
  #finishInput(): void {
    if (this.#state === 'until-close' || this.#state === 'raw') {
      this.#endMessage(undefined);
      return;
    }
    if (this.#state === 'waiting' || this.#state === 'dead') return;
    if (this.#state === 'head' && this.#input.held === 0 && this.#informationalHeads === 0) {
      if (this.#role.endedBeforeHead !== undefined) this.#fail(this.#role.endedBeforeHead);
      return;
    }
    this.#fail(this.#lastError() ?? 'incomplete');
  }

  /** An error that an incomplete head or incomplete trailers already hold, so that it does not depend on packets. */
  #lastError(): Http1ErrorCode | undefined {
    if (this.#input.held === 0) return undefined;
    if (this.#state === 'head') {
      const parsed = this.#role.parseHead(this.#input.bytes, this.#input.at, this.#limits, this.#to);
      return typeof parsed === 'string' ? parsed : undefined;
    }
    if (this.#state !== 'trailers') return undefined;
    const end = scanFields(this.#input.bytes, this.#input.at, this.#limits);
    return end < 0 && end !== NEED_MORE ? scanError : undefined;
  }

  #failed(code: Http1ErrorCode): false {
    this.#fail(code);
    return false;
  }

  #fail(code: Http1ErrorCode): void {
    this.#state = 'dead';
    this.#input.clear();
    this.#events.onError(http1Error(code, this.#role.side));
  }
}

function isForbiddenTrailer(name: string, index: number): boolean {
  return index % 2 === 0 && FORBIDDEN_TRAILERS.some((forbidden) => equalsLowerCase(name, forbidden));
}
