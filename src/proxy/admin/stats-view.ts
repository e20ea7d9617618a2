/** /stats as somebody asked for it: the lines of all statistics, filtered (in linear time) and in the form wanted. */
import { compileRegex } from '../../xds/match/regex.ts';
import { GAUGES } from '../observe/envoy-stats.ts';
import { type AdminAnswer, json } from './admin.ts';
import {
  type BucketMode,
  bucketsJson,
  bucketsText,
  type HistogramStat,
  readHistogramLine,
  summariesJson,
  summaryText,
} from './histogram-view.ts';

interface Statistic {
  readonly name: string;
  readonly value: number | HistogramStat;
}

const MODES: ReadonlySet<string> = new Set(['none', 'summary', 'cumulative', 'disjoint']);

/**
 * `text`: lines as observe/stat-lines.ts has them, of one worker or added up. `query`: filter, usedonly, type, format
 * (text, json), histogram_buckets, as Envoy's.
 */
export function statsView(text: string, query: URLSearchParams): AdminAnswer {
  const filter = query.get('filter');
  let matches: (name: string) => boolean = () => true;
  if (filter !== null && filter !== '') {
    const problems: string[] = [];
    // Anywhere in the name, as Envoy looks for it.
    matches = compileRegex({ regex: `.*(?:${filter}).*` }, (_field, message) => problems.push(message), '');
    if (problems.length > 0) return { status: 400, body: `Invalid re2 regex: ${problems[0]}\n` };
  }
  const ofType = typeTest(query.get('type') ?? 'All');
  if (ofType === undefined)
    return { status: 400, body: 'invalid &type= : one of All, Counters, Gauges, Histograms, TextReadouts\n' };
  const mode = query.get('histogram_buckets') ?? 'none';
  if (!MODES.has(mode))
    return { status: 400, body: 'usage: /stats?histogram_buckets=(cumulative|disjoint|none|summary)\n' };
  const usedOnly = query.has('usedonly');
  const isUsed = ({ value }: Statistic): boolean => (typeof value === 'number' ? value : value.count) !== 0;
  const statistics = readLines(text).filter((s) => matches(s.name) && ofType(s) && (!usedOnly || isUsed(s)));
  const format = query.get('format') ?? 'text';
  if (format === 'json') return json(asJson(statistics, mode as BucketMode));
  if (format !== 'text') return { status: 400, body: 'usage: /stats?format=(json|prometheus|text)\n' };
  return { body: statistics.map((one) => `${one.name}: ${asText(one, mode as BucketMode)}\n`).join('') };
}

/** Numbers in order, and histograms after them. */
function readLines(text: string): readonly Statistic[] {
  const numbers: Statistic[] = [];
  const histograms = new Map<string, HistogramStat>();
  for (const line of text.split('\n')) {
    const colon = line.lastIndexOf(': ');
    if (colon < 0) continue;
    const [name = '', bound] = line.slice(0, colon).split('\t');
    const value = Number(line.slice(colon + 2));
    if (bound === undefined) numbers.push({ name, value });
    else histograms.set(name, readHistogramLine(histograms.get(name), bound, value));
  }
  const byName = (a: Statistic, b: Statistic): number => (a.name < b.name ? -1 : 1);
  return [...numbers.sort(byName), ...[...histograms].map(([name, value]) => ({ name, value })).sort(byName)];
}

function asText({ value }: Statistic, mode: BucketMode): string {
  if (typeof value === 'number') return String(value);
  return mode === 'none' || mode === 'summary' ? summaryText(value) : bucketsText(value, mode);
}

/** Envoy's JSON: statistics in a row, all histograms as the last of them. */
function asJson(statistics: readonly Statistic[], mode: BucketMode): object {
  const numbers = statistics.filter(({ value }) => typeof value === 'number');
  const histograms = statistics.flatMap(({ name, value }) =>
    typeof value === 'number' ? [] : [[name, value] as const],
  );
  if (histograms.length === 0) return { stats: numbers };
  const all =
    mode === 'none' || mode === 'summary' ? summariesJson(histograms) : bucketsJson(histograms, mode);
  return { stats: [...numbers, { histograms: all }] };
}

function typeTest(type: string): ((statistic: Statistic) => boolean) | undefined {
  const isGauge = ({ name, value }: Statistic): boolean =>
    typeof value === 'number' &&
    (GAUGES.has(name.slice(name.lastIndexOf('.') + 1)) ||
      /^server\.|_active$|_open$|\.remaining_/.test(name));
  const tests: Readonly<Record<string, (statistic: Statistic) => boolean>> = {
    all: () => true,
    gauges: isGauge,
    counters: (s) => typeof s.value === 'number' && !isGauge(s),
    histograms: ({ value }) => typeof value !== 'number',
    textreadouts: () => false,
  };
  return tests[type.toLowerCase()];
}
