import { BodyReader } from './body.ts';
import { type Http1ErrorCode, http1Error } from './error.ts';
import { Input } from './input.ts';
import { DEFAULT_HTTP1_LIMITS, type Http1Limits, maxHeadBytes } from './limits.ts';
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
import { MAX_FIELDS } from './scan.ts';

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

/** `waiting`: between messages, until next(). `dead`: after an error. */
type State = 'waiting' | 'head' | 'body' | 'dead';

const NO_REQUEST: ResponseTo = { method: 'GET', upgrade: false };

class Http1Parser<Head extends MessageHead> implements MessageParser {
  readonly #role: Role<Head>;
  readonly #events: MessageEvents<Head>;
  readonly #limits: Http1Limits;
  readonly #input = new Input();
  readonly #body = new BodyReader();
  #state: State;
  #to: ResponseTo = NO_REQUEST;
  #inputEnded = false;
  #paused = false;
  #running = false;
  #rawNext = false;
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
    if (this.#state === 'waiting') this.#startRaw();
    else this.#rawNext = true;
    this.#run();
  }

  #run(): void {
    if (this.#running) return; // called from within an event: the loop below goes on
    this.#running = true;
    try {
      while (!this.#paused && (this.#step() || (this.#inputEnded && this.#finishInput())));
    } finally {
      this.#running = false;
    }
    this.#input.release();
  }

  /** One event or one piece of syntax; false when more bytes or a call are needed. */
  #step(): boolean {
    if (this.#state === 'body') return this.#body.complete ? this.#endMessage() : this.#readBody();
    return this.#state === 'head' && this.#input.held > 0 && this.#readHead();
  }

  #readHead(): boolean {
    const input = this.#input;
    const blank = this.#skipBlankLine();
    if (blank !== undefined) return blank;
    if (!input.isWorthScanning(maxHeadBytes(this.#limits))) return false;
    const parsed = this.#role.parseHead(input.bytes, input.at, this.#limits, this.#to);
    if (parsed === undefined) return input.scanLater();
    if (typeof parsed === 'string') return this.#fail(parsed);
    input.scanned(parsed.end);
    return this.#role.isInformational(parsed.head) ? this.#announce(parsed.head) : this.#start(parsed.head);
  }

  /** True: a blank line was skipped; false: it needs its second byte; undefined: there is none to skip. */
  #skipBlankLine(): boolean | undefined {
    const input = this.#input;
    if (input.byte(0) !== 13 || this.#blankLines >= this.#role.maxBlankLines) return undefined;
    if (input.held === 1) return false;
    if (input.byte(1) !== 10) return undefined;
    input.skip(2);
    this.#blankLines++;
    return true;
  }

  #announce(head: Head): boolean {
    if (++this.#informationalHeads > this.#limits.maxInformationalHeads)
      return this.#fail('too_many_informational');
    this.#events.onInformational(head);
    return true;
  }

  #start(head: Head): true {
    this.#body.start(head.framing, head.contentLength);
    this.#state = 'body';
    this.#events.onHead(head);
    return true;
  }

  #startRaw(): void {
    this.#body.start('raw', -1);
    this.#state = 'body';
  }

  #readBody(): boolean {
    if (this.#input.held === 0) return false;
    const step = this.#body.step(this.#input, this.#limits, this.#events);
    if (step === 'go-on') return true;
    return step === 'need-more' ? false : this.#fail(step);
  }

  #endMessage(): true {
    const { trailers } = this.#body;
    this.#state = 'waiting';
    if (this.#rawNext) this.#startRaw();
    this.#rawNext = false;
    this.#events.onEnd(trailers);
    return true;
  }

  /** The input is over and everything usable was used. True: an event was called that may have changed that. */
  #finishInput(): boolean {
    if (this.#state === 'waiting' || this.#state === 'dead') return false;
    if (this.#state === 'body' && this.#body.endsWithInput) return this.#endMessage();
    const isBetweenMessages = this.#input.held === 0 && this.#informationalHeads === 0;
    if (this.#state === 'head' && isBetweenMessages)
      return this.#role.endedBeforeHead !== undefined && this.#fail(this.#role.endedBeforeHead);
    return this.#fail(this.#lastError() ?? 'incomplete');
  }

  /** An error that an incomplete head or incomplete trailers already hold, so that it does not depend on packets. */
  #lastError(): Http1ErrorCode | undefined {
    if (this.#input.held === 0) return undefined;
    if (this.#state === 'body') return this.#body.lastError(this.#input, this.#limits);
    const parsed = this.#role.parseHead(this.#input.bytes, this.#input.at, this.#limits, this.#to);
    return typeof parsed === 'string' ? parsed : undefined;
  }

  #fail(code: Http1ErrorCode): false {
    this.#state = 'dead';
    this.#input.clear();
    this.#events.onError(http1Error(code, this.#role.side));
    return false;
  }
}
