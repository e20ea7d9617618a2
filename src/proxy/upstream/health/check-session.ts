import type { Timer } from '../../../lib/clock.ts';
import type { CheckEnvironment, Checked } from './check-environment.ts';
import type { HealthCheckConfig } from './health-check-config.ts';
import type { Probe, ProbeResult } from './probe.ts';

/** What a check did to an endpoint's standing: `pending`: some more like it will change it. */
type Change = 'none' | 'pending' | 'changed';
type Failure = 'failed' | 'retriable' | 'network' | 'timeout' | 'passive';

/** The checks of one endpoint: a probe, its result counted against the thresholds, the wait until the next. */
export class CheckSession<T extends Checked> {
  /** A first check has ended. */
  checked = false;
  readonly #endpoint: T;
  readonly #config: HealthCheckConfig;
  readonly #environment: CheckEnvironment<T>;
  readonly #probe: Probe;
  #timer: Timer | undefined;
  #passes = 0;
  #failures = 0;
  #stopped = false;

  constructor(endpoint: T, config: HealthCheckConfig, environment: CheckEnvironment<T>) {
    this.#endpoint = endpoint;
    this.#config = config;
    this.#environment = environment;
    this.#probe = environment.probeFor(endpoint);
  }

  start(): void {
    const { initialJitterMs } = this.#config;
    if (initialJitterMs === 0) this.#ask();
    else this.#wait(this.#environment.random.below(initialJitterMs), () => this.#ask());
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#timer?.cancel();
    this.#probe.abort();
    const { check } = this.#endpoint;
    if (!check.failed) this.#environment.stats.healthy.value--;
    if (check.degraded) this.#environment.stats.degraded.value--;
  }

  /** Without a check: the endpoint said so itself. */
  failNow(): void {
    this.#endpoint.check.immediatelyFailed = true;
    this.#failed('passive');
  }

  #ask(): void {
    this.#environment.stats.attempt.value++;
    this.#wait(this.#config.timeoutMs, () => {
      this.#probe.abort();
      this.#next(this.#failed('timeout'), false);
    });
    this.#probe.ask((result) => {
      if (!this.#stopped) this.#judged(result);
    });
  }

  #judged(result: ProbeResult): void {
    const passed = result.kind === 'passed';
    if (!passed && result.immediate) this.#endpoint.check.immediatelyFailed = true;
    const change = passed ? this.#passed(result.degraded) : this.#failed(result.kind);
    // Told of it, the cluster may have let the endpoint go.
    if (!this.#stopped) this.#next(change, passed);
  }

  #passed(degraded: boolean): Change {
    const { check } = this.#endpoint;
    const { stats, clock } = this.#environment;
    this.#failures = 0;
    let change: Change = 'none';
    if (check.failed) {
      // The first check of all decides at once: starting up must not take several intervals.
      if (!this.checked || ++this.#passes >= this.#config.healthyThreshold) {
        check.failed = false;
        check.timedOut = false;
        check.immediatelyFailed = false;
        stats.healthy.value++;
        change = 'changed';
      } else change = 'pending';
      this.#endpoint.healthySinceMs = clock.monotonicMs();
    }
    if (degraded !== check.degraded) {
      check.degraded = degraded;
      stats.degraded.value += degraded ? 1 : -1;
      if (change === 'none') change = 'changed';
    }
    stats.success.value++;
    return this.#told(change);
  }

  #failed(kind: Failure): Change {
    const { check } = this.#endpoint;
    const { stats } = this.#environment;
    const network = kind === 'network' || kind === 'timeout';
    this.#passes = 0;
    let change: Change = 'none';
    if (!check.failed) {
      const atOnce = !network && kind !== 'retriable';
      if (atOnce || ++this.#failures >= this.#config.unhealthyThreshold) {
        check.failed = true;
        stats.healthy.value--;
        change = 'changed';
      } else change = 'pending';
    }
    check.timedOut = kind === 'timeout' && check.failed;
    stats.failure.value++;
    if (network) stats.network_failure.value++;
    if (kind === 'passive') stats.passive_failure.value++;
    return this.#told(change);
  }

  #told(change: Change): Change {
    const { check } = this.#endpoint;
    const first = check.pending;
    check.pending = false;
    this.checked = true;
    this.#environment.onChecked(this.#endpoint, first || change === 'changed');
    return first ? 'changed' : change;
  }

  #next(change: Change, passed: boolean): void {
    if (!this.#stopped) this.#wait(this.#intervalMs(change, passed), () => this.#ask());
  }

  #intervalMs(change: Change, passed: boolean): number {
    const config = this.#config;
    const { random } = this.#environment;
    const pending = change === 'pending';
    let baseMs: number;
    if (!this.#environment.hadTraffic())
      baseMs = passed && !pending ? config.noTrafficHealthyIntervalMs : config.noTrafficIntervalMs;
    else if (passed) baseMs = pending ? config.healthyEdgeIntervalMs : config.intervalMs;
    else baseMs = pending ? config.unhealthyEdgeIntervalMs : config.unhealthyIntervalMs;
    const percentMs = Math.floor((config.intervalJitterPercent * baseMs) / 100);
    if (percentMs > 0) baseMs += random.below(percentMs);
    if (config.intervalJitterMs > 0) baseMs += random.below(config.intervalJitterMs);
    return Math.max(1, baseMs);
  }

  #wait(delayMs: number, then: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#environment.clock.setTimeout(then, delayMs);
  }
}
