import { Deadline } from '../../lib/deadlines.ts';
import type { Connection } from '../../wire/connection.ts';
import type { Http2Error } from '../../wire/http2/http2-error.ts';
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
import { type Http2Owner, Http2UpstreamConnection } from './http2-connection.ts';
import { IdleLimit } from './idle-limit.ts';
import { WaitingRequests } from './waiting-requests.ts';

/** Connections are looked through this often. */
const SWEEP_MS = 1000;
/** Offered where the transport socket names no protocols. */
const HTTP2: readonly string[] = ['h2'];
const http2UnlessNamed = (offered: readonly string[]): readonly string[] =>
  offered.length === 0 ? HTTP2 : offered;

/**
 * The HTTP/2 connections of one endpoint: one until its streams are used up, then another. What GOAWAY and
 * REFUSED_STREAM leave untouched is told as refused, so here no connection needs to be trusted less than others.
 */
export class Http2Pool implements HttpPool, Http2Owner {
  readonly idleLimit = new IdleLimit();
  readonly waiting: WaitingRequests;
  readonly #target: PoolTarget;
  readonly #config: ClusterConfig;
  readonly #stats: ClusterStats;
  readonly #environment: UpstreamEnvironment;
  readonly #giveAway: GiveAway | undefined;
  readonly #sweep: Deadline;
  /** Those that may take requests; the first with room does. */
  readonly #connections: Http2UpstreamConnection[] = [];
  /** Those that only finish what they carry. */
  #leaving = 0;
  #connecting = 0;
  /** Streams that a connection of this endpoint takes, as the last one said. */
  #streamsEach: number;
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
    this.#streamsEach = config.http.http2.maxConcurrentStreams;
    this.waiting = new WaitingRequests(config.limits, stats);
    this.#sweep = new Deadline(() => this.#closeOld());
  }

  get empty(): boolean {
    return this.#connections.length + this.#leaving + this.#connecting + this.waiting.size === 0;
  }

  acquire(waiter: PoolWaiter, freshness: Freshness): void {
    const connection = this.#withRoom(freshness === 'new');
    if (connection !== undefined) {
      this.#hand(connection, waiter);
      return;
    }
    if (!this.waiting.admit(waiter)) return;
    const served = this.#dialForOneMore();
    this.waiting.add(waiter, served);
    if (!served) this.#stats.upstream_cx_overflow++;
  }

  cancel(waiter: PoolWaiter): void {
    this.waiting.cancel(waiter);
  }

  drain(): void {
    this.#draining = true;
    if (this.waiting.size === 0) for (const connection of [...this.#connections]) this.#retire(connection);
  }

  /** A connection that stands is this pool's from now on. */
  adopt(connection: Connection): void {
    this.#stats.upstream_cx_http2_total++;
    const { http2 } = this.#config.http;
    const adopted = new Http2UpstreamConnection(
      connection,
      this,
      this.#target.address,
      http2,
      this.#environment,
    );
    this.#connections.push(adopted);
    if (!this.#sweep.pending) this.#environment.deadlines.set(this.#sweep, SWEEP_MS);
    this.#serveWaiting(adopted);
    if (this.#draining) this.drain();
  }

  /** There may be room for those for whom no connection could be made. */
  dialForWaiting(): void {
    if (this.waiting.size > 0) this.waiting.dialFor(() => this.#dialForOneMore());
  }

  // What connections report.

  onRoom(connection: Http2UpstreamConnection): void {
    if (this.waiting.size > 0) this.#serveWaiting(connection);
    if (this.#draining) this.drain();
  }

  onStreamLimit(streams: number): void {
    this.#streamsEach = Math.max(1, Math.min(streams, this.#config.http.http2.maxConcurrentStreams));
  }

  onGoaway(connection: Http2UpstreamConnection): void {
    this.#stats.upstream_cx_close_notify++;
    this.#forget(connection);
    this.dialForWaiting();
  }

  onGone(connection: Http2UpstreamConnection, error: Http2Error | undefined): void {
    const idle = connection.activeStreams === 0 && connection.requests > 0;
    if (this.#forget(connection) && idle)
      this.idleLimit.closedAfter(this.#environment.clock.monotonicMs() - connection.idleSinceMs);
    this.#leaving--;
    if (error?.by === 'local' && error.errorCode !== 0) this.#stats.upstream_cx_protocol_error++;
    this.#target.connectionClosed();
    this.#stats.upstream_cx_rx_bytes_total += connection.connection.bytesRead;
    this.#stats.upstream_cx_tx_bytes_total += connection.connection.bytesWritten;
    this.dialForWaiting();
  }

  #hand(connection: Http2UpstreamConnection, waiter: PoolWaiter): void {
    const { maxRequestsPerConnection } = this.#config.http;
    waiter.onTransport(connection);
    if (maxRequestsPerConnection > 0 && connection.requests >= maxRequestsPerConnection) {
      this.#stats.upstream_cx_max_requests++;
      this.#retire(connection);
    }
  }

  /** Outside of any read: what goes wrong here must not become a rejection that nobody handles. */
  #serveWaiting(connection: Http2UpstreamConnection): void {
    try {
      while (connection.room > 0) {
        const next = this.waiting.next();
        if (next === undefined) return;
        this.#hand(connection, next);
      }
    } catch (error) {
      contain(error, connection.connection);
    }
    this.dialForWaiting();
  }

  #withRoom(surely: boolean): Http2UpstreamConnection | undefined {
    const connections = this.#connections;
    for (let i = 0; i < connections.length; i++) {
      const connection = connections[i] as Http2UpstreamConnection;
      if (connection.room === 0) continue;
      const rests = connection.activeStreams === 0 && connection.requests > 0;
      if (rests && (surely || this.#restedMs(connection) >= this.#usableMs())) continue;
      return connection;
    }
    return undefined;
  }

  #restedMs(connection: Http2UpstreamConnection): number {
    return this.#environment.clock.monotonicMs() - connection.idleSinceMs;
  }

  #usableMs(): number {
    const configuredMs = this.#config.http.idleTimeoutMs;
    return Math.min(configuredMs === 0 ? Infinity : configuredMs, this.idleLimit.usableMs);
  }

  #closeOld(): void {
    const { maxConnectionDurationMs } = this.#config.http;
    const nowMs = this.#environment.clock.monotonicMs();
    for (const connection of [...this.#connections]) {
      const rests = connection.activeStreams === 0;
      if (rests && nowMs - connection.idleSinceMs >= this.#usableMs()) {
        this.#stats.upstream_cx_idle_timeout++;
        this.#retire(connection);
      } else if (maxConnectionDurationMs > 0 && nowMs - connection.madeMs >= maxConnectionDurationMs) {
        this.#stats.upstream_cx_max_duration_reached++;
        this.#retire(connection);
      }
    }
    if (this.#connections.length > 0) this.#environment.deadlines.set(this.#sweep, SWEEP_MS);
  }

  #retire(connection: Http2UpstreamConnection): void {
    this.#forget(connection);
    connection.retire();
  }

  /** It takes no more requests; false where it did not before. */
  #forget(connection: Http2UpstreamConnection): boolean {
    const i = this.#connections.indexOf(connection);
    if (i < 0) return false;
    this.#connections.splice(i, 1);
    this.#leaving++;
    return true;
  }

  /** Whether one more than those who wait will be served by connections on their way; makes another one for it. */
  #dialForOneMore(): boolean {
    if (this.waiting.dialled < this.#connecting * this.#streamsEach) return true;
    if (!this.#mayDial()) return false;
    void this.#dial();
    return true;
  }

  /** One connection is always allowed: a limit that other endpoints use up must not starve this one. */
  #mayDial(): boolean {
    return (
      this.#connections.length + this.#connecting === 0 ||
      this.#stats.upstream_cx_active < this.#config.limits.maxConnections
    );
  }

  async #dial(): Promise<void> {
    this.#connecting++;
    const alpn = this.#giveAway === undefined ? http2UnlessNamed : BOTH_PROTOCOLS;
    const result = await this.#target.connect(alpn);
    this.#connecting--;
    if (!result.ok) {
      this.waiting.failDialled(this.#connecting * this.#streamsEach, result.error);
      this.dialForWaiting();
    } else if (this.#giveAway === undefined || !this.#giveAway(result.value)) this.adopt(result.value);
  }
}
