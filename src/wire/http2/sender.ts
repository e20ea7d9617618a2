import type { Headers } from '../headers.ts';
import type { ByteOutput } from './connection.ts';
import type { FloodGuard } from './flood-guard.ts';
import { FrameWriter } from './frame-writer.ts';
import type { RequestHead, ResponseHead } from './head.ts';
import { HpackEncoder, headerRoom, pseudoHeaderRoom } from './hpack/encoder.ts';
import type { Http2Limits } from './limits.ts';
import { DEFAULT_MAX_FRAME_BYTES, DEFAULT_WINDOW_BYTES } from './protocol.ts';
import {
  framesFor,
  isShared,
  SHARED_FROM_BYTES,
  STRETCH_BYTES,
  share,
  sharedFrames,
  stretchLength,
} from './shared-frames.ts';
import type { StreamState } from './stream-state.ts';

/** Calls -> frames. Keeps the windows for sending; streams take turns of one frame, or one stretch of shared frames. */
export class Sender {
  readonly writer = new FrameWriter();
  readonly #encoder = new HpackEncoder();
  readonly #output: ByteOutput;
  /** Called when END_STREAM of our side was written. */
  readonly #onLocalEnd: (stream: StreamState) => void;
  readonly #guard: FloodGuard;
  readonly #limits: Http2Limits;
  /** Streams with something queued and window to send it, in order of their turns. */
  #row: StreamState[] = [];
  /** Streams that wait for onDrain. */
  #draining: StreamState[] = [];
  #window = DEFAULT_WINDOW_BYTES;
  #blocked = false;
  #flushWanted = false;
  #flushing = false;
  /** Something went through shared(). */
  #sharing = false;

  constructor(
    output: ByteOutput,
    onLocalEnd: (stream: StreamState) => void,
    guard: FloodGuard,
    limits: Http2Limits,
  ) {
    this.#output = output;
    this.#onLocalEnd = onLocalEnd;
    this.#guard = guard;
    this.#limits = limits;
  }

  get window(): number {
    return this.#window;
  }

  /** Bytes that the transport has not taken. */
  get unsentBytes(): number {
    return this.#blocked ? this.writer.output.length : 0;
  }

  setTableBytes(bytes: number): void {
    this.#encoder.setTableBytes(bytes);
  }

  /** Something was written to `writer`: asks for a flush. */
  wantFlush(): void {
    if (this.#flushWanted || this.#blocked) return;
    this.#flushWanted = true;
    this.#output.wantFlush();
  }

  request(stream: StreamState, head: RequestHead, ended: boolean): void {
    const start = this.writer.beginBlock(pseudoHeaderRoom(head) + headerRoom(head.headers));
    this.#encoder.begin(this.writer.output.buffer, start);
    this.#encoder.request(head);
    this.#endBlock(stream, head.headers, ended);
  }

  respond(stream: StreamState, head: ResponseHead, ended: boolean): void {
    const start = this.writer.beginBlock(headerRoom(head.headers));
    this.#encoder.begin(this.writer.output.buffer, start);
    this.#encoder.status(head.status);
    this.#endBlock(stream, head.headers, ended);
  }

  /** A response without body to a request that is not kept. */
  reply(streamId: number, status: number): void {
    const start = this.writer.beginBlock(headerRoom([]));
    this.#encoder.begin(this.writer.output.buffer, start);
    this.#encoder.status(status);
    this.writer.endBlock(streamId, this.#encoder.at, true, DEFAULT_MAX_FRAME_BYTES);
    this.wantFlush();
  }

  /** Ends the stream with trailers, at once or after what is queued. */
  trailers(stream: StreamState, trailers: Headers): void {
    stream.endQueued = true;
    if (stream.queuedBytes > 0) stream.trailers = trailers;
    else this.#writeTrailers(stream, trailers);
  }

  /** Sends or queues. False: the consumer is to wait for onDrain. */
  data(stream: StreamState, bytes: Uint8Array, ended: boolean): boolean {
    stream.endQueued = ended;
    if (stream.queuedBytes === 0 && this.#fits(stream, bytes.length)) {
      this.#writeData(stream, bytes, 0, bytes.length, ended);
      this.wantFlush();
      return true;
    }
    return this.#queue(stream, bytes);
  }

  #queue(stream: StreamState, bytes: Uint8Array): boolean {
    if (bytes.length > 0) stream.queue.push(bytes);
    stream.queuedBytes += bytes.length;
    this.#standInRow(stream);
    if (stream.queuedBytes <= this.#limits.sendQueueHighBytes) return true;
    if (!stream.wantsDrain) this.#draining.push(stream);
    stream.wantsDrain = true;
    return false;
  }

  /** The same for bytes that other connections are sent as well: their frames are made once for all. */
  shared(stream: StreamState, bytes: Uint8Array): boolean {
    if (bytes.length < SHARED_FROM_BYTES) return this.data(stream, bytes, false);
    this.#sharing = true;
    share(bytes);
    return this.#queue(stream, bytes);
  }

  /** The connection's window has grown by WINDOW_UPDATE. */
  addWindow(bytes: number): void {
    this.#window += bytes;
    if (this.#row.length > 0) this.wantFlush();
  }

  /** The stream's window has changed, by WINDOW_UPDATE or by SETTINGS. */
  addStreamWindow(stream: StreamState, bytes: number): void {
    stream.sendWindow += bytes;
    if (stream.queuedBytes > 0) this.#standInRow(stream);
  }

  /** The stream is over: its queue is forgotten. */
  forget(stream: StreamState): void {
    stream.queue = [];
    stream.queuedBytes = 0;
    stream.trailers = undefined;
    stream.wantsDrain = false;
  }

  /** Hands everything that may go to the transport, until that is full. */
  flush(): void {
    this.#flushWanted = false;
    // Consumers that hear of an end may call in here; what they add goes out in this round.
    if (this.#flushing) return;
    this.#flushing = true;
    while (!this.#blocked) {
      this.#fill();
      if (this.writer.output.length === 0) break;
      this.#blocked = !this.#output.write(this.writer.output.take());
    }
    this.#flushing = false;
    if (this.#draining.length > 0) this.#tellDrained();
  }

  /** The transport takes bytes again. */
  drained(): void {
    this.#blocked = false;
    this.flush();
  }

  #endBlock(stream: StreamState, headers: Headers, ended: boolean): void {
    this.#encoder.fields(headers);
    this.writer.endBlock(stream.id, this.#encoder.at, ended, DEFAULT_MAX_FRAME_BYTES);
    this.wantFlush();
    if (ended) this.#ended(stream);
  }

  #writeTrailers(stream: StreamState, trailers: Headers): void {
    const start = this.writer.beginBlock(headerRoom(trailers));
    this.#encoder.begin(this.writer.output.buffer, start);
    this.#endBlock(stream, trailers, true);
  }

  #fits(stream: StreamState, length: number): boolean {
    if (length === 0) return true;
    return (
      !this.#blocked &&
      length <= stream.sendWindow &&
      length <= this.#window &&
      length <= DEFAULT_MAX_FRAME_BYTES &&
      this.writer.output.length < this.#limits.handOverBytes
    );
  }

  #writeData(stream: StreamState, bytes: Uint8Array, start: number, end: number, ended: boolean): void {
    stream.sendWindow -= end - start;
    this.#window -= end - start;
    this.#guard.dataSent();
    this.writer.data(stream.id, bytes, start, end, ended);
    if (ended) this.#ended(stream);
  }

  #ended(stream: StreamState): void {
    stream.endQueued = true;
    stream.localEnded = true;
    this.#onLocalEnd(stream);
  }

  #standInRow(stream: StreamState): void {
    if (!stream.inRow && stream.sendWindow > 0) {
      stream.inRow = true;
      this.#row.push(stream);
    }
    if (stream.inRow && this.#window > 0) this.wantFlush();
  }

  /** Turns queued bytes into frames, a frame a turn, until a window or handOverBytes is reached. */
  #fill(): void {
    let at = 0;
    while (
      at < this.#row.length &&
      this.#window > 0 &&
      this.writer.output.length < this.#limits.handOverBytes
    ) {
      const stream = this.#row[at++] as StreamState;
      if (stream.queuedBytes > 0 && stream.sendWindow > 0) this.#sendOneFrame(stream);
      if (stream.queuedBytes > 0 && stream.sendWindow > 0) this.#row.push(stream);
      else stream.inRow = false;
    }
    if (at > 0) this.#row = this.#row.slice(at);
  }

  #sendOneFrame(stream: StreamState): void {
    const bytes = stream.queue[0] as Uint8Array;
    const start = stream.queueOffset;
    if (this.#sharing && this.#sendStretch(stream, bytes, start)) return;
    const length = Math.min(bytes.length - start, DEFAULT_MAX_FRAME_BYTES, stream.sendWindow, this.#window);
    this.#unqueue(stream, bytes, length);
    const done = stream.queuedBytes === 0;
    this.#writeData(
      stream,
      bytes,
      start,
      start + length,
      done && stream.endQueued && stream.trailers === undefined,
    );
    if (done && stream.trailers !== undefined) this.#writeTrailers(stream, stream.trailers);
  }

  /** False where it is not shared, or the windows are too small for all of a stretch: frame by frame then. */
  #sendStretch(stream: StreamState, bytes: Uint8Array, start: number): boolean {
    if (start % STRETCH_BYTES !== 0 || !isShared(bytes)) return false;
    const length = stretchLength(bytes, start);
    const isLast = length === stream.queuedBytes && (stream.endQueued || stream.trailers !== undefined);
    if (length > stream.sendWindow || length > this.#window || isLast) return false;
    this.#unqueue(stream, bytes, length);
    stream.sendWindow -= length;
    this.#window -= length;
    this.#guard.dataSent(framesFor(length));
    this.writer.output.push(sharedFrames(bytes, start, stream.id));
    return true;
  }

  #unqueue(stream: StreamState, bytes: Uint8Array, length: number): void {
    stream.queuedBytes -= length;
    stream.queueOffset += length;
    if (stream.queueOffset < bytes.length) return;
    stream.queue.shift();
    stream.queueOffset = 0;
  }

  #tellDrained(): void {
    const waiting = this.#draining;
    this.#draining = [];
    for (const stream of waiting) {
      if (!stream.wantsDrain) continue;
      if (stream.queuedBytes * 2 > this.#limits.sendQueueHighBytes) this.#draining.push(stream);
      else {
        stream.wantsDrain = false;
        stream.events?.onDrain();
      }
    }
  }
}
