import type { ResponseEvents } from './connection.ts';
import type { Core } from './core.ts';
import { eventsOf } from './core.ts';
import { flood } from './flood-guard.ts';
import { readUint31 } from './frame-parser.ts';
import { HeadReader } from './head-reader.ts';
import { HpackDecoder } from './hpack/decoder.ts';
import { Http2Error } from './http2-error.ts';
import { ERROR_CODE, FLAG } from './protocol.ts';
import type { StreamState } from './stream-state.ts';

const PRIORITY_BYTES = 5;
const HEADERS_TOO_LARGE_STATUS = 431;

/** HEADERS and CONTINUATION: gathers header blocks, decodes every one of them, and finds out what it is. */
export class HeaderReceiver {
  readonly #core: Core;
  readonly #decoder = new HpackDecoder();
  readonly #reader: HeadReader;
  #parts: Buffer[] = [];
  #partBytes = 0;
  #endStream = false;
  /** Priorities are not used, but this was always a fault (RFC 7540 §5.3.1). */
  #dependsOnItself = false;
  /** The stream whose block is not complete; 0 where none is. */
  gatheringStreamId = 0;

  constructor(core: Core) {
    this.#core = core;
    this.#reader = new HeadReader(core.limits.maxHeaderListBytes, core.limits.maxHeaderCount);
  }

  get gathering(): boolean {
    return this.gatheringStreamId !== 0;
  }

  onHeaders(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    if (streamId === 0) throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'HEADERS came for stream 0.');
    let from = start;
    let to = end;
    if ((flags & FLAG.PADDED) !== 0) {
      if (from === to) throw new Http2Error(ERROR_CODE.FRAME_SIZE_ERROR, 'A padded HEADERS frame is empty.');
      to -= bytes[from++] as number;
    }
    const dependency =
      (flags & FLAG.PRIORITY) !== 0 && from + PRIORITY_BYTES <= to ? readUint31(bytes, from) : 0;
    this.#dependsOnItself = dependency === streamId;
    if ((flags & FLAG.PRIORITY) !== 0) from += PRIORITY_BYTES;
    if (from > to)
      throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'A HEADERS frame has more padding than payload.');
    this.#endStream = (flags & FLAG.END_STREAM) !== 0;
    if ((flags & FLAG.END_HEADERS) !== 0) this.#complete(streamId, bytes, from, to);
    else {
      this.gatheringStreamId = streamId;
      this.#gather(bytes, from, to);
    }
  }

  onContinuation(flags: number, streamId: number, bytes: Buffer, start: number, end: number): void {
    if (this.#parts.length > this.#core.limits.maxContinuationFrames) throw flood('maxContinuationFrames');
    this.#gather(bytes, start, end);
    if ((flags & FLAG.END_HEADERS) === 0) return;
    const block = Buffer.concat(this.#parts, this.#partBytes);
    this.gatheringStreamId = 0;
    this.#parts = [];
    this.#partBytes = 0;
    this.#complete(streamId, block, 0, block.length);
  }

  #gather(bytes: Buffer, start: number, end: number): void {
    this.#partBytes += end - start;
    if (this.#partBytes > this.#core.limits.maxHeaderBlockBytes) throw flood('maxHeaderBlockBytes');
    this.#parts.push(bytes.subarray(start, end));
  }

  /** Every block is decoded, wanted or not: the dynamic table must stay the peer's (RFC 9113 §4.3). */
  #complete(streamId: number, bytes: Buffer, start: number, end: number): void {
    this.#reader.reset();
    this.#decoder.decode(bytes, start, end, this.#reader);
    const table = this.#core.table;
    const stream = table.get(streamId);
    if (stream !== undefined) this.#forStream(stream);
    else if (!table.isIdle(streamId)) this.#forGoneStream(streamId);
    else if (this.#core.role === 'server' && !table.isOwn(streamId)) this.#newRequest(streamId);
    else throw new Http2Error(ERROR_CODE.PROTOCOL_ERROR, 'HEADERS came for a stream that nobody has opened.');
  }

  #forGoneStream(streamId: number): void {
    const table = this.#core.table;
    if (!table.wasReset(streamId)) {
      const errorCode = table.peerSkippedIds ? ERROR_CODE.PROTOCOL_ERROR : ERROR_CODE.STREAM_CLOSED;
      throw new Http2Error(errorCode, 'HEADERS came for a stream that is over, or with an id out of order.');
    }
    this.#core.guard.count('idleFrames');
  }

  #forStream(stream: StreamState): void {
    const core = this.#core;
    if (stream.remoteEnded)
      core.streams.blame(stream, ERROR_CODE.STREAM_CLOSED, 'HEADERS came after END_STREAM.');
    else if (this.#reader.tooLarge)
      core.streams.blame(stream, ERROR_CODE.ENHANCE_YOUR_CALM, 'A head or trailers are larger than allowed.');
    else if (core.role === 'client' && !stream.headSeen) this.#response(stream);
    else this.#trailers(stream);
  }

  #newRequest(streamId: number): void {
    const core = this.#core;
    core.table.notePeerId(streamId);
    if (streamId > core.admittedId) return;
    if (core.table.peerCount >= core.limits.maxConcurrentStreams) {
      core.streams.refuse(streamId, ERROR_CODE.REFUSED_STREAM);
      return;
    }
    if (this.#reader.tooLarge) {
      core.sender.reply(streamId, HEADERS_TOO_LARGE_STATUS);
      core.turnedDown(HEADERS_TOO_LARGE_STATUS, 'The head of a request is larger than allowed.');
      if (this.#endStream) core.guard.count('earlyResets');
      else core.streams.refuse(streamId, ERROR_CODE.NO_ERROR);
      return;
    }
    const head = this.#reader.request();
    if (
      typeof head === 'string' ||
      this.#dependsOnItself ||
      (head.protocol !== '' && !core.allowConnectProtocol) ||
      this.#lengthIsWrong()
    ) {
      core.turnedDown(0, typeof head === 'string' ? head : 'A request contradicts itself.');
      core.streams.refuse(streamId, ERROR_CODE.PROTOCOL_ERROR);
      return;
    }
    core.admit(streamId, head, this.#endStream, this.#reader.contentLength);
  }

  /** A body is promised, and there is none. */
  #lengthIsWrong(): boolean {
    return this.#endStream && this.#reader.contentLength > 0;
  }

  #response(stream: StreamState): void {
    const core = this.#core;
    const head = this.#reader.response();
    if (typeof head === 'string') core.streams.blame(stream, ERROR_CODE.PROTOCOL_ERROR, head);
    else if (head.status < 200) {
      if (this.#endStream || head.status === 101)
        core.streams.blame(
          stream,
          ERROR_CODE.PROTOCOL_ERROR,
          `A response of status ${head.status} has no place here.`,
        );
      else if (++stream.informationalHeads > core.limits.maxInformationalHeads)
        core.streams.blame(stream, ERROR_CODE.ENHANCE_YOUR_CALM, 'More 1xx heads came than allowed.');
      else (eventsOf(stream) as ResponseEvents).onHead(head, false);
    } else {
      const bodyless = stream.bodyless || head.status === 304 || head.status === 204;
      if (!bodyless && this.#lengthIsWrong()) {
        core.streams.blame(
          stream,
          ERROR_CODE.PROTOCOL_ERROR,
          'The body is not as long as content-length says.',
        );
        return;
      }
      stream.headSeen = true;
      stream.bodyLeft = bodyless ? 0 : this.#reader.contentLength;
      stream.remoteEnded = this.#endStream;
      (eventsOf(stream) as ResponseEvents).onHead(head, this.#endStream);
      if (this.#endStream) core.streams.sideEnded(stream);
    }
  }

  #trailers(stream: StreamState): void {
    const core = this.#core;
    const trailers = this.#reader.trailers();
    if (!this.#endStream)
      core.streams.blame(stream, ERROR_CODE.PROTOCOL_ERROR, 'Trailers came without END_STREAM.');
    else if (typeof trailers === 'string') core.streams.blame(stream, ERROR_CODE.PROTOCOL_ERROR, trailers);
    else if (stream.bodyLeft > 0)
      core.streams.blame(
        stream,
        ERROR_CODE.PROTOCOL_ERROR,
        'The body is not as long as content-length says.',
      );
    else {
      stream.remoteEnded = true;
      eventsOf(stream).onTrailers(trailers);
      core.streams.sideEnded(stream);
    }
  }
}
