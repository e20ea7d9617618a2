/** /stats as somebody asked for it: the lines of all statistics, filtered (in linear time) and in the form wanted. */
import { compileRegex } from '../../xds/match/regex.ts';
import { GAUGES } from '../observe/envoy-stats.ts';
import { type AdminAnswer, json } from './admin.ts';

interface Statistic {
  readonly name: string;
  /** A number, or what a histogram's line says. */
  readonly value: number | string;
}

/** `text`: `name: value` lines. `query`: filter, usedonly, type, format (text, json), as Envoy's. */
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
  const usedOnly = query.has('usedonly');
  const statistics = text
    .split('\n')
    .flatMap((line) => readLine(line))
    .filter((s) => matches(s.name) && ofType(s) && (!usedOnly || (s.value !== 0 && s.value !== '')));
  const format = query.get('format') ?? 'text';
  if (format === 'json') return json({ stats: statistics });
  if (format !== 'text') return { status: 400, body: 'usage: /stats?format=(json|prometheus|text)\n' };
  return { body: statistics.map(({ name, value }) => `${name}: ${value}\n`).join('') };
}

function readLine(line: string): readonly Statistic[] {
  const colon = line.indexOf(': ');
  if (colon < 0) return [];
  const text = line.slice(colon + 2);
  const value = Number(text);
  return [{ name: line.slice(0, colon), value: text === '' || Number.isNaN(value) ? text : value }];
}

function typeTest(type: string): ((statistic: Statistic) => boolean) | undefined {
  const isGauge = ({ name, value }: Statistic): boolean =>
    typeof value === 'number' &&
    (GAUGES.has(name.slice(name.lastIndexOf('.') + 1)) || name.endsWith('_active'));
  const tests: Readonly<Record<string, (statistic: Statistic) => boolean>> = {
    all: () => true,
    gauges: isGauge,
    counters: (s) => typeof s.value === 'number' && !isGauge(s),
    histograms: ({ value }) => typeof value === 'string',
    textreadouts: () => false,
  };
  return tests[type.toLowerCase()];
}
