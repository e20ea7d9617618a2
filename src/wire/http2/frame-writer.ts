import { Output } from './output.ts';
import { CLIENT_PREFACE, FLAG, FRAME, FRAME_HEADER_BYTES } from './protocol.ts';

/** Content from this size on is passed by reference; below, copying is cheaper than one more buffer to write. */
const BY_REFERENCE_BYTES = 16_384;

/** A debug text in GOAWAY is cut to this. */
const MAX_DEBUG_CHARS = 200;

/** Frames -> bytes, gathered in `output` until somebody takes them. */
export class FrameWriter {
  readonly output = new Output();

  preface(): void {
    const output = this.output;
    output.reserve(CLIENT_PREFACE.length);
    output.at += CLIENT_PREFACE.copy(output.buffer, output.at);
  }

  settings(entries: readonly (readonly [identifier: number, value: number])[]): void {
    this.#begin(entries.length * 6, FRAME.SETTINGS, 0, 0);
    for (const [identifier, value] of entries) {
      this.output.at = this.output.buffer.writeUInt16BE(identifier, this.output.at);
      this.#uint32(value);
    }
  }

  settingsAck(): void {
    this.#begin(0, FRAME.SETTINGS, FLAG.ACK, 0);
  }

  /** `opaque` is bytes[start, start + 8). */
  ping(bytes: Buffer, start: number, flags: number): void {
    this.#begin(8, FRAME.PING, flags, 0);
    this.output.at += bytes.copy(this.output.buffer, this.output.at, start, start + 8);
  }

  goaway(lastStreamId: number, errorCode: number, debug: string): void {
    const text = Buffer.from(debug.slice(0, MAX_DEBUG_CHARS), 'utf8');
    this.#begin(8 + text.length, FRAME.GOAWAY, 0, 0);
    this.#uint32(lastStreamId);
    this.#uint32(errorCode);
    this.output.at += text.copy(this.output.buffer, this.output.at);
  }

  rstStream(streamId: number, errorCode: number): void {
    this.#begin(4, FRAME.RST_STREAM, 0, streamId);
    this.#uint32(errorCode);
  }

  windowUpdate(streamId: number, bytes: number): void {
    this.#begin(4, FRAME.WINDOW_UPDATE, 0, streamId);
    this.#uint32(bytes);
  }

  /** One DATA frame with bytes[start, end). */
  data(streamId: number, bytes: Uint8Array, start: number, end: number, endStream: boolean): void {
    const length = end - start;
    const flags = endStream ? FLAG.END_STREAM : 0;
    if (length >= BY_REFERENCE_BYTES) {
      this.#header(length, FRAME.DATA, flags, streamId, 0);
      this.output.push(Buffer.from(bytes.buffer, bytes.byteOffset + start, length));
      return;
    }
    this.#begin(length, FRAME.DATA, flags, streamId);
    const { buffer, at } = this.output;
    if (start === 0 && end === bytes.length) buffer.set(bytes, at);
    else buffer.set(bytes.subarray(start, end), at);
    this.output.at += length;
  }

  /** Makes room for a header block of at most `bytes`; it is then written to output.buffer from the returned place. */
  beginBlock(bytes: number): number {
    this.output.reserve(FRAME_HEADER_BYTES + bytes);
    return this.output.at + FRAME_HEADER_BYTES;
  }

  /** The header block ends at `end`: puts the frame header before it, or cuts it into several frames. */
  endBlock(streamId: number, end: number, endStream: boolean, maxFrameBytes: number): void {
    const { output } = this;
    const length = end - output.at - FRAME_HEADER_BYTES;
    const flags = endStream ? FLAG.END_STREAM : 0;
    if (length > maxFrameBytes) {
      this.#cutBlock(streamId, length, flags, maxFrameBytes);
      return;
    }
    this.#header(length, FRAME.HEADERS, flags | FLAG.END_HEADERS, streamId, length);
    output.at = end;
  }

  #cutBlock(streamId: number, length: number, flags: number, maxFrameBytes: number): void {
    const start = this.output.at + FRAME_HEADER_BYTES;
    const block = Buffer.from(this.output.buffer.subarray(start, start + length));
    for (let at = 0; at < length; at += maxFrameBytes) {
      const part = block.subarray(at, at + maxFrameBytes);
      const type = at === 0 ? FRAME.HEADERS : FRAME.CONTINUATION;
      const last = at + maxFrameBytes >= length;
      this.#begin(part.length, type, (at === 0 ? flags : 0) | (last ? FLAG.END_HEADERS : 0), streamId);
      this.output.at += part.copy(this.output.buffer, this.output.at);
    }
  }

  /** Writes a frame header and leaves `at` behind it; room for the payload is reserved. */
  #begin(length: number, type: number, flags: number, streamId: number): void {
    this.#header(length, type, flags, streamId, length);
  }

  #header(length: number, type: number, flags: number, streamId: number, room: number): void {
    const output = this.output;
    output.reserve(FRAME_HEADER_BYTES + room);
    const buffer = output.buffer;
    let at = output.at;
    buffer[at++] = length >>> 16;
    buffer[at++] = length >>> 8;
    buffer[at++] = length;
    buffer[at++] = type;
    buffer[at++] = flags;
    buffer[at++] = streamId >>> 24;
    buffer[at++] = streamId >>> 16;
    buffer[at++] = streamId >>> 8;
    buffer[at++] = streamId;
    output.at = at;
  }

  #uint32(value: number): void {
    this.output.at = this.output.buffer.writeUInt32BE(value, this.output.at);
  }
}
