import type { Result } from '../../lib/result.ts';
import type { Connection, NetError } from '../../wire/connection.ts';
import type { ProxiedEnd } from '../../wire/proxy-protocol/encode.ts';
import type { ClusterStats } from '../observe/envoy-stats.ts';
import type { Counter } from '../observe/stat-scope.ts';
import { chooseSocket } from './choose-socket.ts';
import type { ClusterConfig, UpstreamSocket } from './cluster-config.ts';
import { type CheckConnectOptions, type EndpointConnectOptions, EndpointDialer } from './endpoint-dialer.ts';
import { EndpointHealth } from './endpoint-health.ts';
import { EndpointPools } from './endpoint-pools.ts';
import type { EndpointSpec, LocalityEndpoints } from './endpoint-set.ts';
import { addressText } from './endpoint-set.ts';
import type { UpstreamEnvironment } from './environment.ts';
import { CheckState } from './health/check-state.ts';
import type { HttpPool } from './http-pool.ts';
import type { NamedRequest } from './server-name.ts';
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
  readonly #dialer: EndpointDialer;
  #carried: Set<() => void> | undefined;
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
    this.#dialer = new EndpointDialer(config, environment.network);
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
    return this.#dialer.dial(this.placement.spec.address, this.socket, options);
  }
}

/** A client's connection, for who is told of it. */
export interface DownstreamEnds {
  readonly remote: ProxiedEnd;
  readonly local: ProxiedEnd;
}
