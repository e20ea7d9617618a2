import type { RouteMatch } from '../resources.ts';
import { type PeerFacts, pathOnly, type RequestFacts } from './facts.ts';
import { isInShare, perMillion } from './fraction.ts';
import { compileHeaderMatchers } from './header-matcher.ts';
import { compileMetadataMatcher } from './metadata-matcher.ts';
import { compileQueryMatcher } from './query.ts';
import { fieldIn, type Refuse, refuseRest } from './refuse.ts';
import { compileRegex } from './regex.ts';
import { readMatchPolicy, type UriTemplate } from './uri-template.ts';

/** How the path was matched: what a prefix rewrite replaces. */
export type PathRule =
  | {
      readonly kind: 'prefix' | 'path' | 'path-separated-prefix';
      readonly text: string;
      readonly caseSensitive: boolean;
    }
  | { readonly kind: 'regex' | 'connect' }
  | { readonly kind: 'template'; readonly template: UriTemplate };

/** A RouteMatch as a function. */
export interface CompiledRouteMatch {
  readonly path: PathRule;
  /** `path` is the request's path without query, `draw` a whole number below 2^32 drawn once per request. */
  matches(request: RequestFacts, path: string, peer: PeerFacts, draw: number): boolean;
}

type Criterion = (request: RequestFacts, peer: PeerFacts, draw: number) => boolean;

/** config.route.v3.RouteMatch: the path first, because it decides most often; then everything else, all of it. */
export function compileRouteMatch(match: RouteMatch, refuse: Refuse, field: string): CompiledRouteMatch {
  const {
    prefix,
    path,
    safe_regex,
    path_separated_prefix,
    connect_matcher,
    path_match_policy,
    case_sensitive = true,
    ...more
  } = match;
  const rule =
    path_match_policy === undefined
      ? pathRule({ prefix, path, safe_regex, path_separated_prefix, connect_matcher }, case_sensitive)
      : templateRule(path_match_policy, refuse, fieldIn(field, 'path_match_policy'));
  if (rule === undefined) refuse(field, 'says nothing of the path');
  const test =
    safe_regex === undefined
      ? pathTest(rule ?? { kind: 'connect' })
      : compileRegex(safe_regex, refuse, fieldIn(field, 'safe_regex'));
  const criteria = compileCriteria(more, refuse, field);
  const isConnect = rule?.kind === 'connect';
  if (isConnect) criteria.unshift((request) => request.method === 'CONNECT');
  if (criteria.length === 0)
    return { path: rule ?? { kind: 'connect' }, matches: (_, onlyPath) => test(onlyPath) };
  return {
    path: rule ?? { kind: 'connect' },
    matches: (request, onlyPath, peer, draw) =>
      test(onlyPath) && criteria.every((criterion) => criterion(request, peer, draw)),
  };
}

type PathFields = Pick<
  RouteMatch,
  'prefix' | 'path' | 'safe_regex' | 'path_separated_prefix' | 'connect_matcher'
>;

function pathRule(
  fields: { [K in keyof PathFields]: PathFields[K] | undefined },
  caseSensitive: boolean,
): PathRule | undefined {
  if (fields.prefix !== undefined) return { kind: 'prefix', text: fields.prefix, caseSensitive };
  if (fields.path !== undefined) return { kind: 'path', text: fields.path, caseSensitive };
  if (fields.path_separated_prefix !== undefined)
    return { kind: 'path-separated-prefix', text: fields.path_separated_prefix, caseSensitive };
  if (fields.safe_regex !== undefined) return { kind: 'regex' };
  return fields.connect_matcher === undefined ? undefined : { kind: 'connect' };
}

function templateRule(
  { typed_config }: NonNullable<RouteMatch['path_match_policy']>,
  refuse: Refuse,
  field: string,
): PathRule {
  return {
    kind: 'template',
    template: readMatchPolicy(typed_config, refuse, fieldIn(field, 'typed_config')),
  };
}

function pathTest(rule: PathRule): (path: string) => boolean {
  if (rule.kind === 'template') return (path) => rule.template.regex.testExact(path);
  if (!('text' in rule)) return () => true;
  const text = rule.caseSensitive ? rule.text : rule.text.toLowerCase();
  const test =
    rule.kind === 'path'
      ? (path: string) => path === text
      : rule.kind === 'prefix'
        ? (path: string) => path.startsWith(text)
        : (path: string) =>
            path.startsWith(text) && (path.length === text.length || path[text.length] === '/');
  return rule.caseSensitive ? test : (path) => test(path.toLowerCase());
}

function compileCriteria(
  match: Omit<RouteMatch, keyof PathFields | 'case_sensitive' | 'path_match_policy'>,
  refuse: Refuse,
  field: string,
): Criterion[] {
  const { headers, query_parameters, grpc, runtime_fraction, tls_context, dynamic_metadata, ...rest } = match;
  refuseRest(refuse, field, rest);
  const criteria: Criterion[] = [];
  if (grpc !== undefined) criteria.push(isGrpc);
  criteria.push(...compileHeaderMatchers(headers, refuse, fieldIn(field, 'headers')));
  for (const [i, query] of (query_parameters ?? []).entries()) {
    const test = compileQueryMatcher(query, refuse, fieldIn(field, `query_parameters[${i}]`));
    criteria.push((request) => test(request.path));
  }
  for (const [i, metadata] of (dynamic_metadata ?? []).entries()) {
    const test = compileMetadataMatcher(metadata, refuse, fieldIn(field, `dynamic_metadata[${i}]`));
    criteria.push((_, peer) => test((filter) => peer.metadata(filter)));
  }
  if (tls_context !== undefined) criteria.push(tlsCriterion(tls_context));
  if (runtime_fraction?.default_value !== undefined) {
    const share = perMillion(runtime_fraction.default_value);
    criteria.push((_request, _peer, draw) => isInShare(share, draw));
  }
  return criteria;
}

/** A certificate may be shown that nobody holds against anything, or that failed where failing is allowed. */
function tlsCriterion({ presented, validated }: NonNullable<RouteMatch['tls_context']>): Criterion {
  return (_, peer) =>
    (presented === undefined || presented === peer.presented) &&
    (validated === undefined || validated === peer.validated);
}

const isGrpc: Criterion = (request) =>
  /^application\/grpc(?:\+|$)/.test(request.header('content-type') ?? '');

/** The first match of a list, for a request. */
export function firstMatch<T extends { readonly match: CompiledRouteMatch }>(
  routes: readonly T[],
  request: RequestFacts,
  peer: PeerFacts,
  draw: number,
): T | undefined {
  const path = pathOnly(request.path);
  for (const route of routes) if (route.match.matches(request, path, peer, draw)) return route;
  return undefined;
}
