import type { config_route_v3_QueryParameterMatcher } from '../gen/types.ts';
import { fieldIn, type Refuse, refuseRest } from './refuse.ts';
import { compileStringMatcher } from './string-matcher.ts';

/** The first value of a query parameter as it stands in the path, not decoded; '' for `?name`; undefined if absent. */
export function queryParameter(path: string, name: string): string | undefined {
  const start = path.indexOf('?');
  if (start < 0) return undefined;
  const hash = path.indexOf('#', start);
  for (const part of path.slice(start + 1, hash < 0 ? path.length : hash).split('&')) {
    const equals = part.indexOf('=');
    if ((equals < 0 ? part : part.slice(0, equals)) === name) return equals < 0 ? '' : part.slice(equals + 1);
  }
  return undefined;
}

/** config.route.v3.QueryParameterMatcher as a function of the path with its query. */
export function compileQueryMatcher(
  matcher: config_route_v3_QueryParameterMatcher,
  refuse: Refuse,
  field: string,
): (path: string) => boolean {
  const { name = '', string_match, present_match = true, ...rest } = matcher;
  refuseRest(refuse, field, rest);
  if (name === '') refuse(fieldIn(field, 'name'), 'is missing');
  if (string_match === undefined)
    return (path) => (queryParameter(path, name) !== undefined) === present_match;
  const test = compileStringMatcher(string_match, refuse, fieldIn(field, 'string_match'));
  return (path) => {
    const value = queryParameter(path, name);
    return value !== undefined && test(value);
  };
}
