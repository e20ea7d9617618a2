/**
 * What the halves of the proxy know of each other: configure/ and accept/ on one side, stream/, filters/, upstream/ and
 * observe/ on the other. Lowering turns a message into one of these objects or a refusal (lowered.ts); after that
 * nothing looks at messages.
 */
import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import type { Connection } from '../wire/connection.ts';
import type { AnyMessage, Json } from '../xds/resources.ts';
import type { Lowered } from './lowered.ts';
import type { NodeInfo } from './node-info.ts';
import type { Exporters } from './observe/exporters.ts';
import type { LogSinks } from './observe/log-sinks.ts';
import type { Metrics } from './observe/metrics.ts';
import type { RouteTable } from './stream/route-table.ts';
import type { Cluster } from './upstream/cluster.ts';

/** Who is at the other end of a mutual TLS connection, verified. */
export interface PeerIdentity {
  /** `spiffe://cluster.local/ns/default/sa/reviews` */
  readonly uri: string;
  /** Subject in RFC 2253 form, as Envoy prints it in X-Forwarded-Client-Cert. */
  readonly subject: string;
  /** SHA-256 of the DER, hex. */
  readonly hash: string;
  /** The certificate itself, PEM. */
  readonly pem: string;
  /** DNS names of the certificate. */
  readonly dnsNames?: readonly string[];
}

/** A connection whose filter chain was chosen and whose TLS, if any, is terminated. */
export interface Downstream {
  readonly connection: Connection;
  readonly id: number;
  readonly listener: string;
  readonly filterChain: string;
  readonly direction: 'inbound' | 'outbound' | 'unspecified';
  /** What the client dialled: the original destination where traffic was taken over. */
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  /** SNI and ALPN that were seen before a chain was chosen, also where TLS is passed through; '' for none. */
  readonly requestedServerName: string;
  readonly tls: DownstreamTls | undefined;
  /** Bytes that were read while sniffing, in order: they come before what the connection delivers. */
  readonly firstBytes: Buffer | undefined;
  /** Dynamic metadata by filter: what a PROXY protocol header told, and what rules made of the connection. */
  readonly metadata?: { readonly [filter: string]: { readonly [key: string]: Json } };
  /**
   * True as long as the connection may be, or has turned out to be, for another chain: where it ends so, the filter that
   * was tried (racesUpstream) counts and logs nothing of it.
   */
  readonly withdrawn?: () => boolean;
}

export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

export interface DownstreamTls {
  /** ALPN that was agreed, '' for none. */
  readonly alpn: string;
  readonly sni: string;
  readonly version: string;
  /** The peer as its certificate says; undefined where none was asked for or given. */
  readonly peer: PeerIdentity | undefined;
  /** Its certificate was held against roots or hashes, and passed. Absent: no. */
  readonly validated?: boolean;
  /** URI name of the certificate we showed, for `By=` in X-Forwarded-Client-Cert. */
  readonly localUri?: string;
}

/** The last of a chain's network filters takes the connection over (http_connection_manager, tcp_proxy). */
export interface TerminalFilter {
  /** Takes the connection over; from now on nobody else calls handle() on it. */
  onConnection(downstream: Downstream): void;
  /** A filter before it has refused the connection, which is closed: for the logs. `details` are Envoy's. */
  onRefused?(downstream: Downstream, details: string): void;
  /**
   * The chain is leaving: finish what is open, take nothing new (HTTP/1 `connection: close`, HTTP/2 GOAWAY). `gently`: an idle
   * HTTP/1 connection is closed with the answer to its next request, not under a request that is on its way.
   */
  drain(gently?: boolean): void;
  /**
   * `next` takes its place in a chain that differs in nothing that connections have gone through: open ones go on with it,
   * from their next request on. False, or not there: they cannot.
   */
  handOver?(next: TerminalFilter): boolean;
  /** Routes (RDS) it needs before it may serve. */
  readonly routeNames: readonly string[];
  /** Clusters it leads to without a route table. */
  readonly clusterNames: readonly string[];
  /**
   * It calls its upstream without having read from the client. Where nobody knows yet whether the server speaks first,
   * accept/ offers it the connection at once, with `withdrawn`.
   */
  readonly racesUpstream?: boolean;
  /** Connections that are open, for a drain that waits. */
  readonly openConnections: number;
}

/** Lowers the `filters` of a filter chain. Offered by filters/network/, called by configure/lower-listener.ts. */
export type LowerNetworkFilters = (
  filters: readonly { readonly name?: string; readonly typed_config?: AnyMessage }[],
  context: FilterContext,
) => Lowered<TerminalFilter>;

/** What is around a filter chain when its filters are lowered. */
export interface FilterContext {
  readonly runtime: Runtime;
  readonly listener: string;
  readonly filterChain: string;
  readonly direction: Downstream['direction'];
  /** Path of the chain's `filters`, for refusals. */
  readonly field: string;
}

/** The state of the whole proxy that filters read. Swapped parts are behind functions, never copied. */
export interface Runtime {
  readonly clock: Clock;
  readonly random: Random;
  readonly node: NodeInfo;
  readonly metrics: Metrics;
  readonly logs: LogSinks;
  readonly exporters: Exporters;
  /** A small text file that configuration names; throws where it cannot be read. Only while configuration is read. */
  readonly readFile: (path: string) => string;
  /** The route table of an RDS name as it is now; undefined while it has not arrived. */
  routes(name: string): RouteTable | undefined;
  /** A cluster by name; undefined where there is none (response flag NC). */
  cluster(name: string): Cluster | undefined;
  /** Shutdown began: answers say `connection: close`. */
  draining(): boolean;
}
