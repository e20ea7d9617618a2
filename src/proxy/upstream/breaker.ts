import type { Clock } from '../../lib/clock.ts';
import type { ClusterStats } from '../observe/envoy-stats.ts';
import type { CircuitBreakers } from './cluster-config.ts';
import { RecentRequests } from './recent-requests.ts';

/**
 * The circuit breaker of one priority of routes: what may be under way at once. Connections, and requests that wait for
 * one, are shared by both priorities here and go by the limits of the default one.
 */
export class Breaker {
  readonly limits: CircuitBreakers;
  /** Retries under way. */
  retries = 0;
  /** Is told of requests that begin, where a budget of retries goes by them. */
  readonly recent: RecentRequests | undefined;
  readonly #requests: () => number;
  readonly #stats: ClusterStats;

  /** `requests`: how many of this priority are under way. */
  constructor(limits: CircuitBreakers, stats: ClusterStats, requests: () => number, clock: Clock) {
    this.limits = limits;
    this.#stats = stats;
    this.#requests = requests;
    const windowMs = limits.retryBudget?.intervalMs ?? 0;
    this.recent = windowMs === 0 ? undefined : new RecentRequests(windowMs, clock);
  }

  mayRequest(): boolean {
    return this.#requests() < this.limits.maxRequests;
  }

  /** A number, or a share of the requests under way. */
  mayRetry(): boolean {
    return this.retries < this.#maxRetries();
  }

  #maxRetries(): number {
    const { maxRetries, retryBudget } = this.limits;
    if (retryBudget === undefined) return maxRetries;
    const active = this.recent?.count ?? this.#requests() + this.#stats.upstream_rq_pending_active;
    return Math.max(retryBudget.minConcurrency, Math.floor((retryBudget.percent / 100) * active));
  }

  /** Gauges as Envoy names them below `circuit_breakers.PRIORITY.`; `remaining_` ones where they are asked for. */
  gauges(): (readonly [name: string, value: number])[] {
    const { limits } = this;
    const { upstream_cx_active, upstream_rq_pending_active } = this.#stats;
    const used = [
      ['cx', upstream_cx_active, limits.maxConnections, 'cx'],
      ['rq_pending', upstream_rq_pending_active, limits.maxPendingRequests, 'pending'],
      ['rq', this.#requests(), limits.maxRequests, 'rq'],
      ['rq_retry', this.retries, this.#maxRetries(), 'retries'],
    ] as const;
    return used.flatMap(([name, count, limit, remaining]) => [
      [`${name}_open`, count >= limit ? 1 : 0] as const,
      ...(limits.trackRemaining ? [[`remaining_${remaining}`, Math.max(0, limit - count)] as const] : []),
    ]);
  }
}

/** Both breakers of a cluster. */
export class Breakers {
  readonly default: Breaker;
  readonly high: Breaker;
  /** Requests of high priority under way; all others are of the default one. */
  highRequests = 0;

  constructor(limits: CircuitBreakers, highLimits: CircuitBreakers, stats: ClusterStats, clock: Clock) {
    this.default = new Breaker(limits, stats, () => stats.upstream_rq_active - this.highRequests, clock);
    this.high = new Breaker(highLimits, stats, () => this.highRequests, clock);
  }

  of(high: boolean): Breaker {
    return high ? this.high : this.default;
  }

  gauges(): (readonly [name: string, value: number])[] {
    const named = (priority: 'default' | 'high') =>
      this[priority]
        .gauges()
        .map(([name, value]) => [`circuit_breakers.${priority}.${name}`, value] as const);
    return [...named('default'), ...named('high')];
  }
}
