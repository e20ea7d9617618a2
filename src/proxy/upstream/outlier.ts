import type { Clock, Timer } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { ClusterStats } from '../observe/envoy-stats.ts';
import type { FailurePercentageDetection, OutlierDetection, SuccessRateDetection } from './cluster-config.ts';
import type { EndpointHealth } from './endpoint-health.ts';

/** How a request, or the try to connect, ended for an endpoint. */
export type Outcome = { readonly status: number } | 'connected' | 'local-origin-failure';

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
  readonly #onChange: () => void;
  readonly #stats: ClusterStats;
  readonly #clock: Clock;
  readonly #random: Random;
  #timer: Timer | undefined;
  #stopped = false;

  constructor(
    config: OutlierDetection,
    members: () => readonly T[],
    onChange: () => void,
    environment: { readonly stats: ClusterStats; readonly clock: Clock; readonly random: Random },
  ) {
    this.#config = config;
    this.#members = members;
    this.#onChange = onChange;
    this.#stats = environment.stats;
    this.#clock = environment.clock;
    this.#random = environment.random;
  }

  report(endpoint: T, outcome: Outcome): void {
    const { outlier } = endpoint;
    const config = this.#config;
    if (outcome === 'connected') {
      outlier.consecutiveLocalOrigin = 0;
      return;
    }
    this.#watch();
    if (outcome === 'local-origin-failure' && config.splitLocalOrigin) {
      outlier.consecutiveLocalOrigin++;
      this.#eject(
        endpoint,
        outlier.consecutiveLocalOrigin,
        config.consecutiveLocalOrigin,
        config.enforcingConsecutiveLocalOrigin,
      );
      return;
    }
    const status = outcome === 'local-origin-failure' ? 503 : outcome.status;
    outlier.total++;
    if (status < 500) {
      outlier.successes++;
      outlier.consecutive5xx = 0;
      outlier.consecutiveGateway = 0;
      return;
    }
    outlier.consecutiveGateway = status >= 502 && status <= 504 ? outlier.consecutiveGateway + 1 : 0;
    outlier.consecutive5xx++;
    this.#eject(
      endpoint,
      outlier.consecutiveGateway,
      config.consecutiveGateway,
      config.enforcingConsecutiveGateway,
    );
    this.#eject(endpoint, outlier.consecutive5xx, config.consecutive5xx, config.enforcingConsecutive5xx);
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #watch(): void {
    if (this.#timer !== undefined || this.#stopped) return;
    this.#timer = this.#clock.setTimeout(() => this.#interval(), this.#config.intervalMs);
  }

  /** Once per interval: who has served its time comes back, and rates are compared. */
  #interval(): void {
    this.#timer = undefined;
    const nowMs = this.#clock.monotonicMs();
    let changed = false;
    for (const { outlier } of this.#members()) {
      if (!outlier.ejected) outlier.ejections = Math.max(0, outlier.ejections - 1);
      if (!outlier.ejected || outlier.ejectedUntilMs > nowMs) continue;
      outlier.ejected = false;
      this.#stats.outlier_detection_ejections_active--;
      changed = true;
    }
    const { successRate, failurePercentage } = this.#config;
    if (successRate !== undefined) this.#compareRates(successRate);
    if (failurePercentage !== undefined) this.#comparePercentages(failurePercentage);
    let busy = false;
    for (const { outlier } of this.#members()) {
      busy ||= outlier.ejected || outlier.total > 0;
      outlier.total = 0;
      outlier.successes = 0;
    }
    if (changed) this.#onChange();
    if (busy) this.#watch();
  }

  #compareRates(rule: SuccessRateDetection): void {
    const judged = this.#members().filter(
      ({ outlier }) => !outlier.ejected && outlier.total >= rule.requestVolume,
    );
    if (judged.length < rule.minimumHosts) return;
    const rates = judged.map(({ outlier }) => (100 * outlier.successes) / outlier.total);
    const mean = rates.reduce((a, b) => a + b, 0) / rates.length;
    const variance = rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / rates.length;
    const threshold = mean - rule.stdevFactor * Math.sqrt(variance);
    for (const [i, endpoint] of judged.entries())
      if ((rates[i] as number) < threshold) this.#eject(endpoint, 1, 1, rule.enforcing);
  }

  #comparePercentages(rule: FailurePercentageDetection): void {
    const judged = this.#members().filter(
      ({ outlier }) => !outlier.ejected && outlier.total >= rule.requestVolume,
    );
    if (judged.length < rule.minimumHosts) return;
    for (const endpoint of judged) {
      const { total, successes } = endpoint.outlier;
      if ((100 * (total - successes)) / total >= rule.threshold) this.#eject(endpoint, 1, 1, rule.enforcing);
    }
  }

  #eject(endpoint: T, count: number, limit: number, enforcing: number): void {
    const { outlier } = endpoint;
    if (limit === 0 || count < limit || outlier.ejected) return;
    outlier.consecutive5xx = 0;
    outlier.consecutiveGateway = 0;
    outlier.consecutiveLocalOrigin = 0;
    if (this.#random.below(100) >= enforcing || !this.#mayEject()) return;
    outlier.ejected = true;
    outlier.ejections++;
    const { baseEjectionMs, maxEjectionMs } = this.#config;
    outlier.ejectedUntilMs =
      this.#clock.monotonicMs() + Math.min(maxEjectionMs, baseEjectionMs * outlier.ejections);
    this.#stats.outlier_detection_ejections_active++;
    this.#stats.outlier_detection_ejections_enforced_total++;
    this.#onChange();
  }

  #mayEject(): boolean {
    const members = this.#members();
    const ejected = members.filter(({ outlier }) => outlier.ejected).length;
    if (this.#config.alwaysEjectOne && ejected === 0) return true;
    return (100 * (ejected + 1)) / members.length <= this.#config.maxEjectionPercent;
  }
}
