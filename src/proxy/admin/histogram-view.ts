import { BOUNDS } from '../observe/histogram.ts';

// A histogram as Envoy's /stats shows it. Nothing is forgotten here between two looks, so there are no values of an
// "interval": they are nan, null and 0. Percentiles are estimated from the buckets.

/** `disjoint`: what fell into each bucket; `cumulative`: into it and those below. */
export type BucketMode = 'none' | 'summary' | 'cumulative' | 'disjoint';

export interface HistogramStat {
  readonly count: number;
  /** One a bound, and what is past all of them. */
  readonly counts: readonly number[];
}

const QUANTILES = [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 100];
const EMPTY: HistogramStat = { count: 0, counts: BOUNDS.map(() => 0).concat(0) };

/** Adds one line to what is known of a histogram: an upper bound, or `sum`. */
export function readHistogramLine(known: HistogramStat = EMPTY, bound: string, value: number): HistogramStat {
  if (bound === 'sum') return known;
  const at = bound === 'Infinity' ? BOUNDS.length : BOUNDS.indexOf(Number(bound));
  return { count: known.count + value, counts: known.counts.map((n, i) => (i === at ? n + value : n)) };
}

/** `P0(nan,1) P25(nan,1.05) ...` */
export function summaryText(histogram: HistogramStat): string {
  if (histogram.count === 0) return 'No recorded values';
  return QUANTILES.map((p) => `P${p}(nan,${percentile(histogram, p)})`).join(' ');
}

/** `B0.5(0,0) B1(0,1) ...` */
export function bucketsText(histogram: HistogramStat, mode: BucketMode): string {
  const counts = countsIn(histogram, mode);
  return BOUNDS.map((bound, i) => `B${bound >= 1e6 ? exponent(bound) : bound}(0,${counts[i]})`).join(' ');
}

type Named = readonly (readonly [name: string, histogram: HistogramStat])[];

export function summariesJson(histograms: Named): object {
  return {
    supported_quantiles: QUANTILES,
    computed_quantiles: histograms.map(([name, one]) => ({
      name,
      values: QUANTILES.map((p) => ({
        cumulative: one.count === 0 ? null : percentile(one, p),
        interval: null,
      })),
    })),
  };
}

export function bucketsJson(histograms: Named, mode: BucketMode): object {
  return histograms.map(([name, one]) => {
    const counts = countsIn(one, mode);
    const buckets = BOUNDS.map((upper_bound, i) => ({ upper_bound, interval: 0, cumulative: counts[i] }));
    return { name, buckets };
  });
}

function countsIn({ counts }: HistogramStat, mode: BucketMode): readonly number[] {
  if (mode !== 'cumulative') return counts;
  let below = 0;
  return counts.map((count) => (below += count));
}

/** Where in its bucket a value lies nobody knows any more: evenly, as far as this tells. */
function percentile({ count, counts }: HistogramStat, percent: number): number {
  const wanted = (percent / 100) * count;
  let below = 0;
  for (const [i, here] of counts.entries()) {
    const from = BOUNDS[i - 1] ?? 0;
    const to = BOUNDS[i] ?? from;
    if (here > 0 && below + here >= wanted)
      return Number((from + ((to - from) * (wanted - below)) / here).toPrecision(4));
    below += here;
  }
  return 0;
}

/** 1800000 -> `1.8e+06` */
function exponent(bound: number): string {
  return bound.toExponential().replace(/\+(\d)$/, '+0$1');
}
