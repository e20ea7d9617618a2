import type { Clock, Timer } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { Headers } from '../../wire/headers.ts';
import type { FailurePercentageDetection, OutlierDetection, SuccessRateDetection } from './cluster-config.ts';
import type { EndpointHealth, Rate } from './endpoint-health.ts';
import type { EjectionKind, OutlierStats } from './outlier-stats.ts';

/**
 * How a request, or the try to connect, ended for an endpoint. `connected` says that the endpoint was reached, and
 * leaves the rest to its answer; `served`, that there is no more to it (TCP).
 */
export type Outcome =
  | { readonly status: number; readonly headers?: Headers }
  | 'connected'
  | 'served'
  | 'local-origin-failure';

interface Judged {
  readonly outlier: EndpointHealth;
}

/**
 * Takes endpoints out of rotation that fail where others do not (Envoy's outlier detection), and lets them back in.
 * Told of every outcome; changes nobody's connections.
 */
export class OutlierMonitor<T extends Judged> {
  readonly #config: OutlierDetection;
  readonly #members: () => readonly T[];
  readonly #onChange: (ejected?: T) => void;
  readonly #stats: OutlierStats;
  readonly #clock: Clock;
  readonly #random: Random;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(
    config: OutlierDetection,
    members: () => readonly T[],
    onChange: (ejected?: T) => void,
    environment: { readonly stats: OutlierStats; readonly clock: Clock; readonly random: Random },
  ) {
    this.#config = config;
    this.#members = members;
    this.#onChange = onChange;
    this.#stats = environment.stats;
    this.#clock = environment.clock;
    this.#random = environment.random;
  }

  report(endpoint: T, outcome: Outcome): void {
    if (this.#timer === undefined) this.#watch();
    const { isError } = this.#config;
    if (typeof outcome === 'object')
      this.#answered(endpoint, isError === undefined ? outcome.status : isError(outcome) ? 500 : 200);
    else if (this.#config.splitLocalOrigin) this.#reached(endpoint, outcome !== 'local-origin-failure');
    else if (outcome !== 'connected') this.#answered(endpoint, outcome === 'served' ? 200 : 503);
  }

  /** The endpoint passed an active check: whether that lets it back in. */
  passedCheck(endpoint: T): boolean {
    if (!endpoint.outlier.ejected || !this.#config.unejectByCheck) return false;
    this.#letBack(endpoint.outlier);
    return true;
  }

  /** The endpoint is not one of the cluster any more. */
  forget(endpoint: T): void {
    if (endpoint.outlier.ejected) this.#letBack(endpoint.outlier);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    for (const endpoint of this.#members()) this.forget(endpoint);
  }

  #answered(endpoint: T, status: number): void {
    const { outlier } = endpoint;
    const config = this.#config;
    outlier.external.total++;
    if (status < 500) {
      outlier.external.successes++;
      outlier.consecutive5xx = 0;
      outlier.consecutiveGateway = 0;
      return;
    }
    if (status < 502 || status > 504) outlier.consecutiveGateway = 0;
    else if (++outlier.consecutiveGateway === config.consecutiveGateway) {
      outlier.consecutiveGateway = 0;
      this.#detected(endpoint, 'consecutive_gateway_failure', config.enforcingConsecutiveGateway);
    }
    if (++outlier.consecutive5xx !== config.consecutive5xx) return;
    outlier.consecutive5xx = 0;
    this.#detected(endpoint, 'consecutive_5xx', config.enforcingConsecutive5xx);
  }

  #reached(endpoint: T, reached: boolean): void {
    const { outlier } = endpoint;
    outlier.local.total++;
    if (reached) {
      outlier.local.successes++;
      outlier.consecutiveLocalOrigin = 0;
    } else if (++outlier.consecutiveLocalOrigin === this.#config.consecutiveLocalOrigin) {
      outlier.consecutiveLocalOrigin = 0;
      this.#detected(
        endpoint,
        'consecutive_local_origin_failure',
        this.#config.enforcingConsecutiveLocalOrigin,
      );
    }
  }

  #watch(): void {
    if (this.#stopped) return;
    this.#timer = this.#clock.setTimeout(() => this.#interval(), this.#config.intervalMs);
  }

  /** Once per interval: who has served its time comes back, and rates are compared. */
  #interval(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    const members = this.#members();
    let changed = false;
    for (const { outlier } of members) {
      if (!outlier.ejected) outlier.ejections = Math.max(0, outlier.ejections - 1);
      else if (nowMs - outlier.ejectedAtMs >= this.#ejectionMs(outlier)) {
        this.#letBack(outlier);
        changed = true;
      }
    }
    const { successRate, failurePercentage, localSuccessRate, localFailurePercentage } = this.#config;
    if (successRate) this.#compareRates(members, 'external', 'success_rate', successRate);
    if (localSuccessRate) this.#compareRates(members, 'local', 'local_origin_success_rate', localSuccessRate);
    if (failurePercentage)
      this.#comparePercentages(members, 'external', 'failure_percentage', failurePercentage);
    if (localFailurePercentage)
      this.#comparePercentages(members, 'local', 'local_origin_failure_percentage', localFailurePercentage);
    let busy = false;
    for (const { outlier } of members) {
      const answered = startOver(outlier);
      busy ||= answered || outlier.ejected || outlier.ejections > 0;
    }
    if (changed) this.#onChange();
    if (busy) this.#watch();
  }

  #ejectionMs({ ejections, jitterMs }: EndpointHealth): number {
    const { baseEjectionMs, maxEjectionMs } = this.#config;
    return Math.min(baseEjectionMs * ejections, maxEjectionMs) + jitterMs;
  }

  #letBack(outlier: EndpointHealth): void {
    outlier.ejected = false;
    outlier.consecutive5xx = 0;
    outlier.consecutiveGateway = 0;
    outlier.consecutiveLocalOrigin = 0;
    this.#stats.active.value--;
  }

  #compareRates(
    members: readonly T[],
    which: 'external' | 'local',
    kind: EjectionKind,
    rule: SuccessRateDetection,
  ): void {
    const judged = enough(members, which, rule);
    if (judged.length === 0) return;
    const rates = judged.map(({ outlier }) => percentage(outlier[which]));
    const mean = rates.reduce((a, b) => a + b, 0) / rates.length;
    const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length;
    const threshold = mean - rule.stdevFactor * Math.sqrt(variance);
    for (const [i, endpoint] of judged.entries())
      if ((rates[i] as number) < threshold) this.#detected(endpoint, kind, rule.enforcing);
  }

  #comparePercentages(
    members: readonly T[],
    which: 'external' | 'local',
    kind: EjectionKind,
    rule: FailurePercentageDetection,
  ): void {
    for (const endpoint of enough(members, which, rule))
      if (100 - percentage(endpoint.outlier[which]) >= rule.threshold)
        this.#detected(endpoint, kind, rule.enforcing);
  }

  #detected(endpoint: T, kind: EjectionKind, enforcing: number): void {
    const { outlier } = endpoint;
    if (outlier.ejected) return;
    const stats = this.#stats;
    stats.detected[kind].value++;
    if (kind === 'consecutive_5xx') stats.consecutive5xx.value++;
    if (!this.#mayEject()) {
      stats.overflow.value++;
      return;
    }
    if (this.#random.below(100) >= enforcing) return;
    const { baseEjectionMs, maxEjectionMs, maxJitterMs } = this.#config;
    outlier.ejected = true;
    outlier.ejectedAtMs = this.#clock.monotonicMs();
    outlier.jitterMs = maxJitterMs === 0 ? 0 : this.#random.below(maxJitterMs + 1);
    if (outlier.ejections * baseEjectionMs < maxEjectionMs + baseEjectionMs) outlier.ejections++;
    stats.active.value++;
    stats.enforced[kind].value++;
    stats.enforcedTotal.value++;
    stats.total.value++;
    this.#onChange(endpoint);
  }

  #mayEject(): boolean {
    const members = this.#members();
    let ejected = 0;
    for (const { outlier } of members) if (outlier.ejected) ejected++;
    if (this.#config.alwaysEjectOne && ejected === 0) return true;
    return (100 * (ejected + 1)) / members.length <= this.#config.maxEjectionPercent;
  }
}

/** Those with enough answers to be compared; nobody where they are too few. */
function enough<T extends Judged>(
  members: readonly T[],
  which: 'external' | 'local',
  { requestVolume, minimumHosts }: { readonly requestVolume: number; readonly minimumHosts: number },
): readonly T[] {
  const judged = members.filter(
    ({ outlier }) => !outlier.ejected && outlier[which].total >= Math.max(1, requestVolume),
  );
  return judged.length >= minimumHosts ? judged : [];
}

function percentage({ total, successes }: Rate): number {
  return (100 * successes) / total;
}

/** A new interval; whether there was anything in the old one. */
function startOver({ external, local }: EndpointHealth): boolean {
  const busy = external.total + local.total > 0;
  external.total = 0;
  external.successes = 0;
  local.total = 0;
  local.successes = 0;
  return busy;
}
