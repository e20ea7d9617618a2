import type { Clock, Timer } from '../../lib/clock.ts';
import type { Headers } from '../headers.ts';
import type { Http2Connection, Http2Stream, ResponseEvents } from '../http2/connection.ts';
import type { ResponseHead } from '../http2/head.ts';
import type { StreamEnd } from '../http2/http2-error.ts';
import { ERROR_CODE } from '../http2/protocol.ts';
import { frameMessage, MessageReader } from './framing.ts';
import { receivedMetadata } from './metadata.ts';
import type { GrpcStatus, Metadata } from './status.ts';
import { GRPC_CODE, localStatus } from './status.ts';
import { faultOfHead, noStatus, statusInTrailers, statusOfStreamEnd } from './status-mapping.ts';
import { encodeGrpcTimeout } from './timeout.ts';

/** From here send() answers false before the stream exists. */
const PENDING_HIGH_BYTES = 64 * 1024;
const NOTHING = Buffer.alloc(0);

/** What a call tells whoever made it; client.ts says more. */
export interface CallEvents {
  onHeaders?(headers: Metadata): void;
  onMessage(message: Uint8Array): void;
  onDrain?(): void;
  onEnd(status: GrpcStatus): void;
}

/** What a call is made of. */
export interface CallParts {
  readonly path: string;
  readonly scheme: string;
  readonly authority: string;
  /** Everything but `grpc-timeout`. */
  readonly headers: Headers;
  readonly timeoutMs: number | undefined;
  readonly clock: Clock;
  readonly maxReceiveMessageBytes: number;
  readonly maxSendMessageBytes: number;
  readonly events: CallEvents;
  /** The call is over, and its events have been told. */
  readonly onOver: (call: Call) => void;
}

/** One call, from before its stream exists until its status. A GrpcStream of client.ts. */
export class Call implements ResponseEvents {
  readonly #parts: CallParts;
  readonly #deadlineMs: number;
  #timer: Timer | undefined;
  #stream: Http2Stream | undefined;
  #over = false;
  /** Framed messages that wait for the stream. */
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #ended = false;
  #wantsDrain = false;
  readonly #reader: MessageReader;
  /** Bytes received while paused; the window bounds them. */
  #held: Buffer[] = [];
  #paused = false;
  #delivering = false;
  /** The status came; it is told after the messages before it. */
  #ending: GrpcStatus | undefined;
  /** The server surely did nothing with it. */
  unprocessed = false;

  constructor(parts: CallParts) {
    this.#parts = parts;
    this.#reader = new MessageReader(parts.maxReceiveMessageBytes);
    this.#deadlineMs = parts.clock.monotonicMs() + (parts.timeoutMs ?? Number.POSITIVE_INFINITY);
    if (parts.timeoutMs === undefined) return;
    const late = localStatus(GRPC_CODE.DEADLINE_EXCEEDED, `The call took longer than ${parts.timeoutMs} ms.`);
    this.#timer = parts.clock.setTimeout(() => this.finish(late), parts.timeoutMs);
  }

  get over(): boolean {
    return this.#over;
  }

  /** Begins on a connection that has a stream to give. */
  open(connection: Http2Connection): void {
    const { path, scheme, authority, clock } = this.#parts;
    const leftMs = this.#deadlineMs - clock.monotonicMs();
    const timeout = leftMs === Number.POSITIVE_INFINITY ? [] : ['grpc-timeout', encodeGrpcTimeout(leftMs)];
    const headers = [...timeout, ...this.#parts.headers];
    this.#stream = connection.request(
      { method: 'POST', scheme, authority, path, protocol: '', headers },
      false,
      this,
    );
    if (this.#stream === undefined)
      this.finish(localStatus(GRPC_CODE.UNAVAILABLE, 'The connection takes no more calls.'));
    else this.#sendPending(this.#stream);
  }

  // What the caller asks for.

  send(message: Uint8Array): boolean {
    if (this.#over || this.#ended) return true;
    const queuedBytes = this.#stream?.queuedBytes ?? this.#pendingBytes;
    if (queuedBytes + message.length > this.#parts.maxSendMessageBytes) {
      this.finish(
        localStatus(GRPC_CODE.RESOURCE_EXHAUSTED, 'More was queued than maxSendMessageBytes allows.'),
      );
      return true;
    }
    const framed = frameMessage(message);
    if (this.#stream !== undefined) return this.#stream.sendData(framed, false);
    this.#pending.push(framed);
    this.#pendingBytes += framed.length;
    this.#wantsDrain = this.#pendingBytes > PENDING_HIGH_BYTES;
    return !this.#wantsDrain;
  }

  end(): void {
    if (this.#over || this.#ended) return;
    this.#ended = true;
    this.#stream?.sendData(NOTHING, true);
  }

  cancel(message = 'The call was cancelled.'): void {
    this.finish(localStatus(GRPC_CODE.CANCELLED, message));
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#deliver();
  }

  /** Ends the call here and now, with the stream where there is one. */
  finish(status: GrpcStatus): void {
    if (this.#over) return;
    this.#over = true;
    this.#timer?.cancel();
    this.#pending = [];
    this.#held = [];
    this.#leaveStream(status);
    this.#parts.events.onEnd(status);
    this.#parts.onOver(this);
  }

  // What the stream reports.

  onHead(head: ResponseHead, ended: boolean): void {
    if (this.#over || head.status < 200) return;
    const fault = faultOfHead(head);
    if (ended) this.#ending = statusInTrailers(head.headers) ?? fault ?? noStatus();
    else if (fault !== undefined) this.finish(fault);
    else this.#parts.events.onHeaders?.(receivedMetadata(head.headers));
    this.#deliver();
  }

  onData(bytes: Buffer): void {
    if (this.#over) return;
    if (bytes.length > 0) this.#held.push(bytes);
    this.#deliver();
  }

  onTrailers(trailers: Headers): void {
    this.#ending = statusInTrailers(trailers) ?? noStatus();
    this.#deliver();
  }

  onDrain(): void {
    if (!this.#over) this.#parts.events.onDrain?.();
  }

  onClose(end: StreamEnd): void {
    if (this.#over || this.#ending !== undefined) return;
    this.unprocessed = end.retryable;
    const status = statusOfStreamEnd(end);
    if (end.by !== 'both') this.finish(status);
    else {
      this.#ending = status;
      this.#deliver();
    }
  }

  #sendPending(stream: Http2Stream): void {
    const pending = this.#pending;
    this.#pending = [];
    let room = true;
    for (const framed of pending) room = stream.sendData(framed, false);
    if (this.#ended) stream.sendData(NOTHING, true);
    if (room && this.#wantsDrain) this.#parts.events.onDrain?.();
  }

  /** Hands on the messages that are complete, then the status. */
  #deliver(): void {
    if (this.#delivering) return;
    this.#delivering = true;
    while (!this.#paused && !this.#over && this.#deliverOne());
    this.#delivering = false;
  }

  /** One step; false where there is nothing more to do now. */
  #deliverOne(): boolean {
    const read = this.#reader.read();
    if (read.kind === 'message') this.#parts.events.onMessage(read.message);
    else if (read.kind === 'too-large')
      this.finish(
        localStatus(
          GRPC_CODE.RESOURCE_EXHAUSTED,
          `A message of ${read.bytes} bytes came, which is too large.`,
        ),
      );
    else if (read.kind === 'compressed')
      this.finish(
        localStatus(GRPC_CODE.INTERNAL, 'A compressed message came, and compression was not offered.'),
      );
    else return this.#nextBytes();
    return true;
  }

  /** The reader has used all it had. */
  #nextBytes(): boolean {
    const bytes = this.#held.shift();
    if (bytes !== undefined) {
      this.#reader.add(bytes);
      this.#stream?.consume(bytes.length);
      return true;
    }
    if (this.#ending === undefined) return false;
    const cutOff = this.#reader.midMessage && this.#ending.code === GRPC_CODE.OK;
    this.finish(cutOff ? localStatus(GRPC_CODE.INTERNAL, 'The call ended inside a message.') : this.#ending);
    return false;
  }

  /** In order where all is said, otherwise by a reset. */
  #leaveStream(status: GrpcStatus): void {
    const stream = this.#stream;
    if (stream === undefined || stream.closed) return;
    const inOrder = status === this.#ending && stream.queuedBytes === 0;
    if (!inOrder) stream.reset(ERROR_CODE.CANCEL);
    else if (!this.#ended) stream.sendData(NOTHING, true);
  }
}
