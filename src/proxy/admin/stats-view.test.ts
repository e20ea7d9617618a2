import { describe, expect, it } from 'vitest';
import { Histogram } from '../observe/histogram.ts';
import { statLines } from '../observe/stat-lines.ts';
import { addLines } from '../workers/merge.ts';
import { statsView } from './stats-view.ts';

function worker(...values: readonly number[]): string {
  const histogram = new Histogram();
  for (const value of values) histogram.add(value);
  const row = (name: string, value: number | Histogram) => ({
    name,
    metric: '',
    labels: '',
    value,
    isGauge: false,
  });
  return statLines([row('http.a.time', histogram), row('http.a.rq_total', values.length)]);
}

const show = (text: string, query: string): string => statsView(text, new URLSearchParams(query)).body;

describe('/stats', () => {
  const merged = addLines([worker(0.2, 3, 3), worker(7, 4_000_000)]);

  it('adds up the histograms of workers', () => {
    expect(show(merged, 'histogram_buckets=disjoint')).toMatch(
      /^http.a.rq_total: 5\nhttp.a.time: B0.5\(0,1\) B1\(0,0\) B5\(0,2\) B10\(0,1\) .* B3.6e\+06\(0,0\)\n$/,
    );
    expect(show(merged, 'histogram_buckets=cumulative')).toMatch(/B10\(0,4\) .* B3.6e\+06\(0,4\)\n$/);
    expect(show(merged, 'type=histograms')).toMatch(
      /^http.a.time: P0\(nan,0\) P25\(nan,1.5\) .*P100\(nan,3600000\)\n$/,
    );
  });

  it('says where nothing was recorded', () => {
    expect(show(worker(), '')).toBe('http.a.rq_total: 0\nhttp.a.time: No recorded values\n');
    expect(show(worker(), 'usedonly')).toBe('');
  });

  it('refuses what it does not know', () => {
    expect(statsView('', new URLSearchParams('histogram_buckets=odd')).status).toBe(400);
  });
});
