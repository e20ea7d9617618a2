import type { HttpMatch, HttpRule } from '../../../mesh/route.ts';
import { type Age, compareAge } from '../../../mesh/service.ts';

/** A rule with a single match, and the route that it is of. */
export interface RankedRule {
  readonly rule: HttpRule;
  readonly match: HttpMatch;
  readonly age: Age;
}

/**
 * Which of two rules is asked first (HTTPRouteRule.matches): an exact path, the longest prefix, a method, the most
 * headers, the most query parameters; then the older route. Rules of one route stay in their order, as sorting is
 * stable. Regular expressions, about which the API says nothing, come after prefixes, but before `/`, which takes all.
 */
export function comparePrecedence(a: RankedRule, b: RankedRule): number {
  const x = ranks(a.match);
  const y = ranks(b.match);
  for (const [i, rank] of x.entries()) {
    const difference = (y[i] ?? 0) - rank;
    if (difference !== 0) return difference;
  }
  return compareAge(a.age, b.age);
}

function ranks({ path, method, headers, query }: HttpMatch): readonly number[] {
  return [...pathRanks(path), method === undefined ? 0 : 1, headers.length, query.length];
}

function pathRanks(path: HttpMatch['path']): readonly [kind: number, length: number] {
  if (path === undefined || path.type === 'present') return [0, 1];
  if (path.type === 'regex') return [1, path.value.length];
  if (path.type === 'exact') return [3, path.value.length];
  return path.value === '/' ? [0, 1] : [2, path.value.replace(/\/$/, '').length];
}
