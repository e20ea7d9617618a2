import { perMillion } from '../../xds/match/fraction.ts';
import { readPathRewrite } from '../../xds/match/path-rewrite.ts';
import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import { compileSubstitution } from '../../xds/match/regex.ts';
import type { PathRule } from '../../xds/match/route-match.ts';
import type { RouteAction as RouteActionMessage } from '../../xds/resources.ts';
import { readChoice, readDurationMs } from '../fields.ts';
import { readHashPolicy } from './hash-policy.ts';
import { type InternalRedirectPolicy, readInternalRedirect } from './internal-redirect.ts';
import { readRetryPolicy } from './retry-policy.ts';
import type { ActionContext } from './route-level.ts';
import type { ForwardAction, HostRewrite, MirrorPolicy } from './route-table.ts';

/** Envoy's time for a whole response where a route says nothing. */
const DEFAULT_TIMEOUT_MS = 15_000;
const NOT_FOUND_STATUS: Readonly<Record<string, number>> = {
  SERVICE_UNAVAILABLE: 503,
  NOT_FOUND: 404,
  INTERNAL_SERVER_ERROR: 500,
};

type Settings = Omit<RouteActionMessage, 'cluster' | 'cluster_header' | 'weighted_clusters' | 'cors'>;

/** How a request is forwarded, whichever cluster it goes to. */
export function readForwardSettings(
  settings: Settings,
  path: PathRule,
  context: ActionContext,
  refuse: Refuse,
  field: string,
): Omit<ForwardAction, 'kind' | 'leaves' | 'drawHeader'> {
  const { prefix_rewrite, regex_rewrite, path_rewrite_policy, ...afterPath } = settings;
  const { cluster_not_found_response_code, append_x_forwarded_host, ...more } = afterPath;
  const {
    host_rewrite_literal,
    auto_host_rewrite,
    host_rewrite_header,
    host_rewrite_path_regex,
    ...afterHost
  } = more;
  const { timeout, idle_timeout, max_stream_duration, max_grpc_timeout, grpc_timeout_offset, ...afterTime } =
    afterHost;
  const {
    retry_policy,
    request_mirror_policies,
    hash_policy = [],
    upgrade_configs = [],
    ...afterRetry
  } = afterTime;
  const { hedge_policy, internal_redirect_policy, ...others } = afterRetry;
  const { internal_redirect_action, max_internal_redirects, ...more2 } = others;
  // Early data is TLS 1.3's 0-RTT: never offered here, so never to be refused by a route.
  const { early_data_policy: _early, priority, ...rest } = more2;
  refuseRest(refuse, field, rest);
  const retry = retry_policy ?? context.retryPolicy;
  return {
    clusterNotFoundStatus: NOT_FOUND_STATUS[cluster_not_found_response_code ?? ''] ?? 503,
    rewritePath: readPathRewrite({ prefix_rewrite, regex_rewrite, path_rewrite_policy }, path, refuse, field),
    rewriteHost: readHostRewrite(
      { host_rewrite_literal, auto_host_rewrite, host_rewrite_header, host_rewrite_path_regex },
      refuse,
      field,
    ),
    appendForwardedHost: append_x_forwarded_host ?? false,
    timeoutMs: readDurationMs(timeout, DEFAULT_TIMEOUT_MS, refuse, fieldIn(field, 'timeout')),
    idleTimeoutMs:
      idle_timeout === undefined
        ? undefined
        : readDurationMs(idle_timeout, 0, refuse, fieldIn(field, 'idle_timeout')),
    ...readStreamTimes({ max_stream_duration, max_grpc_timeout, grpc_timeout_offset }, refuse, field),
    retry:
      retry === undefined
        ? undefined
        : readRetryPolicy(
            retry,
            refuse,
            retry_policy === undefined ? context.retryField : fieldIn(field, 'retry_policy'),
          ),
    hedges: readHedge(hedge_policy ?? context.hedgePolicy, refuse, fieldIn(field, 'hedge_policy')),
    internalRedirect: readRedirects(
      { internal_redirect_policy, internal_redirect_action, max_internal_redirects },
      refuse,
      field,
    ),
    usesStreamTimes: max_stream_duration !== undefined,
    marksTimeoutRetries: context.marksTimeoutRetries,
    bufferBytes: context.bufferBytes,
    mirrors: readMirrors(request_mirror_policies, context, refuse, fieldIn(field, 'request_mirror_policies')),
    makesCookies: hash_policy.some(({ cookie }) => cookie?.ttl !== undefined),
    hash: hash_policy.map((policy, i) => readHashPolicy(policy, refuse, fieldIn(field, `hash_policy[${i}]`))),
    highPriority: priority === 'HIGH',
    upgrades: readUpgrades(upgrade_configs, refuse, field),
    tunnels: tunnelMethods(upgrade_configs),
    tunnelHeader: readTunnelHeader(upgrade_configs, refuse, fieldIn(field, 'upgrade_configs')),
    attemptCountInRequest: context.attemptCountInRequest,
    attemptCountInResponse: context.attemptCountInResponse,
  };
}

/** Only hedging on the time of a try exists, as in Envoy. */
function readHedge(policy: RouteActionMessage['hedge_policy'], refuse: Refuse, field: string): boolean {
  const { hedge_on_per_try_timeout = false, initial_requests: _one, ...rest } = policy ?? {};
  refuseRest(refuse, field, rest);
  if ((policy?.initial_requests ?? 1) > 1) refuse(fieldIn(field, 'initial_requests'), 'can only be 1');
  return hedge_on_per_try_timeout;
}

/** The policy, or the older two fields that say the same. */
function readRedirects(
  fields: {
    readonly [K in 'internal_redirect_policy' | 'internal_redirect_action' | 'max_internal_redirects']:
      | RouteActionMessage[K]
      | undefined;
  },
  refuse: Refuse,
  field: string,
): InternalRedirectPolicy | undefined {
  const { internal_redirect_policy, internal_redirect_action, max_internal_redirects = 1 } = fields;
  if (internal_redirect_policy !== undefined)
    return readInternalRedirect(internal_redirect_policy, refuse, fieldIn(field, 'internal_redirect_policy'));
  if (internal_redirect_action !== 'HANDLE_INTERNAL_REDIRECT') return undefined;
  return readInternalRedirect({ max_internal_redirects }, refuse, field);
}

type TimeFields = {
  readonly [K in 'max_stream_duration' | 'max_grpc_timeout' | 'grpc_timeout_offset']:
    | RouteActionMessage[K]
    | undefined;
};

function readStreamTimes(
  fields: TimeFields,
  refuse: Refuse,
  field: string,
): Pick<ForwardAction, 'maxStreamMs' | 'grpcTimeoutMaxMs' | 'grpcTimeoutOffsetMs'> {
  const { max_stream_duration, grpc_timeout_header_max, grpc_timeout_header_offset, ...rest } =
    fields.max_stream_duration ?? {};
  refuseRest(refuse, fieldIn(field, 'max_stream_duration'), rest);
  const read = (text: string | undefined, name: string): number | undefined =>
    text === undefined ? undefined : readDurationMs(text, 0, refuse, fieldIn(field, name));
  return {
    maxStreamMs: read(max_stream_duration, 'max_stream_duration.max_stream_duration'),
    grpcTimeoutMaxMs:
      read(grpc_timeout_header_max, 'max_stream_duration.grpc_timeout_header_max') ??
      read(fields.max_grpc_timeout, 'max_grpc_timeout'),
    grpcTimeoutOffsetMs:
      read(grpc_timeout_header_offset, 'max_stream_duration.grpc_timeout_header_offset') ??
      read(fields.grpc_timeout_offset, 'grpc_timeout_offset') ??
      0,
  };
}

type HostFields = {
  readonly [K in
    | 'host_rewrite_literal'
    | 'auto_host_rewrite'
    | 'host_rewrite_header'
    | 'host_rewrite_path_regex']: RouteActionMessage[K] | undefined;
};

function readHostRewrite(fields: HostFields, refuse: Refuse, field: string): HostRewrite | undefined {
  if (fields.host_rewrite_literal) return { kind: 'literal', host: fields.host_rewrite_literal };
  if (fields.auto_host_rewrite) return { kind: 'endpoint' };
  if (fields.host_rewrite_header) return { kind: 'header', name: fields.host_rewrite_header.toLowerCase() };
  if (fields.host_rewrite_path_regex === undefined) return undefined;
  const place = fieldIn(field, 'host_rewrite_path_regex');
  return { kind: 'path', rewrite: compileSubstitution(fields.host_rewrite_path_regex, refuse, place) };
}

/** The route's mirrors, or else those of the nearest level around it. */
function readMirrors(
  own: RouteActionMessage['request_mirror_policies'],
  context: ActionContext,
  refuse: Refuse,
  field: string,
): MirrorPolicy[] {
  const level = context.levels.find(({ mirrors }) => mirrors !== undefined && mirrors.length > 0);
  const [policies, place] =
    own !== undefined && own.length > 0 ? [own, field] : [level?.mirrors, level?.mirrorField ?? ''];
  return (policies ?? []).map((policy, i) => {
    const { cluster = '', cluster_header = '', runtime_fraction, ...afterCluster } = policy;
    const { disable_shadow_host_suffix_append = false, ...more } = afterCluster;
    const { trace_sampled: _sampled, ...rest } = more;
    refuseRest(refuse, `${place}[${i}]`, rest);
    if (cluster === '' && cluster_header === '') refuse(`${place}[${i}].cluster`, 'is missing');
    const fraction = runtime_fraction?.default_value;
    return {
      cluster,
      clusterHeader: cluster_header.toLowerCase(),
      share: fraction === undefined ? 1_000_000 : perMillion(fraction),
      keepHost: disable_shadow_host_suffix_append,
    };
  });
}

function readUpgrades(
  configs: NonNullable<RouteActionMessage['upgrade_configs']>,
  refuse: Refuse,
  field: string,
): ReadonlyMap<string, boolean> {
  return new Map(
    configs.map(({ upgrade_type = '', enabled = true, connect_config, ...rest }, i) => {
      const place = fieldIn(field, `upgrade_configs[${i}]`);
      refuseRest(refuse, place, rest);
      readConnectConfig(upgrade_type, connect_config, refuse, fieldIn(place, 'connect_config'));
      return [upgrade_type.toLowerCase(), enabled];
    }),
  );
}

type UpgradeConfig = NonNullable<RouteActionMessage['upgrade_configs']>[number];

function readConnectConfig(
  upgradeType: string,
  config: UpgradeConfig['connect_config'],
  refuse: Refuse,
  field: string,
): void {
  if (config === undefined) return;
  const { allow_post: _post, proxy_protocol_config: _header, ...rest } = config;
  refuseRest(refuse, field, rest);
  if (upgradeType.toLowerCase() !== 'connect') refuse(field, 'is only for the upgrade type CONNECT');
}

function readTunnelHeader(
  configs: readonly UpgradeConfig[],
  refuse: Refuse,
  field: string,
): ForwardAction['tunnelHeader'] {
  const i = configs.findIndex(({ connect_config }) => connect_config?.proxy_protocol_config !== undefined);
  const config = configs[i]?.connect_config?.proxy_protocol_config;
  if (config === undefined) return undefined;
  const { version, ...rest } = config;
  const place = `${field}[${i}].connect_config.proxy_protocol_config`;
  refuseRest(refuse, place, rest);
  return readChoice(version, 'V1', ['V1', 'V2'] as const, refuse, fieldIn(place, 'version'));
}

function tunnelMethods(configs: readonly UpgradeConfig[]): readonly string[] {
  const config = configs.find(({ connect_config }) => connect_config !== undefined)?.connect_config;
  if (config === undefined) return [];
  return config.allow_post ? ['CONNECT', 'POST'] : ['CONNECT'];
}
