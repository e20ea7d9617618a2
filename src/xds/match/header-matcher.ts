import type { HeaderMatcher } from '../resources.ts';
import { headerGetter, headerTester, pseudoHeaderGetter, type RequestFacts } from './facts.ts';
import { fieldIn, type Refuse, refuseRest } from './refuse.ts';
import { compileRegex } from './regex.ts';
import { compileStringMatcher, type StringTest } from './string-matcher.ts';

/**
 * config.route.v3.HeaderMatcher as a function. Of several lines of a header one has to pass. An absent header fails
 * every comparison, an inverted one too, unless it counts as empty: `invert_match` says "present, with another value".
 */
export function compileHeaderMatcher(
  matcher: HeaderMatcher,
  refuse: Refuse,
  field: string,
): (request: RequestFacts) => boolean {
  const { name = '', invert_match = false, treat_missing_header_as_empty = false, ...criterion } = matcher;
  if (name === '') refuse(fieldIn(field, 'name'), 'is missing');
  const { present_match, ...comparison } = criterion;
  const test = compileComparison(comparison, refuse, field);
  if (test === undefined || present_match !== undefined) {
    const get = headerGetter(name);
    const wanted = (present_match ?? true) !== invert_match;
    return (request) => (treat_missing_header_as_empty || get(request) !== undefined) === wanted;
  }
  const lowerName = name.toLowerCase();
  const get = pseudoHeaderGetter(lowerName);
  if (get !== undefined) return (request) => test(get(request)) !== invert_match;
  const tester = headerTester(lowerName, test);
  const ifAbsent = treat_missing_header_as_empty && test('') !== invert_match;
  return (request) => {
    const passes = tester(request);
    return passes === undefined ? ifAbsent : passes !== invert_match;
  };
}

/** All of them must hold. */
export function compileHeaderMatchers(
  matchers: readonly HeaderMatcher[] | undefined,
  refuse: Refuse,
  field: string,
): ((request: RequestFacts) => boolean)[] {
  return (matchers ?? []).map((matcher, i) => compileHeaderMatcher(matcher, refuse, `${field}[${i}]`));
}

function compileComparison(
  comparison: Omit<
    HeaderMatcher,
    'name' | 'invert_match' | 'present_match' | 'treat_missing_header_as_empty'
  >,
  refuse: Refuse,
  field: string,
): StringTest | undefined {
  const { exact_match, safe_regex_match, range_match, prefix_match, suffix_match, contains_match, ...more } =
    comparison;
  const { string_match, ...rest } = more;
  refuseRest(refuse, field, rest);
  if (string_match !== undefined)
    return compileStringMatcher(string_match, refuse, fieldIn(field, 'string_match'));
  if (exact_match !== undefined) return exact_match === '' ? () => true : (value) => value === exact_match;
  if (safe_regex_match !== undefined)
    return compileRegex(safe_regex_match, refuse, fieldIn(field, 'safe_regex_match'));
  if (prefix_match !== undefined) return (value) => value.startsWith(prefix_match);
  if (suffix_match !== undefined) return (value) => value.endsWith(suffix_match);
  if (contains_match !== undefined) return (value) => value.includes(contains_match);
  return range_match === undefined ? undefined : inRange(range_match.start ?? 0, range_match.end ?? 0);
}

/** A decimal whole number from `start` up to and without `end`. */
function inRange(start: number, end: number): StringTest {
  return (value) => {
    if (!/^[+-]?\d{1,19}$/.test(value)) return false;
    const number = Number(value);
    return number >= start && number < end;
  };
}
