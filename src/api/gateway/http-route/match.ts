import { regexProblem } from '../../check/regex.ts';
import type { Report } from '../../report.ts';
import { type Infer, list, message, oneOf, text } from '../../schema.ts';
import { checkLimits } from '../shared/limits.ts';
import { gatewayHeaderProblem, longValueProblem } from '../shared/names.ts';

const valueMatch = message({ name: text, value: text }, { type: oneOf('Exact', 'RegularExpression') });
type ValueMatch = Infer<typeof valueMatch>;
export const headerMatches = list(valueMatch);

/** Conditions on a request; all that are set must hold. Default path: prefix `/`. */
export const httpRouteMatch = message(
  {},
  {
    path: message({}, { type: oneOf('Exact', 'PathPrefix', 'RegularExpression'), value: text }),
    headers: headerMatches,
    queryParams: list(valueMatch),
    method: oneOf('GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH'),
  },
);
export type HttpRouteMatch = Infer<typeof httpRouteMatch>;

/** Path, headers and query parameters. */
export function checkHttpRouteMatch(match: HttpRouteMatch, report: Report): void {
  const problem = match.path === undefined ? undefined : pathProblem(match.path);
  if (problem !== undefined) report.error(['path', 'value'], problem);
  checkLimits(match, ['headers', 'queryParams'], report);
  checkValueMatches(match.headers, report.at('headers'), (name) => name.toLowerCase());
  checkValueMatches(match.queryParams, report.at('queryParams'), (name) => name);
}

/** Each name once, with a value that can be matched. */
export function checkValueMatches(
  matches: readonly ValueMatch[] | undefined,
  report: Report,
  sameAs: (name: string) => string,
): void {
  const seen = new Set<string>();
  for (const [i, { name, value, type = 'Exact' }] of (matches ?? []).entries()) {
    const key = sameAs(name);
    const nameProblem = seen.has(key)
      ? `"${name}" is already matched above; only the first counts`
      : gatewayHeaderProblem(name);
    if (nameProblem !== undefined) report.error([i, 'name'], nameProblem);
    seen.add(key);
    if (value === '') report.error([i, 'value'], 'value is empty; write the text to match');
    const garbled = type === 'RegularExpression' && value !== '' ? regexProblem(value) : undefined;
    const problem = longValueProblem(value) ?? garbled;
    if (problem !== undefined) report.error([i, 'value'], problem);
  }
}

const MAX_PATH_LENGTH = 1024;
const PATH = /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$/;

function pathProblem(path: NonNullable<HttpRouteMatch['path']>): string | undefined {
  const { type = 'PathPrefix', value = '/' } = path;
  if (value.length > MAX_PATH_LENGTH) return `the path is longer than ${MAX_PATH_LENGTH} characters`;
  if (type === 'RegularExpression') return regexProblem(value);
  if (!value.startsWith('/')) return `"${value}" does not begin with "/"`;
  if (!PATH.test(value)) return `"${value}" holds a character that a path cannot have; percent-encode it`;
  if (/%2f/i.test(value)) return `"${value}": an encoded slash cannot be matched`;
  if (value.includes('//') || /\/\.\.?(?:\/|$)/.test(value))
    return `"${value}" never occurs: proxies tidy up "//", "/./" and "/../" before matching`;
  return undefined;
}
