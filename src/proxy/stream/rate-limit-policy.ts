import { cidrOf } from '../../lib/cidr.ts';
import { formatIpAddress, parseIpAddress } from '../../lib/ip-address.ts';
import type { PeerFacts, RequestFacts } from '../../xds/match/facts.ts';
import { headerGetter } from '../../xds/match/facts.ts';
import { compileHeaderMatchers } from '../../xds/match/header-matcher.ts';
import { compileQueryMatcher, queryParameter } from '../../xds/match/query.ts';
import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { Json, RouteAction } from '../../xds/resources.ts';

// config.route.v3.RateLimit: what a request is counted as. Read from routes and virtual hosts (and from the filters' own
// configurations for a route), asked by the filters ratelimit and local_ratelimit.

/** `{ key: 'remote_address', value: '10.0.0.1' }` */
export interface DescriptorEntry {
  readonly key: string;
  readonly value: string;
}

/** What a request is counted as, and the limit that it asks for in place of the service's. */
export interface Descriptor {
  readonly entries: readonly DescriptorEntry[];
  readonly limit?: { readonly requests_per_unit: number; readonly unit: string };
}

/** What actions look at. */
export interface CountedRequest {
  readonly request: RequestFacts;
  readonly peer: PeerFacts;
  readonly routeCluster: string;
}

/** One entry of `rate_limits`. */
export interface RateLimitPolicy {
  readonly stage: number;
  /** Undefined where an action finds nothing: the request is not counted by this one. */
  descriptor(request: CountedRequest, serviceCluster: string): Descriptor | undefined;
}

/** Those of a route and of its virtual host. */
export interface RateLimits {
  readonly route: readonly RateLimitPolicy[];
  readonly virtualHost: readonly RateLimitPolicy[];
  /** The route says that its virtual host's count beside its own. */
  readonly includesVirtualHost: boolean;
}

/** What a filter's configuration for a route says of the virtual host's policies. */
export type HostPolicies = 'OVERRIDE' | 'INCLUDE' | 'IGNORE';

/** The policies that a filter of this stage goes by; `own` are the filter's, in place of the route's. */
export function choosePolicies(
  limits: RateLimits | undefined,
  own: readonly RateLimitPolicy[],
  option: HostPolicies,
  stage: number,
): readonly RateLimitPolicy[] {
  const route = own.length > 0 ? own : (limits?.route ?? []);
  const host = limits?.virtualHost ?? [];
  const included = option === 'INCLUDE' || limits?.includesVirtualHost === true;
  const replaced = option === 'OVERRIDE' && route.length === 0;
  const chosen = included ? [...route, ...host] : replaced ? host : route;
  return chosen.filter((policy) => policy.stage === stage);
}

type Message = NonNullable<RouteAction['rate_limits']>[number];
type Action = NonNullable<Message['actions']>[number];
/** 'skip': no entry, and no harm done. */
type Test = (request: CountedRequest, serviceCluster: string) => DescriptorEntry | undefined | 'skip';
type Metadata = { readonly [filter: string]: { readonly [key: string]: Json } };

/** `rate_limits`; `metadata` is the route's, for actions that look there. */
export function readRateLimits(
  messages: readonly Message[] | undefined,
  metadata: Metadata,
  refuse: Refuse,
  field: string,
): readonly RateLimitPolicy[] {
  return (messages ?? []).map((message, i) =>
    readPolicy(message, metadata, refuse, fieldIn(field, `rate_limits[${i}]`)),
  );
}

function readPolicy(message: Message, metadata: Metadata, refuse: Refuse, field: string): RateLimitPolicy {
  // disable_key names a runtime switch; where there is no runtime it is on.
  const { stage = 0, disable_key: _key, actions = [], limit, ...rest } = message;
  refuseRest(refuse, field, rest);
  if (actions.length === 0) refuse(fieldIn(field, 'actions'), 'is empty');
  const tests = actions.map((action, i) =>
    readAction(action, metadata, refuse, fieldIn(field, `actions[${i}]`)),
  );
  const limitOf = limit && readLimit(limit, refuse, fieldIn(field, 'limit'));
  return {
    stage,
    descriptor(request, serviceCluster) {
      const entries: DescriptorEntry[] = [];
      for (const test of tests) {
        const entry = test(request, serviceCluster);
        if (entry === undefined) return undefined;
        if (entry !== 'skip') entries.push(entry);
      }
      // Every action may have been skipped.
      if (entries.length === 0) return undefined;
      const own = limitOf?.(request);
      return own === undefined ? { entries } : { entries, limit: own };
    },
  };
}

function readLimit(
  limit: NonNullable<Message['limit']>,
  refuse: Refuse,
  field: string,
): (request: CountedRequest) => Descriptor['limit'] {
  const { dynamic_metadata, ...rest } = limit;
  refuseRest(refuse, field, rest);
  const find = metadataFinder(dynamic_metadata?.metadata_key);
  return ({ peer }) => {
    const found = find((filter) => peer.metadata(filter)) as
      | { readonly requests_per_unit?: unknown; readonly unit?: unknown }
      | undefined;
    const { requests_per_unit: requests, unit } = found ?? {};
    if (typeof requests !== 'number' || typeof unit !== 'string') return undefined;
    return { requests_per_unit: requests, unit };
  };
}

function readAction(action: Action, metadata: Metadata, refuse: Refuse, field: string): Test {
  const { source_cluster, destination_cluster, remote_address, masked_remote_address, ...more } = action;
  if (source_cluster !== undefined)
    return (_, serviceCluster) => ({ key: 'source_cluster', value: serviceCluster });
  if (destination_cluster !== undefined)
    return ({ routeCluster }) => ({ key: 'destination_cluster', value: routeCluster });
  if (remote_address !== undefined)
    return ({ peer }) =>
      peer.remoteAddress === '' ? undefined : { key: 'remote_address', value: peer.remoteAddress };
  if (masked_remote_address !== undefined) return maskedAddress(masked_remote_address, refuse, field);
  return readRequestAction(more, metadata, refuse, field);
}

function maskedAddress(
  message: NonNullable<Action['masked_remote_address']>,
  refuse: Refuse,
  field: string,
): Test {
  const { v4_prefix_mask_len = 32, v6_prefix_mask_len = 128, ...rest } = message;
  refuseRest(refuse, fieldIn(field, 'masked_remote_address'), rest);
  return ({ peer }) => {
    const bytes = parseIpAddress(peer.remoteAddress);
    if (bytes === undefined) return undefined;
    const cidr = cidrOf(bytes, bytes.length === 4 ? v4_prefix_mask_len : v6_prefix_mask_len);
    if (cidr === undefined) return undefined;
    const value = `${formatIpAddress(cidr.network)}/${cidr.prefixLength}`;
    return { key: 'masked_remote_address', value };
  };
}

type RequestAction = Omit<
  Action,
  'source_cluster' | 'destination_cluster' | 'remote_address' | 'masked_remote_address'
>;

function readRequestAction(action: RequestAction, metadata: Metadata, refuse: Refuse, field: string): Test {
  const { generic_key, request_headers, ...more } = action;
  const { query_parameters, ...others } = more as typeof more & { readonly query_parameters?: QueryAction };
  if (generic_key !== undefined) {
    const { descriptor_key, descriptor_value = '', ...rest } = generic_key;
    refuseRest(refuse, fieldIn(field, 'generic_key'), rest);
    const entry = { key: descriptor_key || 'generic_key', value: descriptor_value };
    return () => entry;
  }
  if (request_headers !== undefined) {
    const { header_name = '', descriptor_key: key = '', skip_if_absent, ...rest } = request_headers;
    refuseRest(refuse, fieldIn(field, 'request_headers'), rest);
    const get = headerGetter(header_name);
    return ({ request }) => entryOr(key, get(request), skip_if_absent);
  }
  if (query_parameters !== undefined) {
    const { query_parameter_name = '', descriptor_key: key = '', skip_if_absent, ...rest } = query_parameters;
    refuseRest(refuse, fieldIn(field, 'query_parameters'), rest);
    return ({ request }) => entryOr(key, queryParameter(request.path, query_parameter_name), skip_if_absent);
  }
  return readMatchAction(others, metadata, refuse, field);
}

/** Newer than the generated types. */
interface QueryAction {
  readonly query_parameter_name?: string;
  readonly descriptor_key?: string;
  readonly skip_if_absent?: boolean;
}

function entryOr(
  key: string,
  value: string | undefined,
  skips: boolean | undefined,
): DescriptorEntry | undefined | 'skip' {
  if (value !== undefined) return { key, value };
  return skips === true ? 'skip' : undefined;
}

function readMatchAction(
  action: Omit<RequestAction, 'generic_key' | 'request_headers'>,
  metadata: Metadata,
  refuse: Refuse,
  field: string,
): Test {
  const { header_value_match, query_parameter_value_match, ...more } = action;
  if (header_value_match !== undefined) {
    const { descriptor_key, descriptor_value: value = '', expect_match = true, ...most } = header_value_match;
    const { headers, ...rest } = most;
    const place = fieldIn(field, 'header_value_match');
    refuseRest(refuse, place, rest);
    const tests = compileHeaderMatchers(headers, refuse, fieldIn(place, 'headers'));
    const entry = { key: descriptor_key || 'header_match', value };
    return ({ request }) => (tests.every((test) => test(request)) === expect_match ? entry : undefined);
  }
  if (query_parameter_value_match !== undefined) {
    const {
      descriptor_key,
      descriptor_value: value = '',
      expect_match = true,
      ...most
    } = query_parameter_value_match;
    const { query_parameters = [], ...rest } = most;
    const place = fieldIn(field, 'query_parameter_value_match');
    refuseRest(refuse, place, rest);
    const tests = query_parameters.map((one, i) =>
      compileQueryMatcher(one, refuse, fieldIn(place, `query_parameters[${i}]`)),
    );
    const entry = { key: descriptor_key || 'query_match', value };
    return ({ request }) => (tests.every((test) => test(request.path)) === expect_match ? entry : undefined);
  }
  return readMetadataAction(more, metadata, refuse, field);
}

function readMetadataAction(
  { metadata, dynamic_metadata, ...rest }: Pick<Action, 'metadata' | 'dynamic_metadata' | 'extension'>,
  routeMetadata: Metadata,
  refuse: Refuse,
  field: string,
): Test {
  refuseRest(refuse, field, rest);
  const message: NonNullable<Action['metadata']> | undefined = metadata ?? dynamic_metadata;
  if (message === undefined) {
    refuse(field, 'is of no kind that is supported by this proxy');
    return () => undefined;
  }
  const { descriptor_key: key = '', metadata_key, default_value = '', source = 'DYNAMIC', ...more } = message;
  const { skip_if_absent, ...unknown } = more;
  refuseRest(refuse, fieldIn(field, 'metadata'), unknown);
  const find = metadataFinder(metadata_key);
  const ofRoute = find((filter) => routeMetadata[filter]);
  return ({ peer }) => {
    const found = source === 'ROUTE_ENTRY' ? ofRoute : find((filter) => peer.metadata(filter));
    const value = typeof found === 'string' && found !== '' ? found : default_value;
    return entryOr(key, value === '' ? undefined : value, skip_if_absent);
  };
}

type MetadataKey = NonNullable<NonNullable<Action['metadata']>['metadata_key']>;

function metadataFinder(
  message: MetadataKey | undefined,
): (metadata: (filter: string) => { readonly [key: string]: Json } | undefined) => unknown {
  const { key = '', path = [] } = message ?? {};
  const keys = path.map((segment) => segment.key ?? '');
  return (metadata) => {
    let found: unknown = metadata(key);
    for (const name of keys)
      found =
        typeof found === 'object' && found !== null ? (found as Record<string, unknown>)[name] : undefined;
    return found;
  };
}
