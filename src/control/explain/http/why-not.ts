import { type PeerFacts, pathOnly } from '../../../xds/match/facts.ts';
import { queryParameter } from '../../../xds/match/query.ts';
import { compileRouteMatch } from '../../../xds/match/route-match.ts';
import type { HeaderMatcher, RouteMatch, StringMatcher } from '../../../xds/resources.ts';
import { factsOf, type Request } from './request.ts';

/** What a route takes, in words. */
export function matchText(match: RouteMatch): string {
  const { headers = [], query_parameters = [], grpc, runtime_fraction } = match;
  const parts = [
    pathText(match),
    ...headers.map(headerText),
    ...query_parameters.map((query) => `query parameter ${query.name} ${stringText(query.string_match)}`),
    ...(grpc === undefined ? [] : ['gRPC']),
    ...(runtime_fraction === undefined ? [] : ['a share of requests']),
  ];
  return parts.join(', ');
}

/** The first criterion of a route's match that a request fails, with what the request has. */
export function whyNot(match: RouteMatch, request: Request, peer: PeerFacts): string {
  const { headers = [], query_parameters = [], ...rest } = match;
  const { prefix, path, safe_regex, path_separated_prefix, connect_matcher, case_sensitive } = rest;
  const onlyPath = { prefix, path, safe_regex, path_separated_prefix, connect_matcher, case_sensitive };
  if (!holds(withoutUndefined(onlyPath), request, peer))
    return `takes ${pathText(match)}; the path is ${pathOnly(request.path)}`;
  for (const header of headers)
    if (!holds({ prefix: '', headers: [header] }, request, peer))
      return `takes ${headerText(header)}; ${valueText(header.name ?? '', request)}`;
  for (const query of query_parameters)
    if (!holds({ prefix: '', query_parameters: [query] }, request, peer)) {
      const value = queryParameter(request.path, query.name ?? '');
      return `takes query parameter ${query.name} ${stringText(query.string_match)}; it is ${value === undefined ? 'absent' : `"${value}"`}`;
    }
  if (match.grpc !== undefined) return 'takes gRPC; this is none';
  return 'takes another share of the requests';
}

function holds(match: RouteMatch, request: Request, peer: PeerFacts): boolean {
  const compiled = compileRouteMatch(match, () => {}, '');
  return compiled.matches(factsOf(request), pathOnly(request.path), peer, 0);
}

function withoutUndefined(
  match: { readonly [K in keyof RouteMatch]: RouteMatch[K] | undefined },
): RouteMatch {
  return Object.fromEntries(Object.entries(match).filter(([, value]) => value !== undefined));
}

function pathText({
  prefix,
  path,
  safe_regex,
  path_separated_prefix,
  connect_matcher,
  ...rest
}: RouteMatch): string {
  const caseless = rest.case_sensitive === false ? ' in any case' : '';
  if (prefix !== undefined) return prefix === '/' ? 'any path' : `paths that begin with ${prefix}${caseless}`;
  if (path !== undefined) return `the path ${path}${caseless}`;
  if (path_separated_prefix !== undefined) return `${path_separated_prefix} and paths below it`;
  if (safe_regex !== undefined) return `paths like ${safe_regex.regex}`;
  return connect_matcher === undefined ? 'no path' : 'CONNECT';
}

function headerText(matcher: HeaderMatcher): string {
  const { name = '', invert_match = false, present_match, string_match, range_match } = matcher;
  const not = invert_match ? 'not ' : '';
  const what = NAMES[name] ?? `header ${name}`;
  if (
    present_match !== undefined ||
    (string_match === undefined && range_match === undefined && isBare(matcher))
  )
    return `${what} ${(present_match ?? true) === invert_match ? 'absent' : 'present'}`;
  if (range_match !== undefined)
    return `${what} ${not}from ${range_match.start ?? 0} up to ${range_match.end ?? 0}`;
  return `${what} ${not}${stringText(string_match ?? olderForms(matcher))}`;
}

const NAMES: Readonly<Record<string, string>> = {
  ':method': 'method',
  ':authority': 'host',
  ':scheme': 'scheme',
  ':path': 'path',
};

function isBare(matcher: HeaderMatcher): boolean {
  return Object.keys(olderForms(matcher)).length === 0;
}

function olderForms(matcher: HeaderMatcher): StringMatcher {
  const { exact_match, prefix_match, suffix_match, contains_match, safe_regex_match } = matcher;
  return {
    ...(exact_match === undefined ? {} : { exact: exact_match }),
    ...(prefix_match === undefined ? {} : { prefix: prefix_match }),
    ...(suffix_match === undefined ? {} : { suffix: suffix_match }),
    ...(contains_match === undefined ? {} : { contains: contains_match }),
    ...(safe_regex_match === undefined ? {} : { safe_regex: safe_regex_match }),
  };
}

function stringText(matcher: StringMatcher | undefined): string {
  const { exact, prefix, suffix, contains, safe_regex, ignore_case = false } = matcher ?? {};
  const caseless = ignore_case ? ' in any case' : '';
  if (exact !== undefined) return `"${exact}"${caseless}`;
  if (prefix !== undefined)
    return prefix === '' ? 'with any value' : `that begins with "${prefix}"${caseless}`;
  if (suffix !== undefined) return `that ends in "${suffix}"${caseless}`;
  if (contains !== undefined) return `with "${contains}" in it${caseless}`;
  return safe_regex === undefined ? 'present' : `like ${safe_regex.regex}`;
}

function valueText(name: string, request: Request): string {
  const plain = name.toLowerCase();
  const pseudo: Readonly<Record<string, string>> = {
    ':method': request.method,
    ':authority': request.authority,
    host: request.authority,
    ':scheme': request.scheme,
    ':path': request.path,
  };
  const value = pseudo[plain] ?? factsOf(request).header(plain);
  return value === undefined ? 'it is absent' : `it is "${value}"`;
}
