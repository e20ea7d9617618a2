import { Deadline } from '../../lib/deadlines.ts';
import type { Connection } from '../../wire/connection.ts';
import type { ClusterStats } from '../observe/envoy-stats.ts';
import { contain } from '../stream/contain.ts';
import type { ClusterConfig } from './cluster-config.ts';
import type { UpstreamEnvironment } from './environment.ts';
import {
  BOTH_PROTOCOLS,
  type Freshness,
  type GiveAway,
  type HttpPool,
  type PoolTarget,
  type PoolWaiter,
} from './http-pool.ts';
import { Http1Connection, type Http1Owner } from './http1-connection.ts';
import { IdleLimit } from './idle-limit.ts';
import { WaitingRequests } from './waiting-requests.ts';

/** Without word from the upstream, a request that cannot be sent twice takes no connection that was idle for longer. */
const UNPROVEN_IDLE_MS = 2000;
/** Idle connections are looked through this often. */
const SWEEP_MS = 1000;
/** HTTP/1 is spoken on any protocol that was agreed on, but for the one that means HTTP/2. */
const withoutHttp2 = (offered: readonly string[]): readonly string[] =>
  offered.filter((name) => name !== 'h2');

/**
 * The HTTP/1 connections of one endpoint. A request takes the connection that was used last, or waits for whichever
 * comes first: one that becomes free or one that is being made. Closed connections never hold a request.
 */
export class Http1Pool implements HttpPool, Http1Owner {
  readonly idleLimit = new IdleLimit();
  readonly #target: PoolTarget;
  readonly #config: ClusterConfig;
  readonly #stats: ClusterStats;
  readonly #environment: UpstreamEnvironment;
  readonly #idle: Http1Connection[] = [];
  readonly waiting: WaitingRequests;
  readonly #giveAway: GiveAway | undefined;
  readonly #sweep: Deadline;
  #connecting = 0;
  #open = 0;
  #draining = false;

  constructor(
    target: PoolTarget,
    config: ClusterConfig,
    stats: ClusterStats,
    environment: UpstreamEnvironment,
    giveAway?: GiveAway,
  ) {
    this.#target = target;
    this.#config = config;
    this.#stats = stats;
    this.#environment = environment;
    this.#giveAway = giveAway;
    this.waiting = new WaitingRequests(config.limits, stats);
    this.#sweep = new Deadline(() => this.#closeOld());
  }

  get empty(): boolean {
    return this.#open + this.#connecting + this.waiting.size === 0;
  }

  acquire(waiter: PoolWaiter, freshness: Freshness): void {
    const connection = freshness === 'new' ? undefined : this.#takeIdle(freshness === 'proven');
    if (connection !== undefined) {
      waiter.onTransport(connection);
      return;
    }
    if (!this.waiting.admit(waiter)) return;
    const mayDial = this.#mayDial();
    this.waiting.add(waiter, mayDial);
    if (mayDial) void this.#dial();
    else this.#stats.upstream_cx_overflow++;
  }

  cancel(waiter: PoolWaiter): void {
    this.waiting.cancel(waiter);
  }

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
    if (worn || old || (this.#draining && this.waiting.size === 0)) {
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
    this.dialForWaiting();
  }

  onKeepAlive(value: string): void {
    this.idleLimit.told(value);
  }

  /** To who waits longest, or to rest. */
  #offer(connection: Http1Connection): void {
    const next = this.waiting.next();
    if (next === undefined) {
      this.#idle.push(connection);
      if (!this.#sweep.pending) this.#environment.deadlines.set(this.#sweep, SWEEP_MS);
      return;
    }
    next.onTransport(connection);
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

  /** A connection that stands is this pool's from now on. */
  adopt(connection: Connection): void {
    this.#open++;
    this.#stats.upstream_cx_http1_total++;
    const nowMs = this.#environment.clock.monotonicMs();
    const adopted = new Http1Connection(connection, this, this.#target.address, nowMs);
    if (this.#draining && this.waiting.size === 0) adopted.close();
    else this.#offerSafely(adopted);
  }

  /** There may be room for those who had to wait for a free connection. */
  dialForWaiting(): void {
    if (this.waiting.size > 0)
      this.waiting.dialFor(() => {
        const may = this.#mayDial();
        if (may) void this.#dial();
        return may;
      });
  }

  async #dial(): Promise<void> {
    this.#connecting++;
    const result = await this.#target.connect(this.#giveAway === undefined ? withoutHttp2 : BOTH_PROTOCOLS);
    this.#connecting--;
    if (!result.ok) {
      this.waiting.failDialled(this.#connecting, result.error);
      this.dialForWaiting();
    } else if (this.#giveAway === undefined || !this.#giveAway(result.value)) this.adopt(result.value);
  }
}
