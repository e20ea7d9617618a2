import { compileSubstitution } from '../../../xds/match/regex.ts';
import type { PathRule } from '../../../xds/match/route-match.ts';
import type { RouteAction } from '../../../xds/resources.ts';

/** The path as a route or redirect rewrites it; the query stays. */
export function rewritePath(
  fields: { readonly [K in 'prefix_rewrite' | 'regex_rewrite']?: RouteAction[K] | undefined },
  rule: PathRule,
  path: string,
): string {
  const { prefix_rewrite, regex_rewrite } = fields;
  const end = path.search(/[?#]/);
  const only = end < 0 ? path : path.slice(0, end);
  const rest = end < 0 ? '' : path.slice(end);
  if (prefix_rewrite !== undefined && prefix_rewrite !== '')
    return replaced(prefix_rewrite, rule, only) + rest;
  return regex_rewrite === undefined ? path : compileSubstitution(regex_rewrite, () => {}, '')(only) + rest;
}

/** What matched is replaced: a prefix, or the whole path where the whole was compared. */
function replaced(replacement: string, rule: PathRule, path: string): string {
  if (rule.kind !== 'prefix' && rule.kind !== 'path-separated-prefix') return replacement;
  return replacement + path.slice(rule.text.length);
}
