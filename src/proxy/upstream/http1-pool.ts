import { Deadline } from '../../lib/deadlines.ts';
import type { Result } from '../../lib/result.ts';
import type { Connection, NetError } from '../../wire/connection.ts';
import type { ClusterStats } from '../observe/envoy-stats.ts';
import type { UpstreamTransport } from '../stream/codec.ts';
import { contain } from '../stream/contain.ts';
import type { ClusterConfig } from './cluster-config.ts';
import type { UpstreamEnvironment } from './environment.ts';
import { Http1Connection, type Http1Owner } from './http1-connection.ts';
import { IdleLimit } from './idle-limit.ts';

/** A request that waits for a connection. */
export interface PoolWaiter {
  /** Once, unless cancelled: a connection that is free, or why there is none. May be called before acquire() returns. */
  onTransport(transport: UpstreamTransport): void;
  onNoTransport(failure: PoolFailure): void;
}

export interface PoolFailure {
  readonly reason: 'overflow' | 'connection-failure' | 'connect-timeout';
  /** What went wrong with the connection; undefined for an overflow. */
  readonly error: NetError | undefined;
  /** A sentence for the person who reads the log. */
  readonly message: string;
}

/**
 * Which connection will do: `any`, for a request that may be sent again; `proven`, for one that must not be sent twice:
 * only one that is surely open; `new`, after one turned out closed.
 */
export type Freshness = 'any' | 'proven' | 'new';

/** What the pool needs of its endpoint. */
export interface PoolTarget {
  readonly address: string;
  connect(alpn: (offered: readonly string[]) => readonly string[]): Promise<Result<Connection, NetError>>;
  connectionClosed(): void;
}

/** Without word from the upstream, a request that cannot be sent twice takes no connection that was idle for longer. */
const UNPROVEN_IDLE_MS = 2000;
/** Idle connections are looked through this often. */
const SWEEP_MS = 1000;
/** HTTP/1 speaks on any protocol that was agreed on, but for the one that means HTTP/2. */
const withoutHttp2 = (offered: readonly string[]): readonly string[] =>
  offered.filter((name) => name !== 'h2');

interface Waiting {
  readonly waiter: PoolWaiter;
  /** A connection was dialled on its behalf. */
  dialled: boolean;
}

/**
 * The HTTP/1 connections of one endpoint. A request takes the connection that was used last, or waits for whichever
 * comes first: one that becomes free or one that is being made. Closed connections never hold a request.
 */
export class Http1Pool implements Http1Owner {
  readonly idleLimit = new IdleLimit();
  readonly #target: PoolTarget;
  readonly #config: ClusterConfig;
  readonly #stats: ClusterStats;
  readonly #environment: UpstreamEnvironment;
  readonly #idle: Http1Connection[] = [];
  readonly #waiting: Waiting[] = [];
  readonly #sweep: Deadline;
  #connecting = 0;
  #open = 0;
  #draining = false;

  constructor(
    target: PoolTarget,
    config: ClusterConfig,
    stats: ClusterStats,
    environment: UpstreamEnvironment,
  ) {
    this.#target = target;
    this.#config = config;
    this.#stats = stats;
    this.#environment = environment;
    this.#sweep = new Deadline(() => this.#closeOld());
  }

  /** Nothing open, nothing on its way, nobody waiting. */
  get empty(): boolean {
    return this.#open + this.#connecting + this.#waiting.length === 0;
  }

  /** See {@link Freshness}. */
  acquire(waiter: PoolWaiter, freshness: Freshness): void {
    const connection = freshness === 'new' ? undefined : this.#takeIdle(freshness === 'proven');
    if (connection !== undefined) {
      waiter.onTransport(connection);
      return;
    }
    const mayDial = this.#mayDial();
    if (this.#stats.upstream_rq_pending_active >= this.#config.limits.maxPendingRequests) {
      this.#stats.upstream_rq_pending_overflow++;
      waiter.onNoTransport(
        this.#failure(
          'overflow',
          undefined,
          `${this.#config.limits.maxPendingRequests} requests wait already`,
        ),
      );
      return;
    }
    this.#stats.upstream_rq_pending_total++;
    this.#stats.upstream_rq_pending_active++;
    this.#waiting.push({ waiter, dialled: mayDial });
    if (mayDial) void this.#dial();
    else this.#stats.upstream_cx_overflow++;
  }

  /** The waiter does not wait any more. */
  cancel(waiter: PoolWaiter): void {
    const i = this.#waiting.findIndex((waiting) => waiting.waiter === waiter);
    if (i < 0) return;
    this.#waiting.splice(i, 1);
    this.#stats.upstream_rq_pending_active--;
    this.#stats.upstream_rq_cancelled++;
  }

  /** The endpoint is leaving: idle connections close, the others when their request is over. */
  drain(): void {
    this.#draining = true;
    this.#environment.deadlines.clear(this.#sweep);
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  // What connections report.

  onFree(connection: Http1Connection): void {
    const { maxRequestsPerConnection, maxConnectionDurationMs } = this.#config.http;
    const nowMs = this.#environment.clock.monotonicMs();
    const worn = maxRequestsPerConnection > 0 && connection.requests >= maxRequestsPerConnection;
    if (worn) this.#stats.upstream_cx_max_requests++;
    const old = maxConnectionDurationMs > 0 && nowMs - connection.madeMs >= maxConnectionDurationMs;
    if (worn || old || (this.#draining && this.#waiting.length === 0)) {
      connection.close();
      return;
    }
    connection.idleSinceMs = nowMs;
    this.#offer(connection);
  }

  onGone(connection: Http1Connection, idle: boolean): void {
    this.#open--;
    this.#target.connectionClosed();
    this.#stats.upstream_cx_rx_bytes_total += connection.connection.bytesRead;
    this.#stats.upstream_cx_tx_bytes_total += connection.connection.bytesWritten;
    if (!idle) this.#stats.upstream_cx_destroy_with_active_rq++;
    const i = this.#idle.indexOf(connection);
    if (i >= 0) {
      this.#idle.splice(i, 1);
      this.idleLimit.closedAfter(this.#environment.clock.monotonicMs() - connection.idleSinceMs);
    }
    this.#dialForWaiting();
  }

  onKeepAlive(value: string): void {
    this.idleLimit.told(value);
  }

  /** To who waits longest, or to rest. */
  #offer(connection: Http1Connection): void {
    const next = this.#waiting.shift();
    if (next === undefined) {
      this.#idle.push(connection);
      if (!this.#sweep.pending) this.#environment.deadlines.set(this.#sweep, SWEEP_MS);
      return;
    }
    this.#stats.upstream_rq_pending_active--;
    next.waiter.onTransport(connection);
  }

  /** Outside of any read: what goes wrong here must not become a rejection that nobody handles. */
  #offerSafely(connection: Http1Connection): void {
    try {
      this.#offer(connection);
    } catch (error) {
      contain(error, connection.connection);
    }
  }

  #takeIdle(once: boolean): Http1Connection | undefined {
    if (this.#idle.length === 0) return undefined;
    const nowMs = this.#environment.clock.monotonicMs();
    const usableMs = this.#usableMs();
    const trustedMs =
      once && this.idleLimit.limitMs === Infinity ? Math.min(usableMs, UNPROVEN_IDLE_MS) : usableMs;
    // The last one in was used last: if it is too old, all are.
    const last = this.#idle[this.#idle.length - 1] as Http1Connection;
    if (nowMs - last.idleSinceMs >= trustedMs) return undefined;
    return this.#idle.pop();
  }

  #usableMs(): number {
    const configuredMs = this.#config.http.idleTimeoutMs;
    return Math.min(configuredMs === 0 ? Infinity : configuredMs, this.idleLimit.usableMs);
  }

  /** The oldest come first. */
  #closeOld(): void {
    const nowMs = this.#environment.clock.monotonicMs();
    const usableMs = this.#usableMs();
    while (this.#idle.length > 0) {
      const oldest = this.#idle[0] as Http1Connection;
      if (nowMs - oldest.idleSinceMs < usableMs) break;
      this.#idle.shift();
      this.#stats.upstream_cx_idle_timeout++;
      oldest.close();
    }
    if (this.#idle.length > 0) this.#environment.deadlines.set(this.#sweep, SWEEP_MS);
  }

  /** One connection is always allowed: a limit that other endpoints use up must not starve this one. */
  #mayDial(): boolean {
    return (
      this.#open + this.#connecting === 0 ||
      this.#stats.upstream_cx_active < this.#config.limits.maxConnections
    );
  }

  async #dial(): Promise<void> {
    this.#connecting++;
    const result = await this.#target.connect(withoutHttp2);
    this.#connecting--;
    if (!result.ok) {
      this.#dialFailed(result.error);
      return;
    }
    this.#open++;
    this.#stats.upstream_cx_http1_total++;
    const connection = new Http1Connection(
      result.value,
      this,
      this.#target.address,
      this.#environment.clock.monotonicMs(),
    );
    if (this.#draining && this.#waiting.length === 0) connection.close();
    else this.#offerSafely(connection);
  }

  /** As many fail as there are waiting on whose behalf nothing is dialled any more. */
  #dialFailed(error: NetError): void {
    let dialled = 0;
    for (const waiting of this.#waiting) if (waiting.dialled) dialled++;
    if (dialled > this.#connecting) {
      const [failed] = this.#waiting.splice(
        this.#waiting.findIndex((waiting) => waiting.dialled),
        1,
      );
      this.#stats.upstream_rq_pending_active--;
      this.#stats.upstream_rq_pending_failure_eject++;
      const reason =
        error.code === 'connect_timeout' || error.code === 'handshake_timeout'
          ? 'connect-timeout'
          : 'connection-failure';
      failed?.waiter.onNoTransport(this.#failure(reason, error, error.message));
    }
    this.#dialForWaiting();
  }

  /** There may be room for those who had to wait for a free connection. */
  #dialForWaiting(): void {
    for (const waiting of this.#waiting) {
      if (waiting.dialled) continue;
      if (!this.#mayDial()) return;
      waiting.dialled = true;
      void this.#dial();
    }
  }

  #failure(reason: PoolFailure['reason'], error: NetError | undefined, message: string): PoolFailure {
    return { reason, error, message };
  }
}
