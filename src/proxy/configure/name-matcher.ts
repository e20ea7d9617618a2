import { RE2JS } from 're2js';
import type { StringMatcher } from '../../xds/tls-types.ts';
import { type Refuse, refuseRest } from './data-source.ts';

/** A StringMatcher (type.matcher.v3) as a function; regular expressions run in linear time. */
export function nameMatcher(
  matcher: StringMatcher,
  field: string,
  refuse: Refuse,
): (name: string) => boolean {
  const { exact, prefix, suffix, contains, safe_regex, ignore_case, ...rest } = matcher;
  refuseRest(rest, field, refuse);
  const fold = (text: string): string => (ignore_case === true ? text.toLowerCase() : text);
  if (exact !== undefined) return (name) => fold(name) === fold(exact);
  if (prefix !== undefined) return (name) => fold(name).startsWith(fold(prefix));
  if (suffix !== undefined) return (name) => fold(name).endsWith(fold(suffix));
  if (contains !== undefined) return (name) => fold(name).includes(fold(contains));
  try {
    const pattern = RE2JS.compile(safe_regex?.regex ?? '');
    return (name) => pattern.matches(name);
  } catch (error) {
    refuse(`${field}.safe_regex`, (error as Error).message);
    return () => false;
  }
}
