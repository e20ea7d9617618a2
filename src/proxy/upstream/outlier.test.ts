import { describe, expect, it } from 'vitest';
import { manualClock } from '../../lib/manual-clock.ts';
import { seededRandom } from '../../lib/random.ts';
import { ClusterStats } from '../observe/envoy-stats.ts';
import { EndpointHealth } from './endpoint-health.ts';
import { readOutlierDetection } from './lower-outlier.ts';
import { OutlierMonitor } from './outlier.ts';

function monitored(count: number, message: object) {
  const clock = manualClock(0);
  const stats = new ClusterStats();
  const endpoints = Array.from({ length: count }, () => ({ outlier: new EndpointHealth() }));
  let changes = 0;
  const config = readOutlierDetection({ max_ejection_percent: 100, ...message }, (field) =>
    expect(field).toBe(''),
  )!;
  const monitor = new OutlierMonitor(
    config,
    () => endpoints,
    () => changes++,
    { stats, clock, random: seededRandom(1) },
  );
  const ejected = () => endpoints.map(({ outlier }) => outlier.ejected);
  const report = (i: number, status: number, times = 1): void => {
    for (let n = 0; n < times; n++) monitor.report(endpoints[i]!, { status });
  };
  return { clock, stats, endpoints, monitor, ejected, report, changes: () => changes };
}

describe('an endpoint that fails in a row', () => {
  it('is out after its limit, for longer each time, and comes back', () => {
    const { clock, ejected, report, stats } = monitored(2, {
      consecutive_5xx: 3,
      base_ejection_time: '30s',
      interval: '10s',
    });
    report(0, 500, 2);
    report(0, 200);
    report(0, 500, 2);
    expect(ejected()).toEqual([false, false]);
    report(0, 500);
    expect(ejected()).toEqual([true, false]);
    expect(stats.outlier_detection_ejections_active).toBe(1);
    clock.advance(29_000);
    expect(ejected()).toEqual([true, false]);
    clock.advance(2_000);
    expect(ejected()).toEqual([false, false]);
    report(0, 500, 3);
    clock.advance(31_000);
    expect(ejected()).toEqual([true, false]); // the second time: 60 s
    clock.advance(30_000);
    expect(ejected()).toEqual([false, false]);
  });

  it('by gateway errors alone, where those count by themselves', () => {
    const { ejected, report } = monitored(2, {
      consecutive_5xx: 0,
      consecutive_gateway_failure: 2,
      enforcing_consecutive_gateway_failure: 100,
    });
    report(0, 500, 5);
    expect(ejected()[0]).toBe(false);
    report(0, 503);
    report(0, 502);
    expect(ejected()[0]).toBe(true);
  });

  it('stays where too many are out already', () => {
    const { ejected, report } = monitored(4, { consecutive_5xx: 1, max_ejection_percent: 50 });
    for (let i = 0; i < 4; i++) report(i, 500);
    expect(ejected()).toEqual([true, true, false, false]);
  });

  it('by errors of our own, apart where configured', () => {
    const { ejected, monitor, endpoints } = monitored(2, {
      split_external_local_origin_errors: true,
      consecutive_local_origin_failure: 2,
    });
    monitor.report(endpoints[0]!, 'local-origin-failure');
    monitor.report(endpoints[0]!, 'connected');
    monitor.report(endpoints[0]!, 'local-origin-failure');
    expect(ejected()[0]).toBe(false);
    monitor.report(endpoints[0]!, 'local-origin-failure');
    expect(ejected()[0]).toBe(true);
  });
});

describe('an endpoint that is worse than the others', () => {
  it('is out at the end of the interval', () => {
    const { clock, ejected, report } = monitored(5, {
      consecutive_5xx: 0,
      success_rate_request_volume: 10,
      interval: '10s',
    });
    for (let i = 0; i < 5; i++) for (let n = 0; n < 20; n++) report(i, i === 2 && n % 2 === 0 ? 500 : 200);
    clock.advance(10_000);
    expect(ejected()).toEqual([false, false, true, false, false]);
  });
});
