import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import { compileFind } from '../../xds/match/regex.ts';
import { compileStringMatcher, type StringTest } from '../../xds/match/string-matcher.ts';
import type { Bootstrap } from '../../xds/resources.ts';
import { escapeLabel, type StatRow } from './stat-rows.ts';

type StatsConfig = NonNullable<Bootstrap['stats_config']>;
type Matcher = NonNullable<StatsConfig['stats_matcher']>;

/** What the bootstrap says of statistics: which are shown, and which labels they have beside Envoy's own. */
export type StatRules = (rows: Iterable<StatRow>) => Iterable<StatRow>;

/** config.metrics.v3.StatsConfig; undefined where it changes nothing. */
export function readStatsConfig(config: StatsConfig, refuse: Refuse, field: string): StatRules | undefined {
  // Default tags are always on; bounds of histograms are fixed.
  const { stats_matcher, stats_tags = [], use_all_default_tags: _all, ...rest } = config;
  refuseRest(refuse, field, rest);
  const takes = readMatcher(stats_matcher, refuse, fieldIn(field, 'stats_matcher'));
  const tags = stats_tags.flatMap((tag, i) => readTag(tag, refuse, fieldIn(field, `stats_tags[${i}]`)) ?? []);
  if (takes === undefined && tags.length === 0) return undefined;
  return function* (rows) {
    for (const row of rows) if (takes?.(row.name) !== false) yield tags.reduce((one, tag) => tag(one), row);
  };
}

function readMatcher(matcher: Matcher | undefined, refuse: Refuse, field: string): StringTest | undefined {
  const { reject_all, exclusion_list, inclusion_list, ...rest } = matcher ?? {};
  refuseRest(refuse, field, rest);
  if (reject_all !== undefined) return reject_all ? () => false : undefined;
  const list = (name: string, patterns: NonNullable<typeof inclusion_list>['patterns'] = []): StringTest => {
    const tests = patterns.map((one, i) =>
      compileStringMatcher(one, refuse, fieldIn(field, `${name}.patterns[${i}]`)),
    );
    return (value) => tests.some((test) => test(value));
  };
  if (inclusion_list !== undefined) return list('inclusion_list', inclusion_list.patterns);
  if (exclusion_list === undefined) return undefined;
  const excluded = list('exclusion_list', exclusion_list.patterns);
  return (name) => !excluded(name);
}

type Tag = (row: StatRow) => StatRow;

/** The first group of the expression is taken out of the name; the second, or else the first, is the label's value. */
function readTag(
  tag: NonNullable<StatsConfig['stats_tags']>[number],
  refuse: Refuse,
  field: string,
): Tag | undefined {
  const { tag_name = '', regex, fixed_value, ...rest } = tag;
  refuseRest(refuse, field, rest);
  const label = tag_name.replace(/[^a-zA-Z0-9_]/g, '_');
  if (fixed_value !== undefined) return (row) => labelled(row, label, fixed_value, '');
  // A tag without an expression names one of Envoy's own.
  if (regex === undefined || regex === '') return undefined;
  const find = compileFind({ regex }, refuse, fieldIn(field, 'regex'));
  return (row) => {
    const groups = find(row.name);
    const cut = groups?.[0];
    return cut === undefined ? row : labelled(row, label, groups?.[1] ?? cut, cut);
  };
}

/** Istio's tags name what Envoy's own have taken out of the name already. */
function labelled(row: StatRow, label: string, value: string, cut: string): StatRow {
  const text = `${label}="${escapeLabel(value)}"`;
  const isOut = row.labels.includes(`="${escapeLabel(value)}"`);
  const metric =
    isOut || cut === '' ? row.metric : row.metric.replace(cut.replace(/[^a-zA-Z0-9_]/g, '_'), '');
  return { ...row, metric, labels: row.labels === '' ? text : `${row.labels},${text}` };
}
