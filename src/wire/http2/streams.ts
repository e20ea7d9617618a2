import type { Headers } from '../headers.ts';
import type { FloodGuard } from './flood-guard.ts';
import type { ResponseHead } from './head.ts';
import type { StreamEnd } from './http2-error.ts';
import { Http2Error } from './http2-error.ts';
import type { Http2Limits } from './limits.ts';
import { ERROR_CODE, errorName, MAX_31_BITS } from './protocol.ts';
import type { ReceiveWindows } from './receive-windows.ts';
import type { Sender } from './sender.ts';
import type { StreamOwner } from './stream-state.ts';
import { StreamState } from './stream-state.ts';
import type { StreamTable } from './stream-table.ts';

/** What streams are run with. */
export interface StreamsParts {
  readonly role: 'client' | 'server';
  readonly limits: Http2Limits;
  readonly guard: FloodGuard;
  readonly table: StreamTable;
  readonly sender: Sender;
  readonly windows: ReceiveWindows;
}

const IN_ORDER: StreamEnd = { errorCode: ERROR_CODE.NO_ERROR, by: 'both', retryable: false, message: '' };

/** The life of streams: how each begins, what its consumer asks of it, and every way in which it ends. */
export class Streams implements StreamOwner {
  readonly #parts: StreamsParts;

  constructor(parts: StreamsParts) {
    this.#parts = parts;
  }

  /** A stream that begins now; `bodyless` for the response to HEAD. */
  open(id: number, sendWindow: number, bodyless: boolean): StreamState {
    const stream = new StreamState(id, this, this.#parts.windows.ofNewStream(), sendWindow, bodyless);
    this.#parts.table.add(stream);
    return stream;
  }

  respond(stream: StreamState, head: ResponseHead, ended: boolean): void {
    if (stream.closed || stream.headSent) return;
    stream.headSent = head.status >= 200;
    this.#parts.sender.respond(stream, head, ended);
  }

  sendData(stream: StreamState, bytes: Uint8Array, ended: boolean): boolean {
    if (stream.closed || stream.endQueued) return true;
    if (!stream.headSent) throw new Error('Body bytes are sent before a final head.');
    if (bytes.length === 0 && !ended) return true;
    const { limits, sender } = this.#parts;
    if (stream.queuedBytes + bytes.length <= limits.maxSendQueueBytes)
      return sender.data(stream, bytes, ended);
    this.#reset(stream, ERROR_CODE.INTERNAL_ERROR, 'More was queued than maxSendQueueBytes allows.');
    return true;
  }

  sendShared(stream: StreamState, bytes: Uint8Array): boolean {
    const { limits, sender } = this.#parts;
    const isPlain = !stream.headSent || stream.closed || stream.endQueued;
    if (isPlain || stream.queuedBytes + bytes.length > limits.maxSendQueueBytes)
      return this.sendData(stream, bytes, false);
    return sender.shared(stream, bytes);
  }

  sendTrailers(stream: StreamState, trailers: Headers): void {
    if (stream.closed || stream.endQueued) return;
    if (!stream.headSent) throw new Error('Trailers are sent before a final head.');
    this.#parts.sender.trailers(stream, trailers);
  }

  consume(stream: StreamState, bytes: number): void {
    if (!stream.closed) this.#parts.windows.consume(stream, bytes);
  }

  discard(stream: StreamState): void {
    const { unconsumed } = stream;
    stream.unconsumed = 0;
    if (unconsumed > 0) this.#parts.windows.creditConnection(unconsumed);
  }

  abandonRequest(stream: StreamState): void {
    stream.abandoned = true;
    this.sideEnded(stream);
  }

  reset(stream: StreamState, errorCode: number): void {
    if (!stream.closed) this.#reset(stream, errorCode, '');
  }

  /** The peer's fault: resets the stream, and counts it. `message` is for people. */
  blame(stream: StreamState, errorCode: number, message: string): void {
    this.#parts.guard.count('earlyResets');
    this.#demandGoodMessage(errorCode, message);
    this.#reset(stream, errorCode, message);
  }

  /** The same for a stream that is not kept. */
  refuse(streamId: number, errorCode: number): void {
    this.#parts.guard.count('earlyResets');
    this.#demandGoodMessage(errorCode, 'A request breaks the rules of HTTP.');
    this.#writeReset(streamId, errorCode);
  }

  #demandGoodMessage(errorCode: number, message: string): void {
    if (errorCode === ERROR_CODE.PROTOCOL_ERROR && this.#parts.limits.badMessageEndsConnection)
      throw new Http2Error(errorCode, message);
  }

  /** RST_STREAM came. Only a server's peers can make work with it: they choose how many streams there are. */
  peerReset(stream: StreamState, errorCode: number): void {
    if (this.#parts.role === 'server') this.#parts.guard.count('earlyResets');
    // A server that goes on after its reset harms that stream only (RFC 9113 §5.1), not those of other requests.
    else this.#parts.table.rememberReset(stream.id);
    const retryable = errorCode === ERROR_CODE.REFUSED_STREAM;
    const message = `The peer reset the stream with ${errorName(errorCode)}.`;
    this.#end(stream, { errorCode, by: 'peer', retryable, message });
  }

  /** GOAWAY came: streams that we opened after `lastStreamId` were not looked at. */
  turnAway(lastStreamId: number, errorCode: number): void {
    const message = `The peer went away (${errorName(errorCode)}) before it looked at the request.`;
    const end: StreamEnd = {
      errorCode: ERROR_CODE.REFUSED_STREAM,
      by: 'connection',
      retryable: true,
      message,
    };
    for (const stream of this.#parts.table.all())
      if (this.#parts.table.isOwn(stream.id) && stream.id > lastStreamId) this.#end(stream, end);
  }

  /** Ours or the peer's END_STREAM was written or came. */
  sideEnded(stream: StreamState): void {
    if (!stream.localEnded) return;
    if (stream.remoteEnded) this.#end(stream, IN_ORDER);
    else if (stream.abandoned && !stream.closed) this.#reset(stream, ERROR_CODE.NO_ERROR, '');
  }

  /** The connection is over. */
  endAll(errorCode: number, message: string): void {
    const end: StreamEnd = { errorCode, by: 'connection', retryable: false, message };
    for (const stream of this.#parts.table.all()) this.#end(stream, end);
  }

  /** The peer has changed the window that streams start with, which changes those of open ones (RFC 9113 §6.9.2). */
  growWindows(bytes: number): void {
    for (const stream of this.#parts.table.all()) {
      if (stream.sendWindow + bytes > MAX_31_BITS)
        throw new Http2Error(
          ERROR_CODE.FLOW_CONTROL_ERROR,
          'SETTINGS have made the window of a stream too large.',
        );
      this.#parts.sender.addStreamWindow(stream, bytes);
    }
  }

  #reset(stream: StreamState, errorCode: number, message: string): void {
    this.#writeReset(stream.id, errorCode);
    this.#end(stream, { errorCode, by: 'local', retryable: false, message });
  }

  #writeReset(streamId: number, errorCode: number): void {
    this.#parts.table.rememberReset(streamId);
    this.#parts.sender.writer.rstStream(streamId, errorCode);
    this.#parts.sender.wantFlush();
  }

  #end(stream: StreamState, end: StreamEnd): void {
    if (stream.end !== undefined) return;
    const { table, sender, windows } = this.#parts;
    stream.end = end;
    table.remove(stream);
    sender.forget(stream);
    windows.creditConnection(stream.unconsumed);
    stream.unconsumed = 0;
    stream.events?.onClose(end);
    // A draining connection ends after a flush.
    if (table.size === 0) sender.wantFlush();
  }
}
