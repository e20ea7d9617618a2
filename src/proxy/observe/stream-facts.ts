import type { Connection } from '../../wire/connection.ts';
import type { Headers } from '../../wire/headers.ts';
import type { PeerFacts, RequestFacts } from '../../xds/match/facts.ts';
import type { Json } from '../../xds/resources.ts';
import type { ResponseFlags } from './response-flags.ts';

/** What can be said of an HTTP stream, or of a TCP connection, when it is logged, counted or put into a header. */
export interface StreamFacts {
  /** When the entry is written. */
  readonly logType: LogType;
  /** Wall time of its first byte, milliseconds. */
  readonly startTimeMs: number;
  /** Milliseconds from its start to its end, or to now. */
  readonly durationMs: number;
  /** Milliseconds from the start to the request's last byte and to the response's first; undefined if never. */
  readonly requestDurationMs: number | undefined;
  readonly responseDurationMs: number | undefined;
  /** `HTTP/1.1`; undefined for TCP. */
  readonly protocol: string | undefined;
  /** Undefined for TCP, and for what was no request. */
  readonly request: RequestFacts | undefined;
  /** As they are at that moment; empty for TCP. */
  readonly requestHeaders: Headers;
  readonly peer: PeerFacts;
  readonly connectionId: number;
  /** Names a TCP connection wherever it is logged; of a request its x-request-id does. */
  readonly streamId?: string;
  readonly peerCertificate:
    | { readonly uri: string; readonly subject: string; readonly hash: string }
    | undefined;
  readonly tlsVersion: string | undefined;
  /** Where the client's connection ends here: the original destination. */
  readonly downstreamLocal: string;
  readonly downstreamLocalPort: number;
  /** `10.0.0.1:1234` of the client, believed and direct. */
  readonly downstreamRemote: string;
  readonly downstreamDirectRemote: string;
  /** 0 where none was sent. */
  readonly responseCode: number;
  readonly responseCodeDetails: string | undefined;
  readonly responseFlags: ResponseFlags;
  readonly responseHeaders: Headers;
  readonly responseTrailers: Headers;
  readonly connectionTerminationDetails: string | undefined;
  /** The text of the proxy's own answer, while that is being formatted. */
  readonly localReplyBody?: string;
  readonly upstreamTransportFailureReason: string | undefined;
  /** Body bytes from and to the client. */
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly upstreamHost: string | undefined;
  readonly upstreamCluster: string | undefined;
  readonly upstreamLocalAddress: string | undefined;
  readonly upstreamAttempts: number;
  readonly routeName: string;
  /** Undefined where nothing is traced. */
  readonly traceId: string | undefined;
  readonly spanId: string | undefined;
  /** It was chosen to be recorded. */
  readonly isTraced: boolean;
  readonly routeMetadata: MetadataByNamespace | undefined;
  readonly downstream: DownstreamFacts;
  /** Undefined for TCP. */
  readonly upstream: UpstreamFacts | undefined;
  readonly virtualHost: string;
  readonly filterChain: string;
}

/** data.accesslog.v3.AccessLogType, as %ACCESS_LOG_TYPE% prints it. */
export type LogType =
  | 'DownstreamStart'
  | 'DownstreamPeriodic'
  | 'DownstreamEnd'
  | 'TcpUpstreamConnected'
  | 'TcpPeriodic'
  | 'TcpConnectionEnd';

export type MetadataByNamespace = { readonly [namespace: string]: { readonly [key: string]: Json } };

/** The client's connection. */
export interface DownstreamFacts {
  readonly listener: string;
  readonly connection: Pick<Connection, 'localAddress' | 'localPort' | 'tls'>;
  readonly tls: { readonly localUri?: string } | undefined;
}

/** An endpoint that a request was sent to. */
export interface UpstreamEndpoint {
  /** `10.0.0.1:80` */
  readonly address: string;
  readonly placement: {
    readonly spec: { readonly hostname: string; readonly metadata: MetadataByNamespace };
  };
}

/** What the router did with a stream. */
export interface UpstreamFacts {
  readonly endpoint: UpstreamEndpoint | undefined;
  /** Endpoints of the tries before the last. */
  readonly triedBefore: readonly UpstreamEndpoint[] | undefined;
  /** Of the last try; undefined where none was had. */
  readonly connection: Connection | undefined;
  /** `HTTP/1.1` or `HTTP/2`; undefined where nothing was sent. */
  readonly protocol: string | undefined;
  /** Milliseconds from the stream's start to the first byte sent; -1 if never. */
  readonly sentMs: number;
  /** The cluster's name in statistics. */
  readonly statName: string | undefined;
  readonly clusterMetadata: MetadataByNamespace | undefined;
}
