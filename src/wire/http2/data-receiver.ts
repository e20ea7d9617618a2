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
  /** What of the frame's length has not been delivered: at the end, padding. */
  #undelivered = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  onDataFrame(flags: number, streamId: number, length: number): void {
    const core = this.#core;
    if (streamId === 0 || core.table.isIdle(streamId))
      throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'DATA came for a stream that does not exist.');
    core.windows.connection -= length;
    if (core.windows.connection < 0)
      throw new Http2Error(ERROR_CODE.FLOW_CONTROL_ERROR, "The peer sent more than the connection's window.");
    this.#endStream = (flags & FLAG.END_STREAM) !== 0;
    if (length === 0 && !this.#endStream) core.guard.count('emptyDataFrames');
    this.#undelivered = length;
    this.#stream = this.#wanted(core.table.get(streamId), streamId, length);
    if (this.#stream === undefined) core.windows.creditConnection(length);
  }

  onDataPart(bytes: Buffer, start: number, end: number, last: boolean): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    const length = end - start;
    this.#undelivered -= length;
    if (stream.closed) {
      // Its consumer reset it after an earlier part: what was delivered is credited, this is not.
      this.#core.windows.creditConnection(last ? length + this.#undelivered : length);
      return;
    }
    if (last && this.#undelivered > 0) this.#core.windows.creditStream(stream, this.#undelivered);
    this.#deliver(stream, bytes, start, end, last && this.#endStream);
  }

  /** The stream, if it may have these bytes. */
  #wanted(stream: StreamState | undefined, streamId: number, length: number): StreamState | undefined {
    const core = this.#core;
    if (stream === undefined) {
      if (core.table.wasReset(streamId)) core.guard.count('idleFrames');
      else core.streams.refuse(streamId, ERROR_CODE.STREAM_CLOSED);
      return undefined;
    }
    if (stream.remoteEnded)
      core.streams.blame(stream, ERROR_CODE.STREAM_CLOSED, 'DATA came after END_STREAM.');
    else if (core.role === 'client' && !stream.headSeen)
      core.streams.blame(stream, ERROR_CODE.PROTOCOL_ERROR, 'DATA came before the head of the response.');
    else if (stream.receiveWindow < length)
      core.streams.blame(
        stream,
        ERROR_CODE.FLOW_CONTROL_ERROR,
        "The peer sent more than the stream's window.",
      );
    else {
      stream.receiveWindow -= length;
      return stream;
    }
    return undefined;
  }

  #deliver(stream: StreamState, bytes: Buffer, start: number, end: number, ended: boolean): void {
    const length = end - start;
    if (stream.bodyLeft >= 0) {
      stream.bodyLeft -= length;
      if (stream.bodyLeft < 0 || (ended && stream.bodyLeft > 0)) {
        this.#core.windows.creditConnection(length);
        this.#core.streams.blame(
          stream,
          ERROR_CODE.PROTOCOL_ERROR,
          'The body is not as long as content-length says.',
        );
        return;
      }
    }
    stream.unconsumed += length;
    if (ended) stream.remoteEnded = true;
    else if (length === 0) return;
    eventsOf(stream).onData(length === 0 ? EMPTY : bytes.subarray(start, end), ended);
    if (ended) this.#core.streams.sideEnded(stream);
  }
}
