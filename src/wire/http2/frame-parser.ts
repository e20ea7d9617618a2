import { Http2Error } from './http2-error.ts';
import { DEFAULT_MAX_FRAME_BYTES, ERROR_CODE, FLAG, FRAME, FRAME_HEADER_BYTES } from './protocol.ts';

/** Who takes the frames. All three may throw Http2Error, which leaves feed(). */
export interface FrameSink {
  /** One whole frame of any type but DATA; its payload is bytes[start, end), padding and all. */
  onFrame(type: number, flags: number, streamId: number, bytes: Buffer, start: number, end: number): void;
  /** A DATA frame begins; `length` is what flow control counts: content, padding and the pad length. */
  onDataFrame(flags: number, streamId: number, length: number, contentLength: number): void;
  /** Content of that frame, bytes[start, end), as it comes; `last` exactly once, perhaps with nothing. */
  onDataPart(bytes: Buffer, start: number, end: number, last: boolean): void;
}

const STATE = { HEADER: 0, PAYLOAD: 1, PAD_LENGTH: 2, CONTENT: 3, PADDING: 4 } as const;

/**
 * Bytes -> frames. The content of DATA is handed on as it comes, so that no body is copied or held; other payloads
 * are gathered when they are split (never more than one frame's).
 */
export class FrameParser {
  readonly #sink: FrameSink;
  #state: number = STATE.HEADER;
  readonly #header = Buffer.allocUnsafe(FRAME_HEADER_BYTES);
  #headerBytes = 0;
  #type = 0;
  #flags = 0;
  #streamId = 0;
  #payload: Buffer | undefined;
  /** Bytes still to come: of the payload, of the content, of the padding. */
  #left = 0;
  #padding = 0;
  #stopped = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** True inside a frame: the peer's end now would cut it off. */
  get midFrame(): boolean {
    return this.#state !== STATE.HEADER || this.#headerBytes > 0;
  }

  /** Ignores all bytes from now on. */
  stop(): void {
    this.#stopped = true;
  }

  /** Takes the next bytes. Throws Http2Error (FRAME_SIZE_ERROR, PROTOCOL_ERROR) or what the sink throws. */
  feed(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && !this.#stopped) {
      if (this.#state === STATE.HEADER) at = this.#readHeader(bytes, at);
      else if (this.#state === STATE.PAYLOAD) at = this.#gatherPayload(bytes, at);
      else if (this.#state === STATE.CONTENT) at = this.#passContent(bytes, at);
      else if (this.#state === STATE.PADDING) at = this.#skipPadding(bytes, at);
      else at = this.#readPadLength(bytes, at);
    }
  }

  #readHeader(bytes: Buffer, at: number): number {
    if (this.#headerBytes === 0 && bytes.length - at >= FRAME_HEADER_BYTES)
      return this.#begin(bytes, at, bytes, at + FRAME_HEADER_BYTES);
    const take = Math.min(FRAME_HEADER_BYTES - this.#headerBytes, bytes.length - at);
    bytes.copy(this.#header, this.#headerBytes, at, at + take);
    this.#headerBytes += take;
    if (this.#headerBytes < FRAME_HEADER_BYTES) return at + take;
    this.#headerBytes = 0;
    return this.#begin(this.#header, 0, bytes, at + take);
  }

  /** A frame header stands at header[h]; the payload starts at bytes[at]. */
  #begin(header: Buffer, h: number, bytes: Buffer, at: number): number {
    const length =
      ((header[h] as number) << 16) | ((header[h + 1] as number) << 8) | (header[h + 2] as number);
    if (length > DEFAULT_MAX_FRAME_BYTES)
      throw new Http2Error(ERROR_CODE.FRAME_SIZE_ERROR, `A frame of ${length} bytes is larger than allowed.`);
    this.#type = header[h + 3] as number;
    this.#flags = header[h + 4] as number;
    this.#streamId = readUint31(header, h + 5);
    if (this.#type === FRAME.DATA) return this.#beginData(bytes, at, length);
    const end = at + length;
    if (end <= bytes.length) {
      this.#sink.onFrame(this.#type, this.#flags, this.#streamId, bytes, at, end);
      return end;
    }
    this.#payload = Buffer.allocUnsafeSlow(length);
    this.#left = length;
    this.#state = STATE.PAYLOAD;
    return at;
  }

  #gatherPayload(bytes: Buffer, at: number): number {
    const payload = this.#payload as Buffer;
    const take = Math.min(this.#left, bytes.length - at);
    bytes.copy(payload, payload.length - this.#left, at, at + take);
    this.#left -= take;
    if (this.#left === 0) {
      this.#state = STATE.HEADER;
      this.#payload = undefined;
      this.#sink.onFrame(this.#type, this.#flags, this.#streamId, payload, 0, payload.length);
    }
    return at + take;
  }

  #beginData(bytes: Buffer, at: number, length: number): number {
    this.#left = length;
    this.#padding = 0;
    if ((this.#flags & FLAG.PADDED) === 0) return this.#beginContent(bytes, at, length);
    if (length === 0)
      throw new Http2Error(
        ERROR_CODE.FRAME_SIZE_ERROR,
        'A padded DATA frame has no room for the pad length.',
      );
    this.#state = STATE.PAD_LENGTH;
    return at;
  }

  #readPadLength(bytes: Buffer, at: number): number {
    const length = this.#left;
    this.#padding = bytes[at] as number;
    this.#left -= 1 + this.#padding;
    if (this.#left < 0)
      throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'A DATA frame has more padding than payload.');
    return this.#beginContent(bytes, at + 1, length);
  }

  #beginContent(bytes: Buffer, at: number, length: number): number {
    this.#sink.onDataFrame(this.#flags, this.#streamId, length, this.#left);
    this.#state = STATE.CONTENT;
    if (this.#left === 0) this.#endContent(bytes, at, at);
    return at;
  }

  #passContent(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    this.#left -= end - at;
    if (this.#left > 0) this.#sink.onDataPart(bytes, at, end, false);
    else this.#endContent(bytes, at, end);
    return end;
  }

  #endContent(bytes: Buffer, start: number, end: number): void {
    this.#state = this.#padding > 0 ? STATE.PADDING : STATE.HEADER;
    this.#sink.onDataPart(bytes, start, end, true);
  }

  #skipPadding(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#padding);
    this.#padding -= end - at;
    if (this.#padding === 0) this.#state = STATE.HEADER;
    return end;
  }
}

/** 31 bits, big-endian; the reserved bit is ignored (RFC 9113 §4.1). */
export function readUint31(bytes: Uint8Array, at: number): number {
  return readUint32(bytes, at) & 0x7fff_ffff;
}

/** 32 bits, big-endian, unsigned. */
export function readUint32(bytes: Uint8Array, at: number): number {
  const high = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
  return high * 65_536 + (((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number));
}
