import type { ClaimMatch, HttpMatch, NamedMatch, TextMatch } from '../../../mesh/route.ts';
import type { HeaderMatcher, RouteMatch, StringMatcher, ValueMatcher } from '../../../xds/resources.ts';
import { claimValues, PAYLOAD, TOKENS } from '../security/claims.ts';

/** A match as Envoy has it; without a match every request. */
export function routeMatch(match: HttpMatch | undefined): RouteMatch {
  if (match === undefined) return { prefix: '/' };
  const headers = [...match.headers].sort(byName).map(headerMatcher);
  for (const [name, text] of [
    [':method', match.method],
    [':authority', match.authority],
    [':scheme', match.scheme],
  ] as const)
    if (text !== undefined) headers.push(headerMatcher({ name, match: text, invert: false }));
  return {
    ...pathSpecifier(match),
    ...(headers.length === 0 ? {} : { headers }),
    ...(match.claims.length === 0 ? {} : { dynamic_metadata: match.claims.map(claimMatcher) }),
    ...(match.query.length === 0 ? {} : { query_parameters: match.query.map(queryMatcher) }),
  };
}

/** Whether no request gets past a route with this match. */
export function isCatchAll(match: RouteMatch): boolean {
  const everyPath =
    match.prefix === '/' || match.path_separated_prefix === '/' || match.safe_regex?.regex === '.*';
  const more = match.headers ?? match.query_parameters ?? match.dynamic_metadata;
  return everyPath && more === undefined;
}

function byName(a: NamedMatch, b: NamedMatch): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : Number(a.invert) - Number(b.invert);
}

function pathSpecifier({ path }: HttpMatch): RouteMatch {
  if (path === undefined || path.type === 'present') return { prefix: '/' };
  const caseless = path.type !== 'segments' && path.ignoreCase === true ? { case_sensitive: false } : {};
  if (path.type === 'exact') return { path: path.value, ...caseless };
  if (path.type === 'prefix') return { prefix: path.value, ...caseless };
  if (path.type === 'segments') return { path_separated_prefix: path.value };
  // case_sensitive means nothing to Envoy's regular expressions; RE2 has a flag for it.
  return { safe_regex: { regex: path.ignoreCase === true ? `(?i)${path.value}` : path.value } };
}

/** A header that must not be so may as well be missing. */
function headerMatcher({ name, match, invert }: NamedMatch): HeaderMatcher {
  const inverted = invert ? { invert_match: true } : {};
  if (match.type === 'present') return { name, present_match: true, ...inverted };
  const missing = invert ? { treat_missing_header_as_empty: true } : {};
  return { name, string_match: stringMatcher(match), ...inverted, ...missing };
}

/** A claim is a text, or a list that has it. */
function claimMatcher({ path, match, invert }: ClaimMatch) {
  const value: ValueMatcher =
    match.type === 'present'
      ? { present_match: true }
      : { or_match: { value_matchers: claimValues(stringMatcher(match)) } };
  return {
    filter: TOKENS,
    path: [PAYLOAD, ...path].map((key) => ({ key })),
    value,
    ...(invert ? { invert: true } : {}),
  };
}

function queryMatcher({ name, match }: NamedMatch) {
  return match.type === 'present'
    ? { name, present_match: true }
    : { name, string_match: stringMatcher(match) };
}

/** A text match other than `present`, which has no form of its own. */
export function stringMatcher(match: TextMatch): StringMatcher {
  if (match.type === 'present') return { prefix: '' };
  const caseless = match.ignoreCase === true ? { ignore_case: true } : {};
  if (match.type === 'regex') return { safe_regex: { regex: match.value } };
  return match.type === 'exact' ? { exact: match.value, ...caseless } : { prefix: match.value, ...caseless };
}
