/**
 * What the halves of the proxy know of each other: configure/ and accept/ on one side, stream/, filters/ and upstream/
 * on the other. Lowering turns a message into one of these objects or a refusal; after that nothing looks at messages.
 */
import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import type { Connection, Dialer } from '../wire/net.ts';
import type { AnyMessage, TransportSocket } from '../xds/resources.ts';

/** Why a resource cannot be used: becomes the NACK's text, or ends the start. Nothing is ignored silently. */
export interface Refusal {
  /** Path of the field, as `filter_chains[0].filters[0].typed_config.codec_type`. */
  readonly field: string;
  /** A sentence for the person who wrote the configuration. */
  readonly message: string;
}

/** The value, or every reason why there is none. */
export type Lowered<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly refusals: readonly Refusal[] };

/** Who is at the other end of a mutual TLS connection, verified. */
export interface PeerIdentity {
  /** `spiffe://cluster.local/ns/default/sa/reviews` */
  readonly uri: string;
  /** Subject in RFC 2253 form, as Envoy prints it in X-Forwarded-Client-Cert. */
  readonly subject: string;
  /** SHA-256 of the DER, hex. */
  readonly hash: string;
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
  readonly tls: DownstreamTls | undefined;
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
  /** The verified peer; undefined where no certificate was asked for or given. */
  readonly peer: PeerIdentity | undefined;
}

/** The last of a chain's network filters takes the connection over (http_connection_manager, tcp_proxy). */
export interface TerminalFilter {
  onConnection(downstream: Downstream): void;
  /** The chain is leaving: finish what is open, take nothing new (HTTP/1 `connection: close`, HTTP/2 GOAWAY). */
  drain(): void;
  /** Routes (RDS) and other names it needs before it may serve. */
  readonly routeNames: readonly string[];
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

/** A new TLS connection to a peer, with whatever certificate is current at that moment. */
export interface UpstreamTls {
  readonly sni: string;
  readonly alpn: readonly string[];
  /** Whether its secrets are there yet: a cluster whose secrets are missing is warming. */
  ready(): boolean;
  /** Options for Dialer.connect's `tls`; verification of the peer is in them. */
  connectOptions(): unknown;
}

/** Lowers an upstream transport socket. Offered by configure/lower-transport-socket.ts, called by upstream/. */
export type LowerUpstreamTls = (socket: TransportSocket, field: string) => Lowered<UpstreamTls | undefined>;

/** The state of the whole proxy that filters and clusters read. Swapped parts are behind functions, never copied. */
export interface Runtime {
  readonly clock: Clock;
  readonly random: Random;
  readonly dialer: Dialer;
  readonly node: NodeInfo;
  /** The route table of an RDS name as it is now; undefined while it has not arrived. */
  routes(name: string): RouteTable | undefined;
  /** A cluster by name; undefined where there is none (response flag NC). */
  cluster(name: string): Cluster | undefined;
  readonly lowerUpstreamTls: LowerUpstreamTls;
  /** Stops taking requests into account after shutdown began. */
  readonly draining: () => boolean;
}

/** Who this proxy is, from the bootstrap's node. */
export interface NodeInfo {
  readonly id: string;
  readonly cluster: string;
  readonly workload: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Opaque here: made by stream/lower-route.ts, read by the router only. */
export interface RouteTable {
  readonly name: string;
  /** Clusters that its routes lead to. */
  readonly clusterNames: readonly string[];
}

/** A live cluster: its endpoints, pools and balancer. Made and owned by upstream/. */
export interface Cluster {
  readonly name: string;
  /** False while it waits for endpoints or secrets: routes to it are not switched on before. */
  ready(): boolean;
}
