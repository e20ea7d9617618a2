import { perMillion } from '../../xds/match/fraction.ts';
import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import { compileSubstitution } from '../../xds/match/regex.ts';
import type { PathRule } from '../../xds/match/route-match.ts';
import type { RouteAction as RouteActionMessage } from '../../xds/resources.ts';
import { readDurationMs } from '../fields.ts';
import { readHashPolicy } from './hash-policy.ts';
import { readPathRewrite } from './lower-rewrite.ts';
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
    ...others
  } = afterTime;
  // Early data is TLS 1.3's 0-RTT: never offered here, so never to be refused by a route.
  const { early_data_policy: _early, priority, ...rest } = others;
  refuseRest(refuse, field, rest);
  if (priority === 'HIGH') refuse(fieldIn(field, 'priority'), 'only DEFAULT is supported by this proxy');
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
    mirrors: readMirrors(request_mirror_policies, context, refuse, fieldIn(field, 'request_mirror_policies')),
    hash: hash_policy.map((policy, i) => readHashPolicy(policy, refuse, fieldIn(field, `hash_policy[${i}]`))),
    upgrades: readUpgrades(upgrade_configs, refuse, field),
    terminatesConnect: upgrade_configs.some(({ connect_config }) => connect_config !== undefined),
    attemptCountInRequest: context.attemptCountInRequest,
    attemptCountInResponse: context.attemptCountInResponse,
  };
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
    const { cluster = '', runtime_fraction, disable_shadow_host_suffix_append = false, ...more } = policy;
    const { trace_sampled: _sampled, ...rest } = more;
    refuseRest(refuse, `${place}[${i}]`, rest);
    if (cluster === '') refuse(`${place}[${i}].cluster`, 'is missing');
    const fraction = runtime_fraction?.default_value;
    return {
      cluster,
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
  const { allow_post = false, ...rest } = config;
  refuseRest(refuse, field, rest);
  if (allow_post)
    refuse(fieldIn(field, 'allow_post'), 'POST in place of CONNECT is not supported by this proxy');
  if (upgradeType.toLowerCase() !== 'connect') refuse(field, 'is only for the upgrade type CONNECT');
}
