import type { Core } from './core.ts';
import { eventsOf } from './core.ts';
import { Http2Error } from './http2-error.ts';
import { ERROR_CODE, FLAG } from './protocol.ts';
import type { StreamState } from './stream-state.ts';

const EMPTY = Buffer.alloc(0);

/** DATA frames: windows, the promised length, and the consumer. */
export class DataReceiver {
  readonly #core: Core;
  /** Whose content is coming; undefined where nobody wants it. */
  #stream: StreamState | undefined;
  #endStream = false;

  constructor(core: Core) {
    this.#core = core;
  }

  /** `length` counts against the windows, `contentLength` of it is for the consumer. */
  onDataFrame(flags: number, streamId: number, length: number, contentLength: number): void {
    const { table, windows, guard } = this.#core;
    if (streamId === 0 || table.isIdle(streamId))
      throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'DATA came for a stream that does not exist.');
    windows.connection -= length;
    if (windows.connection < 0)
      throw new Http2Error(ERROR_CODE.FLOW_CONTROL_ERROR, "The peer sent more than the connection's window.");
    this.#endStream = (flags & FLAG.END_STREAM) !== 0;
    if (contentLength === 0 && !this.#endStream) guard.count('emptyDataFrames');
    const stream = table.get(streamId);
    const wanted = stream !== undefined && this.#admit(stream, length, contentLength);
    this.#stream = wanted ? stream : undefined;
    if (!wanted) windows.creditConnection(length);
    else if (length > contentLength) windows.creditStream(stream, length - contentLength);
    if (stream === undefined) this.#forGoneStream(streamId);
  }

  onDataPart(bytes: Buffer, start: number, end: number, last: boolean): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    const length = end - start;
    if (stream.closed) {
      // Reset after an earlier part of the frame.
      this.#core.windows.creditConnection(length);
      return;
    }
    stream.unconsumed += length;
    const ended = last && this.#endStream;
    if (ended) stream.remoteEnded = true;
    else if (length === 0) return;
    eventsOf(stream).onData(length === 0 ? EMPTY : bytes.subarray(start, end), ended);
    if (ended) this.#core.streams.sideEnded(stream);
  }

  #forGoneStream(streamId: number): void {
    // What was on its way when we reset the stream: an answer before the end of the request does so.
    if (!this.#core.table.wasReset(streamId)) this.#core.streams.refuse(streamId, ERROR_CODE.STREAM_CLOSED);
  }

  /** Whether the stream may have these bytes; where not, it has been reset. */
  #admit(stream: StreamState, length: number, contentLength: number): boolean {
    const { streams, role } = this.#core;
    if (stream.remoteEnded) streams.blame(stream, ERROR_CODE.STREAM_CLOSED, 'DATA came after END_STREAM.');
    else if (role === 'client' && !stream.headSeen)
      streams.blame(stream, ERROR_CODE.PROTOCOL_ERROR, 'DATA came before the head of the response.');
    else if (stream.receiveWindow < length)
      streams.blame(stream, ERROR_CODE.FLOW_CONTROL_ERROR, "The peer sent more than the stream's window.");
    else if (!this.#fitsPromise(stream, contentLength))
      streams.blame(stream, ERROR_CODE.PROTOCOL_ERROR, 'The body is not as long as content-length says.');
    else {
      stream.receiveWindow -= length;
      return true;
    }
    return false;
  }

  #fitsPromise(stream: StreamState, contentLength: number): boolean {
    if (stream.bodyLeft < 0) return true;
    stream.bodyLeft -= contentLength;
    return this.#endStream ? stream.bodyLeft === 0 : stream.bodyLeft >= 0;
  }
}
