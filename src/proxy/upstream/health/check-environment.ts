import type { Clock } from '../../../lib/clock.ts';
import type { Random } from '../../../lib/random.ts';
import type { Counter, Gauge, StatScope } from '../../observe/stat-scope.ts';
import type { CheckState } from './check-state.ts';
import type { Probe } from './probe.ts';

/** What the checker needs of an endpoint. */
export interface Checked {
  readonly check: CheckState;
  healthySinceMs: number;
}

/** Counters under Envoy's names. */
export interface CheckStats {
  readonly attempt: Counter;
  readonly success: Counter;
  readonly failure: Counter;
  readonly passive_failure: Counter;
  readonly network_failure: Counter;
  readonly verify_cluster: Counter;
  readonly healthy: Gauge;
  readonly degraded: Gauge;
}

/** `scope` is the cluster's. */
export function checkStats(scope: StatScope): CheckStats {
  const counter = (name: string): Counter => scope.counter(`health_check.${name}`);
  return {
    attempt: counter('attempt'),
    success: counter('success'),
    failure: counter('failure'),
    passive_failure: counter('passive_failure'),
    network_failure: counter('network_failure'),
    verify_cluster: counter('verify_cluster'),
    healthy: scope.gauge('health_check.healthy'),
    degraded: scope.gauge('health_check.degraded'),
  };
}

/** What is around the checks of a cluster. */
export interface CheckEnvironment<T> {
  readonly clock: Clock;
  readonly random: Random;
  readonly stats: CheckStats;
  /** Whether the cluster ever had a connection for traffic. */
  hadTraffic(): boolean;
  probeFor(endpoint: T): Probe;
  /** After every check of an endpoint. `changed`: what balancers go by has changed. */
  onChecked(endpoint: T, changed: boolean): void;
}
