import { formatProtoDuration } from '../../../lib/duration.ts';
import type {
  Destination,
  Forward,
  HttpMatch,
  HttpRule,
  Mirror,
  Retries,
  WeightedDestination,
} from '../../../mesh/route.ts';
import type { Session } from '../../../mesh/session.ts';
import { parseClusterName } from '../../../xds/names.ts';
import type { Route, RouteAction, RouteMatch, WeightedCluster } from '../../../xds/resources.ts';
import { configPath } from '../cluster/metadata.ts';
import { directResponse, redirect, regexRewrite } from './answers.ts';
import { destinationCluster, type FindService } from './destination-cluster.ts';
import { type FindHash, hashPolicies } from './hash-policy.ts';
import { authorityOf, headerFields } from './headers.ts';
import { routeMatch } from './match.ts';
import { fraction, perFilterConfig, sessionConfig } from './per-filter.ts';
import { retryPolicy } from './retry.ts';

/** What a rule needs to know to become a route. */
export interface RouteContext {
  /** The port that was called. */
  readonly port: number;
  /** The client speaks TLS to this proxy. */
  readonly tls: boolean;
  /** Name of the object that the rule is in, for names of traces. */
  readonly owner: string;
  readonly retries: Retries;
  /** A host that is rewritten stays known as X-Forwarded-Host. */
  readonly keepsHost: boolean;
  readonly find: FindService;
  readonly hash: FindHash;
  /** Sessions that a destination asks for. */
  readonly session: (destination: Destination) => Session | undefined;
}

/** One rule with one of its matches (undefined: it has none, and takes everything). */
export function httpRoute(written: HttpRule, match: HttpMatch | undefined, context: RouteContext): Route {
  const matched = routeMatch(match);
  const rule = guarded(written, context);
  const { action } = rule;
  const single =
    action.type === 'forward' && action.destinations.length === 1 ? action.destinations[0] : undefined;
  const forwarded = action.type === 'forward' ? forward(rule, action, context) : undefined;
  return {
    ...named(match === undefined || match.name === '' ? rule.name : `${rule.name}.${match.name}`),
    match: matched,
    ...(match?.statPrefix === undefined ? {} : { stat_prefix: match.statPrefix }),
    ...(forwarded === undefined ? {} : { route: forwarded }),
    ...(action.type === 'redirect' ? { redirect: redirect(action, context) } : {}),
    ...(action.type === 'respond' ? { direct_response: directResponse(action) } : {}),
    // weft's own part says which rule of the object: with it a request can be asked why it went where it went.
    metadata: {
      filter_metadata: {
        istio: { config: configPath(rule.origin) },
        weft: { field: rule.origin.field ?? '' },
      },
    },
    decorator: { operation: operationName(matched, forwarded?.cluster, context) },
    ...perFilterConfig(rule, rule.session ?? (single && context.session(single.destination))),
    ...headerFields(rule.headers, single?.headers),
  };
}

/** A request about which somebody is to be asked who cannot be seen from here does not pass. */
function guarded(rule: HttpRule, { find }: RouteContext): HttpRule {
  const { authorizer, ...rest } = rule;
  if (authorizer === undefined || find(authorizer.service) !== undefined) return rule;
  return { ...rest, action: { type: 'respond', status: 500 } };
}

function named(name: string): Pick<Route, 'name'> {
  return name === '' ? {} : { name };
}

/** The route of a host about which no rule says anything. */
export function plainRoute(
  cluster: string,
  context: Pick<RouteContext, 'retries' | 'port'>,
  hash: RouteAction = {},
  session?: Session,
): Route {
  const policy = retryPolicy(context.retries, hash.hash_policy !== undefined);
  return {
    name: 'default',
    match: { prefix: '/' },
    route: {
      cluster,
      ...timeouts(undefined),
      ...(policy === undefined ? {} : { retry_policy: policy }),
      ...hash,
    },
    decorator: { operation: operationName({ prefix: '/' }, cluster, { owner: cluster, port: context.port }) },
    ...(session === undefined ? {} : sessionConfig(session)),
  };
}

/**
 * No timeout unless written; gRPC's own one (grpc-timeout) always counts. Beside `max_stream_duration` Envoy passes over
 * `timeout`, so a route that has one says the same in the older field.
 */
export function timeouts(timeoutMs: number | undefined): RouteAction {
  const timeout = formatProtoDuration(timeoutMs ?? 0);
  return (timeoutMs ?? 0) === 0
    ? { timeout, max_stream_duration: { max_stream_duration: timeout, grpc_timeout_header_max: timeout } }
    : { timeout, max_grpc_timeout: timeout };
}

function forward(rule: HttpRule, action: Forward, context: RouteContext): RouteAction {
  const authority = rule.rewrite?.authority ?? authorityOf(rule.headers);
  const hash_policy = hashPolicies(action.destinations, context.hash);
  const policy = retryPolicy(rule.retries ?? context.retries, hash_policy.length > 0);
  const hosts = [authority, ...action.destinations.map(({ headers }) => authorityOf(headers))];
  const rewritten = hosts.some((host) => host !== undefined);
  return {
    ...timeouts(rule.timeoutMs),
    ...destinations(rule, action.destinations, authority, context),
    ...(action.missingStatus === undefined
      ? {}
      : { cluster_not_found_response_code: MISSING[action.missingStatus] }),
    ...pathRewrite(rule),
    ...(context.keepsHost && rewritten ? { append_x_forwarded_host: true } : {}),
    ...(rule.mirrors.length === 0
      ? {}
      : { request_mirror_policies: rule.mirrors.map((mirror) => mirrorPolicy(mirror, context)) }),
    ...(policy === undefined ? {} : { retry_policy: policy }),
    ...(hash_policy.length === 0 ? {} : { hash_policy }),
  };
}

const MISSING = { 404: 'NOT_FOUND', 500: 'INTERNAL_SERVER_ERROR' } as const;

function destinations(
  rule: HttpRule,
  list: readonly WeightedDestination[],
  authority: string | undefined,
  context: RouteContext,
): RouteAction {
  const [only] = list;
  if (list.length === 1 && only !== undefined) {
    const host = authority ?? authorityOf(only.headers);
    const cluster = destinationCluster(only.destination, context.port, context.find);
    return { cluster, ...(host === undefined ? {} : { host_rewrite_literal: host }) };
  }
  const clusters = list
    .filter(({ weight }) => weight > 0)
    .map((entry) => weighted(entry, context, rule.session === undefined));
  return {
    weighted_clusters: { clusters },
    ...(authority === undefined ? {} : { host_rewrite_literal: authority }),
  };
}

function weighted(
  entry: WeightedDestination,
  context: RouteContext,
  ownSessions: boolean,
): NonNullable<WeightedCluster['clusters']>[number] {
  const session = ownSessions ? (entry.session ?? context.session(entry.destination)) : undefined;
  const host = authorityOf(entry.headers);
  return {
    name: destinationCluster(entry.destination, context.port, context.find),
    weight: entry.weight,
    ...headerFields(entry.headers),
    ...(session === undefined ? {} : sessionConfig(session)),
    ...(host === undefined ? {} : { host_rewrite_literal: host }),
  };
}

function pathRewrite({ rewrite }: HttpRule): RouteAction {
  if (rewrite?.pathRegex !== undefined) return { regex_rewrite: regexRewrite(rewrite.pathRegex) };
  return rewrite?.path === undefined ? {} : { prefix_rewrite: rewrite.path };
}

function mirrorPolicy({ destination, percent }: Mirror, context: RouteContext) {
  return {
    cluster: destinationCluster(destination, context.port, context.find),
    runtime_fraction: { default_value: fraction(percent) },
    trace_sampled: false,
    // Whoever gets a copy sees the host that the client named (Istio); Envoy would add "-shadow" to it.
    disable_shadow_host_suffix_append: true,
  };
}

/** What traces call a request: `HOST:PORT/PATH*`, with the rule's object where there are several hosts. */
function operationName(
  match: RouteMatch,
  cluster: string | undefined,
  context: Pick<RouteContext, 'owner' | 'port'>,
): string {
  const path =
    match.path ?? match.safe_regex?.regex ?? `${match.prefix ?? match.path_separated_prefix ?? '/'}*`;
  const name = parseClusterName(cluster ?? '');
  return name?.direction === 'outbound'
    ? `${name.hostname}:${name.port}${path}`
    : `${context.owner}:${context.port}${path}`;
}
