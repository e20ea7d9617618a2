import type { Clock } from '../../lib/clock.ts';
import type { Headers } from '../headers.ts';
import type { RequestHead, ResponseHead } from './head.ts';
import type { Http2Error, StreamEnd } from './http2-error.ts';
import type { Http2Limits } from './limits.ts';
import type { PeerSettings } from './settings.ts';

// What a consumer holds of HTTP/2: a connection, and its streams. session.ts makes them, drive.ts puts them on a socket.

/** What a stream reports. `ended`: the peer sends nothing more on it. Calls back into the stream are fine from all. */
export interface StreamEvents {
  /** Body bytes; they count against the windows until consume() gives them back. */
  onData(bytes: Buffer, ended: boolean): void;
  /** The last thing the peer sends. */
  onTrailers(trailers: Headers): void;
  /** The queue has gone down after sendData() answered false. */
  onDrain(): void;
  /** Exactly once, and last: both sides have ended, or one was reset, or the connection is gone. */
  onClose(end: StreamEnd): void;
}

/** What a stream that we opened reports. */
export interface ResponseEvents extends StreamEvents {
  /** Any number of 1xx heads, then the final one. */
  onHead(head: ResponseHead, ended: boolean): void;
}

/** One request with its response. After the end every method is without effect. */
export interface Http2Stream {
  readonly id: number;
  readonly closed: boolean;
  /** Bytes given to sendData() that have not gone out. */
  readonly queuedBytes: number;
  /** Server: sends a response head; 1xx ones first, without `ended`. */
  respond(head: ResponseHead, ended: boolean): void;
  /** Sends or queues body bytes, which are not altered afterwards. False: wait for onDrain. */
  sendData(bytes: Uint8Array, ended: boolean): boolean;
  /**
   * Sends or queues bytes that other connections are sent too: the same array, which is not altered. Their frames are made
   * once for all that have the stream's id. False: wait for onDrain.
   */
  sendShared(bytes: Uint8Array): boolean;
  /** Ends our side with trailers, after what is queued. */
  sendTrailers(trailers: Headers): void;
  /** The consumer has dealt with so many bytes of onData: the peer may send as many more. */
  consume(bytes: number): void;
  /** What came and was not consumed is thrown away: room for other streams, none for more of this one. */
  discard(): void;
  /** Server: nobody reads the rest of the request. The response still goes out whole, then RST_STREAM NO_ERROR (RFC 9113 §8.1). */
  abandonRequest(): void;
  /** Ends both sides at once; onClose follows from within. CANCEL, NO_ERROR after a complete response, ... */
  reset(errorCode: number): void;
}

/** What a connection reports. */
export interface ConnectionEvents {
  /** Server: a request. What is returned hears of the rest of it. */
  onRequest?(stream: Http2Stream, head: RequestHead, ended: boolean): StreamEvents;
  /** Server: a request was not handed on, and why. It was answered with this status, or, for 0, reset. */
  onBadRequest?(status: number, message: string): void;
  /** The peer's SETTINGS came: the first time, or again. */
  onSettings?(settings: PeerSettings): void;
  /** The peer takes no new streams. Those it did not look at have ended, retryable, before this call. */
  onGoaway?(errorCode: number, debug: string): void;
  /** The answer to ping(). */
  onPong?(): void;
  /** Everything that arrived together was handed on. */
  onReceived?(): void;
  /** Exactly once, and last; all streams have ended. Undefined where nothing was wrong. */
  onClose(error: Http2Error | undefined): void;
}

/** Where the state machine's bytes go. drive.ts is one. */
export interface ByteOutput {
  /** Takes buffers in order. False: nothing more until drained(). */
  write(parts: readonly Buffer[]): boolean;
  /** There is something to write: call flush() in this turn or the next. Once until flush(). */
  wantFlush(): void;
  /** All is said. After an error what was flushed may still reach the peer. */
  finish(): void;
}

/** What a connection is made of. */
export interface Http2Options {
  readonly role: 'client' | 'server';
  readonly clock: Pick<Clock, 'monotonicMs'>;
  readonly events: ConnectionEvents;
  /** Where they differ from DEFAULT_HTTP2_LIMITS. */
  readonly limits?: Partial<Http2Limits>;
  /** Server: extended CONNECT is taken (RFC 8441). Default false. */
  readonly allowConnectProtocol?: boolean;
}

/** One connection, for its consumer. */
export interface Http2Connection {
  /** Client: opens a stream; undefined where `availableStreams` is 0. `events` hear of it after this call has returned. */
  request(head: RequestHead, ended: boolean, events: ResponseEvents): Http2Stream | undefined;
  /** Streams that may be opened now: 0 after GOAWAY, shutdown() and the end. */
  readonly availableStreams: number;
  /** Streams open now, of either side. */
  readonly activeStreams: number;
  readonly peerSettings: PeerSettings;
  /** Bytes received so far: a sign of life. */
  readonly receivedBytes: number;
  /**
   * No new streams (server: GOAWAY, twice as RFC 9113 §6.8 has it); ends when those that are open have ended. Who
   * must not wait for that for ever, calls abort() after a time. Called again: does not wait either for the peer to
   * answer before the second GOAWAY.
   */
  shutdown(): void;
  /** GOAWAY with an error code, and the end of everything. */
  abort(errorCode: number, message: string): void;
  /** Asks whether the peer is there; onPong is the answer. */
  ping(): void;
  readonly closed: boolean;
}

/** The same, for whoever brings the bytes. */
export interface Http2Machine extends Http2Connection {
  /** Bytes from the peer. Never throws what the peer caused. */
  receive(bytes: Buffer): void;
  /** The peer will send nothing more. */
  receiveEnd(): void;
  /** The transport is gone. */
  lost(message: string): void;
  /** Hands over what is to be written. */
  flush(): void;
  /** The transport takes bytes again. */
  drained(): void;
}
