import { equalsLowerCase, type Headers } from '../headers.ts';
import { parseChunkLine } from './chunked.ts';
import type { Http1ErrorCode } from './error.ts';
import { cutFields } from './heads.ts';
import type { Input } from './input.ts';
import { type Http1Limits, maxHeadBytes } from './limits.ts';
import type { Framing } from './message.ts';
import { NEED_MORE, scanError, scanFields } from './scan.ts';

/** `need-more`: call again with more bytes; `go-on`: call again; otherwise the code of what is wrong. */
export type BodyStep = 'need-more' | 'go-on' | Http1ErrorCode;

type State = 'length' | 'chunk-line' | 'chunk-data' | 'chunk-end' | 'trailers' | 'rest' | 'complete';

const STARTS: Readonly<Record<Framing, State>> = {
  none: 'complete',
  length: 'length',
  chunked: 'chunk-line',
  'until-close': 'rest',
  raw: 'rest',
};

/** Trailers may not change what was decided from the head (RFC 9110 §6.5.1). */
const FORBIDDEN_TRAILERS = ['transfer-encoding', 'content-length', 'host', 'connection', 'upgrade'];

/** Where body bytes go. */
export interface DataSink {
  onData(bytes: Buffer): void;
}

/** Takes one body after the other out of the input, as its framing says. */
export class BodyReader {
  /** The fields after a chunked body, undefined when there were none. */
  trailers: Headers | undefined;
  #state: State = 'complete';
  /** Bytes of the body or chunk still to come. */
  #remaining = 0;
  #extensionBytes = 0;

  /** True when the body was handed on to its last byte. */
  get complete(): boolean {
    return this.#state === 'complete';
  }

  /** True when the end of the connection is the end of the body, and nothing else is. */
  get endsWithInput(): boolean {
    return this.#state === 'rest';
  }

  start(framing: Framing, length: number): void {
    this.#state = STARTS[framing];
    this.#remaining = length;
    this.#extensionBytes = 0;
    this.trailers = undefined;
  }

  /** Takes one piece of a body that is not complete from an input that is not empty. */
  step(input: Input, limits: Http1Limits, sink: DataSink): BodyStep {
    switch (this.#state) {
      case 'length':
        return this.#takeData(input, 'complete', sink);
      case 'chunk-data':
        return this.#takeData(input, 'chunk-end', sink);
      case 'chunk-line':
        return this.#readChunkLine(input, limits);
      case 'chunk-end':
        return this.#readChunkEnd(input);
      case 'trailers':
        return this.#readTrailers(input, limits);
      default:
        sink.onData(input.take(input.held));
        return 'go-on';
    }
  }

  /** An error that incomplete trailers already hold, so that it does not depend on packets. */
  lastError(input: Input, limits: Http1Limits): Http1ErrorCode | undefined {
    if (this.#state !== 'trailers') return undefined;
    const end = scanFields(input.bytes, input.at, limits);
    return end < 0 && end !== NEED_MORE ? scanError : undefined;
  }

  #takeData(input: Input, stateAfter: State, sink: DataSink): BodyStep {
    const count = Math.min(this.#remaining, input.held);
    this.#remaining -= count;
    if (this.#remaining === 0) this.#state = stateAfter;
    sink.onData(input.take(count));
    return 'go-on';
  }

  #readChunkLine(input: Input, limits: Http1Limits): BodyStep {
    const line = parseChunkLine(input.bytes, input.at, limits);
    if (line === undefined) return 'need-more';
    if (typeof line === 'string') return line;
    this.#extensionBytes += line.extensionBytes;
    if (this.#extensionBytes > limits.maxChunkExtensionBytes) return 'chunk_line_too_long';
    input.at = line.end;
    this.#remaining = line.size;
    this.#state = line.size === 0 ? 'trailers' : 'chunk-data';
    return 'go-on';
  }

  #readChunkEnd(input: Input): BodyStep {
    if (input.byte(0) !== 13) return 'bad_chunk';
    if (input.held === 1) return 'need-more';
    if (input.byte(1) !== 10) return 'bad_chunk';
    input.skip(2);
    this.#state = 'chunk-line';
    return 'go-on';
  }

  #readTrailers(input: Input, limits: Http1Limits): BodyStep {
    if (!input.isWorthScanning(maxHeadBytes(limits))) return 'need-more';
    const { bytes, at } = input;
    const end = scanFields(bytes, at, limits);
    if (end === NEED_MORE) {
      input.scanLater();
      return 'need-more';
    }
    if (end < 0) return scanError;
    const trailers = cutFields(bytes.toString('latin1', at, end), at);
    if (trailers.some(isForbiddenTrailer)) return 'bad_trailer';
    input.scanned(end);
    this.trailers = trailers.length === 0 ? undefined : trailers;
    this.#state = 'complete';
    return 'go-on';
  }
}

function isForbiddenTrailer(name: string, index: number): boolean {
  return index % 2 === 0 && FORBIDDEN_TRAILERS.some((forbidden) => equalsLowerCase(name, forbidden));
}
