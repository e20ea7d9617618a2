import type { StringMatcher } from '../resources.ts';
import { fieldIn, type Refuse, refuseRest } from './refuse.ts';
import { compileRegex } from './regex.ts';

export type StringTest = (value: string) => boolean;

/** type.matcher.v3.StringMatcher as a function. `ignore_case` does not reach into regular expressions, as in Envoy. */
export function compileStringMatcher(matcher: StringMatcher, refuse: Refuse, field: string): StringTest {
  const { exact, prefix, suffix, contains, safe_regex, ignore_case = false, ...rest } = matcher;
  refuseRest(refuse, field, rest);
  if (safe_regex !== undefined) return compileRegex(safe_regex, refuse, fieldIn(field, 'safe_regex'));
  const fold = (text: string): string => (ignore_case ? text.toLowerCase() : text);
  if (exact !== undefined) return foldValue(ignore_case, equalTo(fold(exact)));
  if (prefix !== undefined) return foldValue(ignore_case, startsWith(fold(prefix)));
  if (suffix !== undefined) return foldValue(ignore_case, endsWith(fold(suffix)));
  if (contains !== undefined) return foldValue(ignore_case, includes(fold(contains)));
  refuse(field, 'says nothing of what to match');
  return () => false;
}

const equalTo =
  (text: string): StringTest =>
  (value) =>
    value === text;
const startsWith =
  (text: string): StringTest =>
  (value) =>
    value.startsWith(text);
const endsWith =
  (text: string): StringTest =>
  (value) =>
    value.endsWith(text);
const includes =
  (text: string): StringTest =>
  (value) =>
    value.includes(text);

function foldValue(ignoreCase: boolean, test: StringTest): StringTest {
  return ignoreCase ? (value) => test(value.toLowerCase()) : test;
}
