import type { Headers } from '../headers.ts';
import type { Http2Stream, StreamEvents } from './connection.ts';
import type { ResponseHead } from './head.ts';
import type { StreamEnd } from './http2-error.ts';

/** Who carries out what a consumer asks of a stream. */
export interface StreamOwner {
  respond(stream: StreamState, head: ResponseHead, ended: boolean): void;
  sendData(stream: StreamState, bytes: Uint8Array, ended: boolean): boolean;
  sendShared(stream: StreamState, bytes: Uint8Array): boolean;
  sendTrailers(stream: StreamState, trailers: Headers): void;
  consume(stream: StreamState, bytes: number): void;
  discard(stream: StreamState): void;
  abandonRequest(stream: StreamState): void;
  reset(stream: StreamState, errorCode: number): void;
}

/** Everything known of an open stream. Consumers see it as Http2Stream; the fields below are the codec's. */
export class StreamState implements Http2Stream {
  readonly id: number;
  readonly #owner: StreamOwner;
  /** Undefined while onRequest has not returned. */
  events: StreamEvents | undefined;
  /** Set at the end. */
  end: StreamEnd | undefined;

  // Receiving.
  /** The response's final head came (client). */
  headSeen = false;
  informationalHeads = 0;
  remoteEnded = false;
  /** Bytes the peer may still send. */
  receiveWindow: number;
  /** Bytes delivered and not consumed. */
  unconsumed = 0;
  /** Bytes consumed and not yet announced by WINDOW_UPDATE. */
  credit = 0;
  /** Bytes that content-length still promises; -1 where it said nothing. */
  bodyLeft = -1;
  /** A response to HEAD has a content-length and no body. */
  readonly bodyless: boolean;

  // Sending.
  /** Bytes we may still send; negative after the peer has lowered its initial window. */
  sendWindow: number;
  headSent = false;
  /** The consumer has ended our side; what is queued may still have to go. */
  endQueued = false;
  /** END_STREAM is written. */
  localEnded = false;
  /** The rest of the request is not wanted: the stream is reset once our side has ended. */
  abandoned = false;
  queue: Uint8Array[] = [];
  /** Bytes of queue[0] that have gone. */
  queueOffset = 0;
  queuedBytes = 0;
  trailers: Headers | undefined;
  wantsDrain = false;
  /** Stands in the sender's row of streams that have something to send. */
  inRow = false;

  constructor(id: number, owner: StreamOwner, receiveWindow: number, sendWindow: number, bodyless: boolean) {
    this.id = id;
    this.#owner = owner;
    this.receiveWindow = receiveWindow;
    this.sendWindow = sendWindow;
    this.bodyless = bodyless;
  }

  get closed(): boolean {
    return this.end !== undefined;
  }

  respond(head: ResponseHead, ended: boolean): void {
    this.#owner.respond(this, head, ended);
  }

  sendData(bytes: Uint8Array, ended: boolean): boolean {
    return this.#owner.sendData(this, bytes, ended);
  }

  sendShared(bytes: Uint8Array): boolean {
    return this.#owner.sendShared(this, bytes);
  }

  sendTrailers(trailers: Headers): void {
    this.#owner.sendTrailers(this, trailers);
  }

  consume(bytes: number): void {
    this.#owner.consume(this, bytes);
  }

  discard(): void {
    this.#owner.discard(this);
  }

  abandonRequest(): void {
    this.#owner.abandonRequest(this);
  }

  reset(errorCode: number): void {
    this.#owner.reset(this, errorCode);
  }
}
