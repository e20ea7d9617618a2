import { hostPort } from '../../lib/host-port.ts';
import type { Connection } from '../../wire/connection.ts';
import type {
  ConnectionEvents,
  Http2Connection,
  Http2Stream,
  ResponseEvents,
} from '../../wire/http2/connection.ts';
import { driveHttp2 } from '../../wire/http2/drive.ts';
import type { RequestHead } from '../../wire/http2/head.ts';
import type { Http2Error } from '../../wire/http2/http2-error.ts';
import type { UpstreamEvents, UpstreamRequest, UpstreamStream, UpstreamTransport } from '../stream/codec.ts';
import { contain } from '../stream/contain.ts';
import type { UpstreamHttp2 } from './cluster-config.ts';
import type { UpstreamEnvironment } from './environment.ts';
import { Http2Keepalive } from './http2-keepalive.ts';
import { Http2UpstreamStream, type StreamConnection } from './http2-stream.ts';

/** Who keeps the connection. */
export interface Http2Owner {
  /** How many streams the endpoint takes on one connection. */
  onStreamLimit(streams: number): void;
  /** A stream has ended, or the endpoint takes another number of them. */
  onRoom(connection: Http2UpstreamConnection): void;
  /** The endpoint takes no new streams on it. */
  onGoaway(connection: Http2UpstreamConnection): void;
  /** It is gone. */
  onGone(connection: Http2UpstreamConnection, error: Http2Error | undefined): void;
}

/** An HTTP/2 connection to an upstream, which carries as many requests at once as both ends allow. */
export class Http2UpstreamConnection implements UpstreamTransport, StreamConnection, ConnectionEvents {
  readonly connection: Connection;
  readonly address: string;
  readonly localText: string;
  readonly madeMs: number;
  /** Requests it has carried, the present ones included. */
  requests = 0;
  /** When it was made, or its last stream ended. */
  idleSinceMs: number;
  /** Takes no further request. */
  retired = false;
  readonly #owner: Http2Owner;
  readonly #environment: UpstreamEnvironment;
  readonly #http2: Http2Connection;
  readonly #keepalive: Http2Keepalive | undefined;
  /** Streams that got something of what came together. */
  #touched: Http2UpstreamStream[] = [];
  #settingsSeen = false;
  /** Streams that ask for what only the endpoint's SETTINGS allow. */
  #untilSettings: Http2UpstreamStream[] = [];

  constructor(
    connection: Connection,
    owner: Http2Owner,
    address: string,
    settings: UpstreamHttp2,
    environment: UpstreamEnvironment,
  ) {
    this.connection = connection;
    this.address = address;
    this.localText = hostPort(connection.localAddress, connection.localPort);
    this.#owner = owner;
    this.#environment = environment;
    this.madeMs = environment.clock.monotonicMs();
    this.idleSinceMs = this.madeMs;
    this.#http2 = driveHttp2(connection, {
      role: 'client',
      clock: environment.clock,
      events: this,
      limits: {
        maxOwnStreams: settings.maxConcurrentStreams,
        streamWindowBytes: settings.streamWindowBytes,
        connectionWindowBytes: settings.connectionWindowBytes,
      },
      onFault: (error) => contain(error, connection),
    });
    if (settings.keepalive !== undefined)
      this.#keepalive = new Http2Keepalive(this.#http2, settings.keepalive, environment);
  }

  /** Requests that it takes now. */
  get room(): number {
    return this.retired ? 0 : this.#http2.availableStreams;
  }

  get activeStreams(): number {
    return this.#http2.activeStreams;
  }

  open(request: UpstreamRequest, events: UpstreamEvents): UpstreamStream {
    const rested = this.#http2.activeStreams === 0;
    if (rested) this.#keepalive?.beforeRequest(this.#environment.clock.monotonicMs() - this.idleSinceMs);
    this.requests++;
    const stream = new Http2UpstreamStream(this, request, events, rested && this.requests > 1);
    if (request.upgrade === '') stream.begin();
    else if (this.#settingsSeen) this.#beginUpgrade(stream);
    else this.#untilSettings.push(stream);
    return stream;
  }

  /** No further requests: closes now, or when those that are open have ended. */
  retire(): void {
    if (this.retired) return;
    this.retired = true;
    this.#http2.shutdown();
  }

  // What streams ask.

  request(head: RequestHead, ended: boolean, events: ResponseEvents): Http2Stream | undefined {
    return this.#http2.request(head, ended, events);
  }

  /** The stream has something for its owner to flush. */
  touch(stream: Http2UpstreamStream): void {
    this.#touched.push(stream);
  }

  streamEnded(): void {
    if (this.#http2.activeStreams === 0) this.idleSinceMs = this.#environment.clock.monotonicMs();
    this.#owner.onRoom(this);
  }

  // What the codec reports.

  onSettings(): void {
    this.#settingsSeen = true;
    for (const stream of this.#untilSettings.splice(0)) this.#beginUpgrade(stream);
    this.#owner.onStreamLimit(this.#http2.peerSettings.maxConcurrentStreams);
    this.#owner.onRoom(this);
  }

  onGoaway(): void {
    this.retired = true;
    this.#owner.onGoaway(this);
  }

  onPong(): void {
    this.#keepalive?.pong();
  }

  onReceived(): void {
    const touched = this.#touched;
    if (touched.length === 0) return;
    this.#touched = [];
    for (const stream of touched) stream.flushReceived();
  }

  onClose(error: Http2Error | undefined): void {
    this.retired = true;
    this.#keepalive?.stop();
    for (const stream of this.#untilSettings.splice(0))
      stream.abandon(`${this.address} closed the connection.`);
    this.#owner.onGone(this, error);
  }

  #beginUpgrade(stream: Http2UpstreamStream): void {
    if (this.#http2.peerSettings.enableConnectProtocol) stream.begin();
    else
      queueMicrotask(() =>
        stream.abandon(`${this.address} takes no upgrades over HTTP/2 (SETTINGS_ENABLE_CONNECT_PROTOCOL).`),
      );
  }
}
