import type { Clock } from '../../lib/clock.ts';
import type { Headers } from '../../wire/headers.ts';
import type { ResponseFlags } from '../observe/response-flags.ts';
import type { StreamFacts } from '../observe/stream-facts.ts';
import { type ConnectionView, StreamPeer } from './connection-view.ts';

const NO_HEADERS: Headers = [];

/** What logs may ask of anything that happens on a client's connection: the connection itself, and when it began. */
export abstract class ConnectionFacts {
  readonly connection: ConnectionView;
  readonly peer: StreamPeer;
  readonly startTimeMs: number;
  readonly startedMs: number;

  constructor(connection: ConnectionView, clock: Clock) {
    this.connection = connection;
    this.peer = new StreamPeer(connection);
    this.startTimeMs = clock.nowMs();
    this.startedMs = clock.monotonicMs();
  }

  get downstream(): StreamFacts['downstream'] {
    return this.connection.downstream;
  }
  get connectionId(): number {
    return this.connection.downstream.id;
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
  /** An address from X-Forwarded-For has no port: 0, as Envoy prints it. */
  get downstreamRemote(): string {
    const { remoteAddress, directRemoteAddress } = this.peer;
    return remoteAddress === directRemoteAddress ? this.connection.remoteText : `${remoteAddress}:0`;
  }
  get downstreamDirectRemote(): string {
    return this.connection.remoteText;
  }
  get filterChain(): string {
    return this.connection.downstream.filterChain;
  }
}

/** Without a request that anybody could read: a TCP connection, or bytes that the codec refused. */
export abstract class RequestlessFacts extends ConnectionFacts implements StreamFacts {
  abstract readonly logType: StreamFacts['logType'];
  abstract readonly durationMs: number;
  readonly requestDurationMs = undefined;
  readonly responseDurationMs = undefined;
  readonly protocol: string | undefined = undefined;
  readonly request = undefined;
  readonly requestHeaders = NO_HEADERS;
  readonly responseCode: number = 0;
  readonly responseCodeDetails: string | undefined = undefined;
  readonly responseHeaders: Headers = NO_HEADERS;
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
}
