import type { Clock } from '../../../../lib/clock.ts';
import type { Headers } from '../../../../wire/headers.ts';
import type { ResponseFlags } from '../../../observe/response-flags.ts';
import type { StreamFacts } from '../../../observe/stream-facts.ts';
import { type ConnectionView, StreamPeer } from '../../../stream/connection-view.ts';

const NO_HEADERS: Headers = [];

/** What can be logged of a TCP connection. */
export class TunnelFacts implements StreamFacts {
  readonly connection: ConnectionView;
  readonly peer: StreamPeer;
  readonly startTimeMs: number;
  readonly requestDurationMs = undefined;
  readonly responseDurationMs = undefined;
  readonly protocol = undefined;
  readonly request = undefined;
  readonly requestHeaders = NO_HEADERS;
  readonly responseCode = 0;
  readonly responseCodeDetails = undefined;
  readonly responseHeaders = NO_HEADERS;
  readonly responseTrailers = NO_HEADERS;
  readonly routeName = '';
  readonly traceId = undefined;
  readonly spanId = undefined;
  readonly isTraced = false;
  readonly routeMetadata = undefined;
  readonly upstream = undefined;
  readonly virtualHost = '';
  responseFlags: ResponseFlags = 0;
  connectionTerminationDetails: string | undefined;
  upstreamTransportFailureReason: string | undefined;
  bytesReceived = 0;
  bytesSent = 0;
  upstreamHost: string | undefined;
  upstreamCluster: string | undefined;
  upstreamLocalAddress: string | undefined;
  upstreamAttempts = 0;
  readonly #clock: Clock;
  readonly #startedMs: number;
  #endedMs = -1;

  constructor(connection: ConnectionView, clock: Clock) {
    this.connection = connection;
    this.peer = new StreamPeer(connection);
    this.#clock = clock;
    this.startTimeMs = clock.nowMs();
    this.#startedMs = clock.monotonicMs();
  }

  get durationMs(): number {
    return (this.#endedMs < 0 ? this.#clock.monotonicMs() : this.#endedMs) - this.#startedMs;
  }
  get connectionId(): number {
    return this.connection.downstream.id;
  }
  get downstream(): StreamFacts['downstream'] {
    return this.connection.downstream;
  }
  get peerCertificate(): StreamFacts['peerCertificate'] {
    return this.connection.downstream.tls?.peer;
  }
  get tlsVersion(): string | undefined {
    return this.connection.downstream.tls?.version;
  }
  get downstreamLocal(): string {
    return this.connection.localText;
  }
  get downstreamLocalPort(): number {
    return this.connection.downstream.local.port;
  }
  get downstreamRemote(): string {
    return this.connection.remoteText;
  }
  get downstreamDirectRemote(): string {
    return this.connection.remoteText;
  }
  get filterChain(): string {
    return this.connection.downstream.filterChain;
  }

  /** It is over. */
  finish(flags: ResponseFlags): void {
    this.#endedMs = this.#clock.monotonicMs();
    this.responseFlags |= flags;
  }
}
