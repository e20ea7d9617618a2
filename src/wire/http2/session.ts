import type {
  ByteOutput,
  ConnectionEvents,
  Http2Machine,
  Http2Options,
  Http2Stream,
  ResponseEvents,
} from './connection.ts';
import type { Core } from './core.ts';
import { FloodGuard, flood } from './flood-guard.ts';
import type { RequestHead } from './head.ts';
import { Http2Error } from './http2-error.ts';
import type { Http2Limits } from './limits.ts';
import { CONCURRENT_STREAMS_UNTIL_TOLD, DEFAULT_HTTP2_LIMITS } from './limits.ts';
import { ERROR_CODE, MAX_31_BITS, SETTING } from './protocol.ts';
import { ReceiveWindows } from './receive-windows.ts';
import { Receiver } from './receiver.ts';
import { Sender } from './sender.ts';
import type { PeerSettings } from './settings.ts';
import { initialPeerSettings } from './settings.ts';
import type { StreamState } from './stream-state.ts';
import { StreamTable } from './stream-table.ts';
import { Streams } from './streams.ts';

const PING_OPAQUE = Buffer.from('weftping', 'latin1');

/** Makes one end of a connection, which begins at once (preface, SETTINGS). Nothing in it does I/O. */
export function createHttp2(options: Http2Options, output: ByteOutput): Http2Machine {
  return new Session(options, output);
}

/** How far a connection's life has come. `draining`: no new streams, ends with the last one. */
type Phase = 'open' | 'draining' | 'closed';

class Session implements Http2Machine, Core {
  readonly role: 'client' | 'server';
  readonly limits: Http2Limits;
  readonly allowConnectProtocol: boolean;
  readonly guard: FloodGuard;
  readonly table: StreamTable;
  readonly sender: Sender;
  readonly windows: ReceiveWindows;
  readonly streams: Streams;
  readonly #receiver: Receiver;
  readonly #events: ConnectionEvents;
  readonly #output: ByteOutput;
  #phase: Phase = 'open';
  /** Server: the first GOAWAY is out, the second follows on the answer to the PING behind it. */
  #lastRequestsMayCome = false;
  admittedId = MAX_31_BITS;
  receivedBytes = 0;
  peerSettings = initialPeerSettings(CONCURRENT_STREAMS_UNTIL_TOLD);

  constructor(options: Http2Options, output: ByteOutput) {
    this.role = options.role;
    this.limits = { ...DEFAULT_HTTP2_LIMITS, ...options.limits };
    this.allowConnectProtocol = options.allowConnectProtocol ?? false;
    this.guard = new FloodGuard(this.limits, () => options.clock.monotonicMs());
    this.table = new StreamTable(options.role);
    const onLocalEnd = this.#onLocalEnd.bind(this);
    this.sender = new Sender(output, onLocalEnd, this.guard, this.limits);
    this.windows = new ReceiveWindows(this.sender, this.limits);
    this.streams = new Streams(this);
    this.#receiver = new Receiver(this);
    this.#events = options.events;
    this.#output = output;
    this.#begin();
  }

  get closed(): boolean {
    return this.#phase === 'closed';
  }

  get activeStreams(): number {
    return this.table.size;
  }

  get availableStreams(): number {
    if (this.role === 'server' || this.#phase !== 'open' || this.table.idsExhausted) return 0;
    const allowed = Math.min(this.peerSettings.maxConcurrentStreams, this.limits.maxOwnStreams);
    return Math.max(0, allowed - this.table.ownCount);
  }

  // What the consumer asks for.

  request(head: RequestHead, ended: boolean, events: ResponseEvents): Http2Stream | undefined {
    if (this.availableStreams === 0) return undefined;
    const window = this.peerSettings.initialWindowBytes;
    const stream = this.streams.open(this.table.takeOwnId(), window, head.method === 'HEAD');
    stream.events = events;
    stream.headSent = true;
    this.sender.request(stream, head, ended);
    return stream;
  }

  ping(): void {
    if (this.#phase === 'closed') return;
    this.sender.writer.ping(PING_OPAQUE, 0, 0);
    this.sender.wantFlush();
  }

  shutdown(): void {
    if (this.#phase !== 'open') {
      this.#lastGoaway();
      return;
    }
    this.#phase = 'draining';
    if (this.role === 'server') {
      this.#lastRequestsMayCome = true;
      this.sender.writer.goaway(MAX_31_BITS, ERROR_CODE.NO_ERROR, '');
      this.ping();
    }
    this.sender.wantFlush();
  }

  abort(errorCode: number, message: string): void {
    this.#fail(new Http2Error(errorCode, message));
  }

  // What whoever brings the bytes asks for.

  receive(bytes: Buffer): void {
    if (this.#phase === 'closed') return;
    this.receivedBytes += bytes.length;
    try {
      this.#receiver.feed(bytes);
      this.#events.onReceived?.();
      if (this.sender.unsentBytes > this.limits.maxUnsentBytes) throw flood('maxUnsentBytes');
    } catch (error) {
      if (error instanceof Http2Error) {
        // What came before in the same read was handed on, and is good.
        this.#events.onReceived?.();
        this.#fail(error);
        return;
      }
      // A consumer has thrown: the rest of these bytes is lost, so the connection cannot go on.
      this.#fail(new Http2Error(ERROR_CODE.INTERNAL_ERROR, 'Handling what came has failed.'));
      throw error;
    }
  }

  receiveEnd(): void {
    const fine = this.table.size === 0 && !this.#receiver.midMessage;
    this.#close(fine ? undefined : transportError('The peer ended the connection while it was in use.'));
  }

  lost(message: string): void {
    this.#close(transportError(message));
  }

  flush(): void {
    if (this.#phase === 'closed') return;
    this.sender.flush();
    this.#closeIfDone();
  }

  drained(): void {
    if (this.#phase === 'closed') return;
    this.sender.drained();
    this.#closeIfDone();
  }

  // What the receiving side found.

  admit(streamId: number, head: RequestHead, ended: boolean, contentLength: number): void {
    const { onRequest } = this.#events;
    if (onRequest === undefined) {
      this.streams.refuse(streamId, ERROR_CODE.REFUSED_STREAM);
      return;
    }
    const stream = this.streams.open(streamId, this.peerSettings.initialWindowBytes, false);
    stream.remoteEnded = ended;
    stream.bodyLeft = contentLength;
    stream.events = onRequest.call(this.#events, stream, head, ended);
    // It may have been answered, or the connection ended, before anybody could be told.
    if (stream.end !== undefined) stream.events.onClose(stream.end);
  }

  turnedDown(status: number, message: string): void {
    this.#events.onBadRequest?.(status, message);
  }

  changeSettings(settings: PeerSettings): void {
    const growth = settings.initialWindowBytes - this.peerSettings.initialWindowBytes;
    this.peerSettings = settings;
    this.sender.setTableBytes(settings.headerTableBytes);
    if (growth !== 0) this.streams.growWindows(growth);
    this.#events.onSettings?.(settings);
  }

  ponged(): void {
    this.#lastGoaway();
    this.#events.onPong?.();
  }

  goneAway(lastStreamId: number, errorCode: number, debug: string): void {
    if (this.role === 'client' && this.#phase === 'open') this.#phase = 'draining';
    this.streams.turnAway(lastStreamId, errorCode);
    this.#events.onGoaway?.(errorCode, debug);
    this.sender.wantFlush();
  }

  /** Whatever the peer sent before it heard of the first GOAWAY is here. */
  #lastGoaway(): void {
    if (!this.#lastRequestsMayCome || this.#phase === 'closed') return;
    this.#lastRequestsMayCome = false;
    this.admittedId = this.table.lastPeerId;
    this.sender.writer.goaway(this.admittedId, ERROR_CODE.NO_ERROR, '');
    this.sender.wantFlush();
  }

  #begin(): void {
    const { limits } = this;
    const client = this.role === 'client';
    if (client) this.sender.writer.preface();
    this.sender.writer.settings([
      client ? [SETTING.ENABLE_PUSH, 0] : [SETTING.MAX_CONCURRENT_STREAMS, limits.maxConcurrentStreams],
      [SETTING.INITIAL_WINDOW_SIZE, limits.streamWindowBytes],
      [SETTING.MAX_HEADER_LIST_SIZE, limits.maxHeaderListBytes],
      ...(this.allowConnectProtocol ? [[SETTING.ENABLE_CONNECT_PROTOCOL, 1] as const] : []),
    ]);
    this.windows.start();
    this.sender.wantFlush();
  }

  #onLocalEnd(stream: StreamState): void {
    this.streams.sideEnded(stream);
  }

  /** Drained, and all of it is with the transport. */
  #closeIfDone(): void {
    if (this.#phase !== 'draining' || this.table.size > 0 || this.#lastRequestsMayCome) return;
    if (this.sender.unsentBytes > 0) return;
    if (this.role === 'client') this.sender.writer.goaway(0, ERROR_CODE.NO_ERROR, '');
    this.sender.flush();
    this.#close(undefined);
  }

  #fail(error: Http2Error): void {
    if (this.#phase === 'closed') return;
    this.sender.writer.goaway(this.table.lastPeerId, error.errorCode, error.message);
    this.sender.flush();
    this.#close(error);
  }

  #close(error: Http2Error | undefined): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    this.#receiver.stop();
    this.streams.endAll(
      error?.errorCode ?? ERROR_CODE.CANCEL,
      error?.message ?? 'The connection was closed.',
    );
    this.#events.onClose(error);
    this.#output.finish();
  }
}

function transportError(message: string): Http2Error {
  return new Http2Error(ERROR_CODE.INTERNAL_ERROR, message, 'transport');
}
