import type { Clock } from '../../lib/clock.ts';
import { Deadline, type Deadlines } from '../../lib/deadlines.ts';
import type { Connection } from '../../wire/connection.ts';
import type { Headers } from '../../wire/headers.ts';
import type {
  ConnectionEvents,
  Http2Connection,
  Http2Stream,
  StreamEvents,
} from '../../wire/http2/connection.ts';
import { driveHttp2 } from '../../wire/http2/drive.ts';
import type { RequestHead } from '../../wire/http2/head.ts';
import type { Http2Error } from '../../wire/http2/http2-error.ts';
import type { Http2Limits } from '../../wire/http2/limits.ts';
import { ERROR_CODE } from '../../wire/http2/protocol.ts';
import type { DownstreamCodec, RequestAcceptor } from './codec.ts';
import { contain } from './contain.ts';
import { Http2ServerStream, requestOf, type StreamHost } from './http2-stream.ts';

/** Time limits of a connection, in milliseconds; 0 is none. */
export interface Http2Times {
  /** Without a stream. */
  readonly idleMs: number;
  /** From the first GOAWAY to the second, where the client does not answer sooner. */
  readonly drainMs: number;
  /** How long the rest of a request is read after its answer, so that the client need not be told to stop. */
  readonly discardMs: number;
  /** How long a complete answer waits for the client's window. */
  readonly flushMs: number;
  /** A PING every so often, and how long its answer may take. */
  readonly keepaliveMs: number;
  readonly keepaliveTimeoutMs: number;
}

/** How a connection is run. */
export interface Http2Settings {
  readonly times: Http2Times;
  readonly limits: Partial<Http2Limits>;
  /** Extended CONNECT is offered (RFC 8441). */
  readonly allowConnect: boolean;
  readonly deadlines: Deadlines;
  readonly clock: Clock;
}

const NO_HEADERS: Headers = [];

/** The server's end of an HTTP/2 connection: hands its requests to an acceptor, and keeps the times of the connection. */
export class Http2Server implements DownstreamCodec, ConnectionEvents, StreamHost {
  readonly #connection: Connection;
  readonly #acceptor: RequestAcceptor;
  readonly #settings: Http2Settings;
  /** Undefined until start() has returned. */
  #http2: Http2Connection | undefined;
  #draining = false;
  #open = 0;
  /** Streams that something was handed on for since the last flush. */
  #row: Http2ServerStream[] = [];
  /** Idle, then the time for draining. */
  readonly #time = new Deadline(() => this.#expire());
  readonly #keepalive: Deadline | undefined;
  #pinged = false;
  /** The connection went with a request open. */
  #cut = false;

  constructor(connection: Connection, acceptor: RequestAcceptor, settings: Http2Settings) {
    this.#connection = connection;
    this.#acceptor = acceptor;
    this.#settings = settings;
    if (settings.times.keepaliveMs > 0) this.#keepalive = new Deadline(() => this.#ping());
  }

  /** Starts reading, with bytes that were read before. */
  start(firstBytes: Buffer | undefined): void {
    const { clock, limits, allowConnect, deadlines, times } = this.#settings;
    this.#waitForRequest();
    if (this.#keepalive !== undefined) deadlines.set(this.#keepalive, times.keepaliveMs);
    this.#http2 = driveHttp2(
      this.#connection,
      {
        role: 'server',
        clock,
        events: this,
        limits,
        allowConnectProtocol: allowConnect,
        onFault: (error) => contain(error, this.#connection),
      },
      firstBytes,
    );
    if (this.#draining) this.#shutdown();
  }

  drain(): void {
    if (this.#draining) return;
    this.#draining = true;
    this.#shutdown();
  }

  // What the connection reports.

  onRequest(stream: Http2Stream, head: RequestHead, ended: boolean): StreamEvents {
    const own = new Http2ServerStream(this, stream, ended);
    if (this.#open++ === 0 && !this.#draining) this.#settings.deadlines.clear(this.#time);
    if (head.method === 'CONNECT') own.holdUntilRaw();
    own.begin(this.#acceptor.onRequest(requestOf(head, ended), own));
    this.touched(own);
    return own;
  }

  onBadRequest(status: number, message: string): void {
    const broken = message.startsWith('The field ')
      ? 'http2.invalid.header.field'
      : 'http2.violation.of.messaging.rule';
    const details = status === 0 ? broken : 'http2.too_many_headers';
    this.#acceptor.onBadRequest({ status, details, message, headers: NO_HEADERS, bodyBytes: 0 });
  }

  onReceived(): void {
    if (this.#row.length === 0) return;
    const row = this.#row;
    this.#row = [];
    for (const stream of row) stream.flushRequest();
  }

  onPong(): void {
    if (!this.#pinged || this.#keepalive === undefined) return;
    this.#pinged = false;
    this.#settings.deadlines.set(this.#keepalive, this.#settings.times.keepaliveMs);
  }

  onClose(error: Http2Error | undefined): void {
    if (error?.by === 'local' && error.errorCode !== ERROR_CODE.NO_ERROR) this.#broken(error);
    const { deadlines } = this.#settings;
    deadlines.clear(this.#time);
    if (this.#keepalive !== undefined) deadlines.clear(this.#keepalive);
    this.#acceptor.onClosed(this.#cut);
  }

  // What streams report.

  touched(stream: Http2ServerStream): void {
    this.#row.push(stream);
  }

  lingers(stream: Http2ServerStream, reading: boolean): void {
    const { deadlines, times } = this.#settings;
    const ms = reading ? times.discardMs : times.flushMs;
    if (ms === 0) return;
    stream.lingering ??= new Deadline(() => stream.giveUp());
    deadlines.set(stream.lingering, ms);
  }

  closed(stream: Http2ServerStream, cut: boolean): void {
    if (cut) this.#cut = true;
    if (stream.lingering !== undefined) this.#settings.deadlines.clear(stream.lingering);
    if (--this.#open === 0 && !this.#draining) this.#waitForRequest();
  }

  /** Only a head that cannot be decoded was to be a request. */
  #broken({ errorCode, message }: Http2Error): void {
    if (errorCode !== ERROR_CODE.COMPRESSION_ERROR) {
      this.#acceptor.onBroken();
      return;
    }
    const details = `codec_error:${message.replaceAll(' ', '_')}`;
    this.#acceptor.onBadRequest({ status: 0, details, message, headers: NO_HEADERS, bodyBytes: 0 });
  }

  #waitForRequest(): void {
    const { deadlines, times } = this.#settings;
    if (times.idleMs > 0) deadlines.set(this.#time, times.idleMs);
  }

  #shutdown(): void {
    const { deadlines, times } = this.#settings;
    this.#http2?.shutdown();
    if (this.#http2?.closed === false) deadlines.set(this.#time, times.drainMs);
  }

  #expire(): void {
    if (this.#draining) this.#http2?.shutdown();
    else this.drain();
  }

  #ping(): void {
    const { deadlines, times } = this.#settings;
    if (this.#pinged) {
      this.#http2?.abort(ERROR_CODE.NO_ERROR, 'The client did not answer a PING in time.');
      return;
    }
    this.#pinged = true;
    this.#http2?.ping();
    if (this.#keepalive !== undefined) deadlines.set(this.#keepalive, times.keepaliveTimeoutMs);
  }
}
