import { Histogram } from './histogram.ts';
import type { StatRow } from './stat-rows.ts';

/**
 * `cluster.reviews.upstream_rq_total: 5`, sorted. A histogram is a line a bucket, so that those of several workers can be
 * added up line by line (workers/merge.ts): `http.a.downstream_rq_time<TAB>0.5: 3`; admin/stats-view.ts puts them together.
 */
export function statLines(rows: Iterable<StatRow>): string {
  const lines: string[] = [];
  for (const { name, value } of rows) {
    if (!(value instanceof Histogram)) lines.push(`${name}: ${value}\n`);
    else for (const [bound, count] of value.buckets()) lines.push(`${name}\t${bound}: ${count}\n`);
  }
  return lines.sort().join('');
}
