import type { Report } from '../../report.ts';
import type { StringMatch } from '../shared/string-match.ts';
import type { HttpMatch } from './match.ts';

interface Rule {
  readonly name?: string;
  readonly match?: readonly object[];
}

/** Warns of rules and matches that no request can reach because an earlier rule takes it. Rules are tried in order. */
export function warnShadowedRules(rules: readonly Rule[], report: Report): void {
  const seen = new Map<string, number>();
  let catchAll = -1;
  for (const [i, rule] of rules.entries()) {
    const matches = rule.match ?? [];
    if (catchAll >= 0)
      report.warn(i, `rule ${i} is never used: rule ${catchAll} has no match and takes everything`);
    else if (matches.length === 0) catchAll = i;
    else warnRepeated(matches, i, seen, report);
  }
}

function warnRepeated(
  matches: readonly object[],
  rule: number,
  seen: Map<string, number>,
  report: Report,
): void {
  let repeated = 0;
  for (const [i, match] of matches.entries()) {
    const text = conditionsOf(match);
    const earlier = seen.get(text);
    if (earlier === undefined) seen.set(text, rule);
    else {
      repeated++;
      report.warn([rule, 'match', i], `this match has no effect: rule ${earlier} has the same one`);
    }
  }
  if (repeated === matches.length)
    report.warn(rule, `rule ${rule} is never used: earlier rules have all of its matches`);
}

/** The match without its name and without what is left empty: neither is a condition. */
function conditionsOf(match: object): string {
  return JSON.stringify({ ...match, name: undefined }, (key, value: unknown) =>
    key !== '' && typeof value === 'object' && value !== null && Object.keys(value).length === 0
      ? undefined
      : value,
  );
}

interface PrefixMatch {
  readonly rule: number;
  readonly index: number;
  readonly match: HttpMatch;
  readonly prefix: string;
}

/** Warns of a match by prefix that lies within an earlier and wider one: `/a/b` after `/a`. */
export function warnCoveredPrefixes(
  rules: readonly { readonly match?: readonly HttpMatch[] }[],
  report: Report,
): void {
  const earlier: PrefixMatch[] = [];
  for (const [rule, { match: matches = [] }] of rules.entries())
    for (const [index, match] of matches.entries()) {
      const prefix = match.uri?.prefix ?? '';
      if (prefix === '') continue;
      const entry = { rule, index, match, prefix };
      const cover = earlier.find((other) => covers(other, entry));
      if (cover !== undefined)
        report.warn(
          [rule, 'match', index],
          `this match has no effect: rule ${cover.rule} matches the wider prefix ${cover.prefix}; move this rule up`,
        );
      earlier.push(entry);
    }
}

function covers(wide: PrefixMatch, narrow: PrefixMatch): boolean {
  const [a, b] = [wide.match, narrow.match];
  return (
    narrow.prefix !== wide.prefix &&
    narrow.prefix.startsWith(wide.prefix) &&
    (a.port ?? 0) === (b.port ?? 0) &&
    covered(a.method ?? { exact: 'GET' }, b.method ?? { exact: 'GET' }) &&
    covered(a.authority, b.authority) &&
    allCovered(a.headers, b.headers) &&
    allCovered(a.queryParams, b.queryParams) &&
    allCovered(a.withoutHeaders, b.withoutHeaders)
  );
}

function allCovered(
  wide: Readonly<Record<string, StringMatch>> = {},
  narrow: Readonly<Record<string, StringMatch>> = {},
): boolean {
  const names = Object.keys(wide);
  if (names.length !== Object.keys(narrow).length) return false;
  return names.every((name) => narrow[name] !== undefined && covered(wide[name], narrow[name]));
}

/** Deliberately as coarse as Istio's analysis, so that both warn of the same rules. */
function covered(wide: StringMatch | undefined, narrow: StringMatch | undefined): boolean {
  return matchText(wide).startsWith(matchText(narrow));
}

function matchText(match: StringMatch | undefined): string {
  if (match?.exact) return `exact:${match.exact}`;
  return match?.prefix ? `prefix:${match.prefix}` : '';
}
