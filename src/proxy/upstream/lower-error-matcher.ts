import { getHeader, type Headers } from '../../wire/headers.ts';
import type { RequestFacts } from '../../xds/match/facts.ts';
import { compileHeaderMatchers } from '../../xds/match/header-matcher.ts';
import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { MatchPredicate } from '../../xds/resources.ts';

/** An answer as outlier detection sees it. */
export interface JudgedResponse {
  readonly status: number;
  readonly headers?: Headers;
}

export type ResponseTest = (response: JudgedResponse) => boolean;

/** config.common.matcher.v3.MatchPredicate about the heads of answers; what asks for more is refused. */
export function readErrorMatcher(message: MatchPredicate, refuse: Refuse, field: string): ResponseTest {
  const { or_match, and_match, not_match, any_match, http_response_headers_match, ...rest } = message;
  refuseRest(refuse, field, rest);
  const all = (rules: readonly MatchPredicate[] | undefined, name: string): ResponseTest[] =>
    (rules ?? []).map((rule, i) => readErrorMatcher(rule, refuse, fieldIn(field, `${name}.rules[${i}]`)));
  if (or_match !== undefined) {
    const tests = all(or_match.rules, 'or_match');
    return (response) => tests.some((test) => test(response));
  }
  if (and_match !== undefined) {
    const tests = all(and_match.rules, 'and_match');
    return (response) => tests.every((test) => test(response));
  }
  if (not_match !== undefined) {
    const test = readErrorMatcher(not_match, refuse, fieldIn(field, 'not_match'));
    return (response) => !test(response);
  }
  const { headers, ...others } = http_response_headers_match ?? {};
  refuseRest(refuse, fieldIn(field, 'http_response_headers_match'), others);
  if (http_response_headers_match === undefined) return () => any_match === true;
  const tests = compileHeaderMatchers(headers, refuse, fieldIn(field, 'http_response_headers_match.headers'));
  return (response) => {
    const facts = factsOf(response);
    return tests.every((test) => test(facts));
  };
}

function factsOf({ status, headers }: JudgedResponse): RequestFacts {
  const header = (name: string): string | undefined => {
    if (name === ':status') return String(status);
    return headers === undefined ? undefined : getHeader(headers, name);
  };
  return { method: '', path: '', authority: '', scheme: '', header };
}
