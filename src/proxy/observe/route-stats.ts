import { FLAG } from './response-flags.ts';
import type { Counter, StatScope } from './stat-scope.ts';
import type { StreamFacts } from './stream-facts.ts';

/** Routes whose statistics are held; beyond them all begin anew. */
const MAX_ROUTES = 1000;

interface CountedRoute {
  readonly statPrefix: string;
  readonly virtualHost: string;
  readonly action: { readonly kind: string };
}

/** Statistics of the requests that routes with a `stat_prefix` forward, by route (Envoy). */
export class RouteCounts {
  readonly #metrics: Pick<StatScope, 'scope'>;
  readonly #byPrefix = new Map<string, RouteStats>();

  constructor(metrics: Pick<StatScope, 'scope'>) {
    this.#metrics = metrics;
  }

  /** A request of a route is over. */
  add({ statPrefix, virtualHost, action }: CountedRoute, facts: StreamFacts): void {
    if (action.kind !== 'forward') return;
    const prefix = `vhost.${virtualHost}.route.${statPrefix}.`;
    let stats = this.#byPrefix.get(prefix);
    if (stats === undefined) {
      if (this.#byPrefix.size >= MAX_ROUTES) this.#byPrefix.clear();
      stats = new RouteStats(this.#metrics.scope(prefix));
      this.#byPrefix.set(prefix, stats);
    }
    stats.add(facts);
  }
}

/** `vhost.HOST.route.PREFIX.` */
class RouteStats {
  readonly #scope: StatScope;
  readonly #total: Counter;
  readonly #completed: Counter;
  readonly #retry: Counter;
  readonly #limitExceeded: Counter;
  readonly #timeout: Counter;
  readonly #time: ReturnType<StatScope['histogram']>;
  /** By status: its own counter and that of its hundred. */
  readonly #byStatus = new Map<number, readonly [own: Counter, hundred: Counter]>();

  constructor(scope: StatScope) {
    this.#scope = scope;
    this.#total = scope.counter('upstream_rq_total');
    this.#completed = scope.counter('upstream_rq_completed');
    this.#retry = scope.counter('upstream_rq_retry');
    this.#limitExceeded = scope.counter('upstream_rq_retry_limit_exceeded');
    this.#timeout = scope.counter('upstream_rq_timeout');
    this.#time = scope.histogram('upstream_rq_time');
  }

  /** A request is over. */
  add({ responseCode, responseFlags, upstream, upstreamAttempts, durationMs }: StreamFacts): void {
    const sentMs = upstream?.sentMs ?? -1;
    if (sentMs >= 0) {
      this.#total.value += upstreamAttempts;
      this.#time.add(durationMs - sentMs);
    }
    this.#retry.value += Math.max(0, upstreamAttempts - 1);
    if ((responseFlags & FLAG.upstreamRetryLimitExceeded) !== 0) this.#limitExceeded.value++;
    if ((responseFlags & FLAG.upstreamRequestTimeout) !== 0) this.#timeout.value++;
    if (responseCode === 0) return;
    this.#completed.value++;
    const [own, hundred] = this.#countersOf(responseCode);
    own.value++;
    hundred.value++;
  }

  #countersOf(status: number): readonly [own: Counter, hundred: Counter] {
    const known = this.#byStatus.get(status);
    if (known !== undefined) return known;
    const made = [
      this.#scope.counter(`upstream_rq_${status}`),
      this.#scope.counter(`upstream_rq_${Math.floor(status / 100)}xx`),
    ] as const;
    this.#byStatus.set(status, made);
    return made;
  }
}
