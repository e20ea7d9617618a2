import type { Result } from '../../lib/result.ts';
import type { Connection, ConnectOptions, NetError } from '../../wire/connection.ts';
import {
  encodeProxyV1,
  encodeProxyV2,
  type ProxiedConnection,
  type ProxiedEnd,
} from '../../wire/proxy-protocol/encode.ts';
import { netError } from '../../wire/sockets/net-error.ts';
import type { ClusterStats } from '../observe/envoy-stats.ts';
import type { Counter } from '../observe/stat-scope.ts';
import type { ClusterConfig, UpstreamSocket } from './cluster-config.ts';
import { EndpointHealth } from './endpoint-health.ts';
import { EndpointPools } from './endpoint-pools.ts';
import { EndpointSessions } from './endpoint-sessions.ts';
import type { EndpointAddress, EndpointSpec, LocalityEndpoints } from './endpoint-set.ts';
import { addressText } from './endpoint-set.ts';
import type { UpstreamEnvironment } from './environment.ts';
import { CheckState } from './health/check-state.ts';
import type { HttpPool } from './http-pool.ts';
import { type NamedRequest, type ServerName, withServerName } from './server-name.ts';
import type { UpstreamTls } from './upstream-tls.ts';

/** Everything that may change about an endpoint while its connections go on. */
export interface Placement {
  readonly spec: EndpointSpec;
  readonly locality: LocalityEndpoints;
}

/**
 * One endpoint of a live cluster: an address with its connections, counts and health. It outlives changes of weight,
 * health and locality; once removed it finishes what it carries.
 */
export class Endpoint {
  /** `10.0.0.1:80`; of an endpoint that is a name, where new connections go. */
  address: string;
  readonly tls: UpstreamTls | undefined;
  /** The cluster's, or that of one of its matches. */
  readonly socket: UpstreamSocket;
  readonly outlier = new EndpointHealth();
  readonly check: CheckState;
  placement: Placement;
  /** Since when it is there and healthy, on the monotonic clock: where slow start begins. */
  healthySinceMs: number;
  /** Requests and TCP connections it has now: what least-request compares. */
  active = 0;
  readonly counts = {
    cx_active: 0,
    cx_connect_fail: 0,
    cx_total: 0,
    rq_active: 0,
    rq_error: 0,
    rq_success: 0,
    rq_timeout: 0,
    rq_total: 0,
  };
  readonly #config: ClusterConfig;
  readonly #environment: UpstreamEnvironment;
  readonly #stats: ClusterStats;
  readonly #pools: EndpointPools;
  #carried: Set<() => void> | undefined;
  #sessions: EndpointSessions | undefined;
  #ssl: { readonly handshake: Counter; readonly reused: Counter } | undefined;

  constructor(
    placement: Placement,
    config: ClusterConfig,
    stats: ClusterStats,
    environment: UpstreamEnvironment,
  ) {
    this.placement = placement;
    this.address = addressText(placement.spec.address);
    this.socket = chooseSocket(config, placement.spec);
    this.tls = this.socket.tls;
    this.#config = config;
    this.#environment = environment;
    this.#stats = stats;
    this.healthySinceMs = environment.clock.monotonicMs();
    const checked = config.healthCheck !== undefined && placement.spec.check?.disabled !== true;
    this.check = new CheckState(checked, config.balancing.ignoreUnchecked);
    this.#pools = new EndpointPools(this, config, stats, environment);
  }

  /** What balancers go by: what the control plane says, what outlier detection saw and what checks found. */
  get health(): 'healthy' | 'degraded' | 'unhealthy' {
    const { health } = this.placement.spec;
    if (this.outlier.ejected || this.check.failed || health === 'draining') return 'unhealthy';
    return health === 'healthy' && this.check.degraded ? 'degraded' : health;
  }

  /** Health in config.core.v3.HealthStatus. */
  get healthName(): string {
    const { health } = this.placement.spec;
    if (health === 'draining') return 'DRAINING';
    return this.health.toUpperCase();
  }

  /** Counts for nothing: waits for its first health check, or said that it must get nothing. */
  get excluded(): boolean {
    return this.check.pending || this.check.immediatelyFailed;
  }

  get weight(): number {
    return this.placement.spec.weight;
  }

  /** The pool for requests of the proxy itself. */
  get pool(): HttpPool {
    return this.#pools.standard;
  }

  /** See {@link EndpointPools}. */
  get toldClients(): boolean {
    return this.socket.proxyProtocol !== undefined;
  }

  /** The pool for a client's request; `overHttp2`: the client spoke HTTP/2. */
  poolFor(overHttp2: boolean, request: NamedRequest, client?: DownstreamEnds): HttpPool {
    const proxied =
      client !== undefined && this.toldClients
        ? { source: client.remote, destination: client.local }
        : undefined;
    return this.#pools.of(overHttp2, request, proxied);
  }

  /** No connection for requests, nor anybody who waits for one. */
  get unused(): boolean {
    return this.active === 0 && this.#pools.empty;
  }

  /** A request goes out: to the endpoint, and to the cluster it is of (one of an aggregate's). */
  requestSent(): void {
    this.#stats.upstream_rq_total++;
    this.counts.rq_total++;
  }

  /** Requests from now on take new connections; those that are open finish what they carry. */
  renewPools(): void {
    this.#pools.renew();
  }

  /** Has `cut` called where the endpoint fails and what it carries shall end with it; the result takes that back. */
  onFailure(cut: () => void): () => void {
    if (!this.#config.closesOnFailure) return () => {};
    this.#carried ??= new Set();
    this.#carried.add(cut);
    return () => void this.#carried?.delete(cut);
  }

  /** It has failed: TCP connections through it end. */
  cutCarried(): void {
    for (const cut of [...(this.#carried ?? [])]) cut();
  }

  /** It is leaving: connections for requests finish what they carry. */
  drain(): void {
    this.#pools.drain();
  }

  /** A new connection, TLS included. Counted until it closes (connectionClosed). */
  async connect(options: EndpointConnectOptions = {}): Promise<Result<Connection, NetError>> {
    const stats = this.#stats;
    stats.upstream_cx_total++;
    stats.upstream_cx_active++;
    this.counts.cx_total++;
    this.counts.cx_active++;
    const startMs = this.#environment.clock.monotonicMs();
    const result = await this.#dial(options);
    if (result.ok) {
      stats.upstream_cx_connect_ms.add(this.#environment.clock.monotonicMs() - startMs);
      if (result.value.tls !== undefined) this.#countHandshake(result.value.tls.resumed);
      return result;
    }
    this.connectionClosed();
    stats.upstream_cx_connect_fail++;
    if (result.error.code === 'connect_timeout') stats.upstream_cx_connect_timeout++;
    this.counts.cx_connect_fail++;
    return result;
  }

  #countHandshake(resumed: boolean): void {
    const { scope } = this.#environment;
    this.#ssl ??= { handshake: scope.counter('ssl.handshake'), reused: scope.counter('ssl.session_reused') };
    this.#ssl.handshake.value++;
    if (resumed) this.#ssl.reused.value++;
  }

  /** A connection of connect() is gone. */
  connectionClosed(): void {
    this.#stats.upstream_cx_active--;
    this.#stats.upstream_cx_destroy++;
    this.counts.cx_active--;
  }

  /** A connection for a health check: not counted, and where the check goes. */
  connectForCheck(options: CheckConnectOptions): Promise<Result<Connection, NetError>> {
    return this.#dial(options);
  }

  #dial(
    options: EndpointConnectOptions & Partial<CheckConnectOptions>,
  ): Promise<Result<Connection, NetError>> {
    const {
      alpn,
      serverName,
      proxied,
      address = this.placement.spec.address,
      socket = this.socket,
    } = options;
    const { tls } = socket;
    const { localAddress, connectTimeoutMs } = this.#config;
    const timeoutMs = options.timeoutMs ?? connectTimeoutMs;
    const where =
      address.kind === 'pipe'
        ? { path: address.path }
        : { host: address.host, port: address.port, ...(localAddress === undefined ? {} : { localAddress }) };
    const { network } = this.#environment;
    const preface = prefaceOf(socket, proxied);
    if (tls === undefined) return network.connect({ ...where, ...preface, timeoutMs });
    if (!tls.ready())
      return Promise.resolve({
        ok: false,
        error: netError(
          'tls_configuration',
          'upstream',
          true,
          `The certificates for ${this.address} have not arrived.`,
        ),
      });
    const configured = tls.connectOptions();
    const plain = serverName === undefined ? configured : withServerName(configured, serverName);
    // Sessions belong to the server, and checks may go to another port.
    const resumes = tls.resumes && options.address === undefined;
    if (resumes) this.#sessions ??= new EndpointSessions();
    const named = resumes ? this.#sessions!.offer(plain) : plain;
    return network.connect({
      ...where,
      ...preface,
      timeoutMs,
      tls: alpn === undefined ? named : { ...named, alpn: alpn(named.alpn) },
    });
  }
}

/** A client's connection, for who is told of it. */
export interface DownstreamEnds {
  readonly remote: ProxiedEnd;
  readonly local: ProxiedEnd;
}

/** What a connection is made with in place of what is configured. */
export interface EndpointConnectOptions {
  readonly alpn?: (offered: readonly string[]) => readonly string[];
  readonly serverName?: ServerName;
  /** For whom the connection is made, where the endpoint is told by PROXY protocol. */
  readonly proxied?: ProxiedConnection;
}

/** As {@link EndpointConnectOptions}, for a check. */
export interface CheckConnectOptions extends EndpointConnectOptions {
  readonly address: EndpointAddress;
  readonly socket: UpstreamSocket;
  readonly timeoutMs: number;
}

/** As Envoy: for nobody's connection (health checks) version 1 tells our own addresses, and version 2 says LOCAL. */
function prefaceOf(
  { proxyProtocol }: UpstreamSocket,
  proxied: ProxiedConnection | undefined,
): Pick<ConnectOptions, 'preface'> {
  if (proxyProtocol === undefined) return {};
  if (proxyProtocol === 'V2') return { preface: () => encodeProxyV2(proxied) };
  return {
    preface: (ends) =>
      encodeProxyV1(
        proxied ?? {
          source: { address: ends.localAddress, port: ends.localPort },
          destination: { address: ends.remoteAddress, port: ends.remotePort },
        },
      ),
  };
}

/** The transport socket whose criteria the endpoint's metadata meets, else the cluster's. */
export function chooseSocket(config: ClusterConfig, spec: Pick<EndpointSpec, 'metadata'>): UpstreamSocket {
  const metadata = spec.metadata['envoy.transport_socket_match'] ?? {};
  for (const match of config.tlsMatches) {
    const met = Object.entries(match.criteria).every(
      ([key, value]) => JSON.stringify(metadata[key]) === JSON.stringify(value),
    );
    if (met) return match;
  }
  return config;
}
