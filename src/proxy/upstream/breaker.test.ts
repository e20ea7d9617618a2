import { describe, expect, it } from 'vitest';
import { manualClock } from '../../lib/manual-clock.ts';
import { ClusterStats } from '../observe/envoy-stats.ts';
import { Breakers } from './breaker.ts';
import { readCircuitBreakers } from './lower-circuit-breakers.ts';

type Thresholds = NonNullable<NonNullable<Parameters<typeof readCircuitBreakers>[0]>['thresholds']>;

function breakers(thresholds: Thresholds) {
  const { limits, highLimits } = readCircuitBreakers({ thresholds }, (field) => expect(field).toBe(''));
  const stats = new ClusterStats();
  const clock = manualClock(0);
  return { clock, stats, both: new Breakers(limits, highLimits, stats, clock) };
}

describe('circuit breakers', () => {
  it('count the two priorities apart', () => {
    const { stats, both } = breakers([{ max_requests: 2 }, { priority: 'HIGH', max_requests: 1 }]);
    stats.upstream_rq_active = 2;
    both.highRequests = 1;
    expect(both.default.mayRequest()).toBe(true);
    expect(both.high.mayRequest()).toBe(false);
    stats.upstream_rq_active = 3;
    expect(both.default.mayRequest()).toBe(false);
    expect(Object.fromEntries(both.gauges())).toMatchObject({
      'circuit_breakers.default.rq_open': 1,
      'circuit_breakers.default.cx_open': 0,
      'circuit_breakers.high.rq_open': 1,
    });
  });

  it('let retries be a share of what is under way, and never fewer than a few', () => {
    const { stats, both } = breakers([
      { retry_budget: { budget_percent: { value: 25 }, min_retry_concurrency: 2 }, track_remaining: true },
    ]);
    both.default.retries = 2;
    expect(both.default.mayRetry()).toBe(false);
    stats.upstream_rq_active = 10;
    stats.upstream_rq_pending_active = 2;
    expect(both.default.mayRetry()).toBe(true);
    expect(Object.fromEntries(both.gauges())).toMatchObject({
      'circuit_breakers.default.remaining_retries': 1,
      'circuit_breakers.default.remaining_rq': 1014,
      'circuit_breakers.default.remaining_pending': 1022,
      'circuit_breakers.default.remaining_cx': 1024,
    });
  });

  it('let retries be a share of what began lately, under way or not', () => {
    const retry_budget = {
      budget_percent: { value: 50 },
      min_retry_concurrency: 1,
      budget_interval: '1.600s',
    };
    const { clock, both, stats } = breakers([{ retry_budget }]);
    stats.upstream_rq_active = 100;
    both.default.retries = 1;
    expect(both.default.mayRetry()).toBe(false);
    both.default.recent?.add();
    clock.advance(800);
    for (let n = 0; n < 3; n++) both.default.recent?.add();
    expect(both.default.recent?.count).toBe(4);
    expect(both.default.mayRetry()).toBe(true);
    clock.advance(900);
    expect(both.default.recent?.count).toBe(3);
    expect(both.default.mayRetry()).toBe(false);
    clock.advance(100_000);
    expect(both.default.recent?.count).toBe(0);
  });
});
