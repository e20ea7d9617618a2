import { Histogram } from './histogram.ts';
import type { StatRow } from './stat-rows.ts';

/** Statistics as Prometheus text: metrics in groups, each with its type. */
export function prometheusText(rows: Iterable<StatRow>): string {
  const groups = new Map<string, string[]>();
  for (const { metric, labels, value, isGauge } of rows) {
    const name = `envoy_${metric}`;
    const isHistogram = value instanceof Histogram;
    let lines = groups.get(name);
    if (lines === undefined) {
      lines = [`# TYPE ${name} ${isHistogram ? 'histogram' : isGauge ? 'gauge' : 'counter'}\n`];
      groups.set(name, lines);
    }
    const kept = labels.endsWith(',') ? labels.slice(0, -1) : labels;
    lines.push(isHistogram ? value.lines(name, kept) : `${name}{${kept}} ${value}\n`);
  }
  return [...groups.values()].map((lines) => lines.join('')).join('');
}
