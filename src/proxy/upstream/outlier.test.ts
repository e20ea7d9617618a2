import { describe, expect, it } from 'vitest';
import { manualClock } from '../../lib/manual-clock.ts';
import { seededRandom } from '../../lib/random.ts';
import { StatRegistry } from '../observe/stat-scope.ts';
import { EndpointHealth } from './endpoint-health.ts';
import { type HttpOutlier, readOutlierDetection } from './lower-outlier.ts';
import { OutlierMonitor } from './outlier.ts';
import { outlierStats } from './outlier-stats.ts';

function monitored(count: number, message: object, http?: HttpOutlier) {
  const clock = manualClock(0);
  const stats = outlierStats(new StatRegistry().scope(''));
  const endpoints = Array.from({ length: count }, () => ({ outlier: new EndpointHealth() }));
  let changes = 0;
  const refuse = (field: string) => expect(field).toBe('');
  const config = readOutlierDetection({ max_ejection_percent: 100, ...message }, refuse, http)!;
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

describe('answers that count as failures', () => {
  const status = (exact: string) => ({
    http_response_headers_match: { headers: [{ name: ':status', string_match: { exact } }] },
  });

  it('are those that are named, each like 500, and no others', () => {
    const { ejected, report } = monitored(
      1,
      { consecutive_5xx: 3, consecutive_gateway_failure: 2, enforcing_consecutive_gateway_failure: 100 },
      { error_matcher: { or_match: { rules: [status('429'), status('404')] } } },
    );
    report(0, 503, 4);
    report(0, 404);
    report(0, 429);
    expect(ejected()).toEqual([false]);
    report(0, 429);
    expect(ejected()).toEqual([true]);
  });

  it('may be told by what they are not', () => {
    const { ejected, report } = monitored(
      1,
      { consecutive_5xx: 1 },
      { error_matcher: { and_match: { rules: [{ any_match: true }, { not_match: status('200') }] } } },
    );
    report(0, 200);
    expect(ejected()).toEqual([false]);
    report(0, 302);
    expect(ejected()).toEqual([true]);
  });

  it('are refused where more than the head of an answer would tell', () => {
    const refused: string[] = [];
    readOutlierDetection({}, (field) => refused.push(field), {
      error_matcher: { http_response_trailers_match: {} },
    });
    expect(refused).toEqual(['error_matcher.http_response_trailers_match']);
  });
});

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
    expect(stats.active.value).toBe(1);
    clock.advance(29_000);
    expect(ejected()).toEqual([true, false]);
    clock.advance(2_000);
    expect(ejected()).toEqual([false, false]);
    report(0, 500, 3);
    clock.advance(31_000);
    expect(ejected()).toEqual([true, false]); // the second time: 60 s
    clock.advance(38_000);
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

  it('by its share of failures, and apart by its share of failed connections', () => {
    const rules = { consecutive_5xx: 0, enforcing_success_rate: 0, enforcing_local_origin_success_rate: 0 };
    const external = monitored(5, {
      ...rules,
      enforcing_failure_percentage: 100,
      failure_percentage_request_volume: 5,
    });
    for (let i = 0; i < 5; i++) external.report(i, i === 1 ? 500 : 200, 10);
    external.clock.advance(10_000);
    expect(external.ejected()).toEqual([false, true, false, false, false]);
    expect(external.stats.enforced.failure_percentage.value).toBe(1);
    const local = monitored(5, {
      ...rules,
      split_external_local_origin_errors: true,
      consecutive_local_origin_failure: 0,
      enforcing_failure_percentage_local_origin: 100,
      failure_percentage_request_volume: 5,
    });
    for (let i = 0; i < 5; i++)
      for (let n = 0; n < 10; n++)
        local.monitor.report(local.endpoints[i]!, i === 3 && n < 9 ? 'local-origin-failure' : 'connected');
    local.clock.advance(10_000);
    expect(local.ejected()).toEqual([false, false, false, true, false]);
    expect(local.stats.enforced.local_origin_failure_percentage.value).toBe(1);
  });

  it('is only counted where nothing is enforced, or where too many are out', () => {
    const { ejected, report, stats } = monitored(4, {
      consecutive_5xx: 2,
      enforcing_consecutive_5xx: 0,
    });
    report(0, 500, 4);
    expect(ejected()).toEqual([false, false, false, false]);
    expect(stats.detected.consecutive_5xx.value).toBe(2);
    const full = monitored(4, { consecutive_5xx: 1, max_ejection_percent: 0 });
    full.report(0, 500);
    expect(full.stats.overflow.value).toBe(1);
    const one = monitored(4, { consecutive_5xx: 1, max_ejection_percent: 0, always_eject_one_host: true });
    one.report(0, 500);
    one.report(1, 500);
    expect(one.ejected()).toEqual([true, false, false, false]);
  });

  it('comes back when it passes an active check', () => {
    const { endpoints, monitor, report, ejected, stats } = monitored(2, { consecutive_5xx: 1 });
    report(0, 500);
    expect(monitor.passedCheck(endpoints[0]!)).toBe(true);
    expect(ejected()).toEqual([false, false]);
    expect(stats.active.value).toBe(0);
  });
});
