import { DENIAL_LOG, REPORTS_CLUSTER } from '../../../xds/names.ts';
import {
  type AnyMessage,
  any,
  type FilterChain,
  type HttpConnectionManager,
  messageOf,
  type Rbac,
} from '../../../xds/resources.ts';
import { ENFORCED_MIRROR, TRIAL } from '../security/http-security.ts';
import { isSecretHeader } from '../security/secret-headers.ts';
import { AT_THE_END } from './plaintext-log.ts';

// Denials are told to the control plane, for `weft why`: an access log of what policies denied or would have denied, and
// nothing else, on a call that only proxies whose bootstrap has the cluster can make; others drop it. Whoever is denied
// gets the id of the request as a reference, and nothing of the policy.

type NetworkFilter = NonNullable<FilterChain['filters']>[number];
type HttpFilter = NonNullable<HttpConnectionManager['http_filters']>[number];
type AccessLogs = NonNullable<HttpConnectionManager['access_log']>;
type LogFilter = NonNullable<AccessLogs[number]['filter']>;

const HTTP_RBAC = 'envoy.filters.http.rbac';
const NETWORK_RBAC = 'envoy.filters.network.rbac';

/** Fields of a connection manager whose `filters` are policies'; none without policies. */
export function httpDenials(
  filters: readonly HttpFilter[],
  logs: AccessLogs = [],
): Pick<HttpConnectionManager, 'access_log' | 'local_reply_config'> {
  if (filters.length === 0) return logs.length === 0 ? {} : { access_log: logs };
  const has = (name: string): boolean => filters.some((filter) => filter.name === name);
  const asks = has('envoy.filters.http.ext_authz');
  const verifies = has('envoy.filters.http.jwt_authn');
  const enforces = filters.some(({ typed_config }) => rulesOf(typed_config) !== undefined);
  const told: LogFilter[] = [
    ...(enforces ? [denied(HTTP_RBAC, 'enforced_engine_result')] : []),
    ...trialKeys(filters).map((key) => denied(HTTP_RBAC, key)),
    ...(asks ? [EXTERNAL] : []),
    // Why a token is refused stands in no metadata: of these statuses some are the application's own.
    ...(verifies ? [status(401), status(403)] : []),
  ];
  const [only] = told;
  if (only === undefined) return logs.length === 0 ? {} : { access_log: logs };
  const headers = headersAsked(filters);
  const log = {
    name: DENIAL_LOG,
    filter: anyOf(told),
    typed_config: any('envoy.extensions.access_loggers.grpc.v3.HttpGrpcAccessLogConfig', {
      common_config: COMMON,
      ...(headers.length === 0 ? {} : { additional_request_headers_to_log: headers }),
    }),
  };
  return {
    access_log: [...logs, log],
    local_reply_config: {
      mappers: [
        {
          filter: anyOf([status(401), status(403), ...(asks ? [EXTERNAL] : [])]),
          headers_to_add: [
            {
              header: { key: 'x-request-id', value: '%REQ(X-REQUEST-ID)%' },
              append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
            },
          ],
        },
      ],
    },
  };
}

/** Checks of connections before the filter that passes bytes on, which logs what they deny. */
export function checked(checks: readonly NetworkFilter[], passOn: NetworkFilter): readonly NetworkFilter[] {
  const asks = checks.some(({ name }) => name === 'envoy.filters.network.ext_authz');
  const told = [...trialKeys(checks).map((key) => denied(NETWORK_RBAC, key)), ...(asks ? [EXTERNAL] : [])];
  if (told.length === 0 || passOn.typed_config === undefined) return [...checks, passOn];
  const { typed_config } = passOn;
  // Where entries are also made when a connection begins, it is told once.
  const once = typed_config['access_log_options'] === undefined ? [] : [AT_THE_END.filter];
  const log = {
    name: DENIAL_LOG,
    filter: once.length === 0 ? anyOf(told) : { and_filter: { filters: [anyOf(told), ...once] } },
    typed_config: any('envoy.extensions.access_loggers.grpc.v3.TcpGrpcAccessLogConfig', {
      common_config: COMMON,
    }),
  };
  const logs = (typed_config['access_log'] ?? []) as AccessLogs;
  return [...checks, { ...passOn, typed_config: { ...typed_config, access_log: [...logs, log] } }];
}

const COMMON = {
  log_name: DENIAL_LOG,
  transport_api_version: 'V3',
  grpc_service: { envoy_grpc: { cluster_name: REPORTS_CLUSTER } },
  buffer_flush_interval: '0.2s',
} as const;

const EXTERNAL: LogFilter = { response_flag_filter: { flags: ['UAEX'] } };

function status(code: number): LogFilter {
  return {
    status_code_filter: {
      comparison: { op: 'EQ', value: { default_value: code, runtime_key: 'weft.denials' } },
    },
  };
}

function denied(filter: string, key: string): LogFilter {
  return {
    metadata_filter: {
      matcher: { filter, path: [{ key }], value: { string_match: { exact: 'denied' } } },
      match_if_key_not_found: false,
    },
  };
}

/** Envoy wants two at least in a list of alternatives. */
function anyOf(filters: readonly LogFilter[]): LogFilter {
  return filters.length === 1 ? (filters[0] as LogFilter) : { or_filter: { filters } };
}

function rulesOf(config: AnyMessage | undefined): Rbac | undefined {
  if (config === undefined || !messageOf(config['@type']).endsWith('.rbac.v3.RBAC')) return undefined;
  const rules = config['rules'] as Rbac | undefined;
  return rules?.action === 'LOG' ? undefined : rules;
}

/** Where rules on trial tell what they would do. Those that say who is asked are no trial. */
function trialKeys(filters: readonly { readonly typed_config?: AnyMessage }[]): readonly string[] {
  const prefixes = [TRIAL.allow, TRIAL.deny, ENFORCED_MIRROR] as readonly unknown[];
  return filters
    .map(({ typed_config }) => typed_config?.['shadow_rules_stat_prefix'])
    .filter((prefix) => prefixes.includes(prefix))
    .map((prefix) => `${prefix}shadow_engine_result`);
}

/** Headers that rules ask about, but those that are secrets. */
function headersAsked(filters: readonly HttpFilter[]): readonly string[] {
  const found = new Set<string>();
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    const { header } = value as { readonly header?: { readonly name?: string } };
    const name = header?.name?.toLowerCase();
    if (name !== undefined && !name.startsWith(':') && !isSecretHeader(name)) found.add(name);
    for (const each of Object.values(value)) look(each);
  };
  for (const { name, typed_config } of filters) if (name === HTTP_RBAC) look(typed_config);
  return [...found].sort();
}
