import { readPathSettings } from '../../../../xds/match/path-normalization.ts';
import { fieldIn, type Refuse, refuseRest } from '../../../../xds/match/refuse.ts';
import type { HttpConnectionManager as Message } from '../../../../xds/resources.ts';
import { readDurationMs } from '../../../fields.ts';
import type { FilterContext } from '../../../runtime.ts';
import { readLocalReplies } from '../../../stream/local-reply-config.ts';
import type { ForwardClientCert, ManagerSettings } from '../../../stream/manager.ts';
import { readCidrs } from './cidrs.ts';
import { readEarlyMutations } from './early-mutations.ts';
import { readIpDetections } from './original-ip.ts';

/** What config.ts leaves: how requests and responses are treated. Everything unknown is refused here. */
type Settings = Omit<
  Message,
  | 'stat_prefix'
  | 'rds'
  | 'route_config'
  | 'scoped_routes'
  | 'http_filters'
  | 'access_log'
  | 'tracing'
  | 'request_id_extension'
  | 'codec_type'
  | 'request_headers_timeout'
  | 'delayed_close_timeout'
  | 'max_request_headers_kb'
  | 'drain_timeout'
  | 'http2_protocol_options'
>;

const STREAM_IDLE_MS = 300_000;

export function readManagerSettings(
  message: Settings,
  context: FilterContext,
  refuse: Refuse,
  field: string,
): ManagerSettings {
  const {
    server_name,
    server_header_transformation,
    via = '',
    scheme_header_transformation,
    ...afterServer
  } = message;
  const {
    stream_idle_timeout,
    request_timeout,
    common_http_protocol_options,
    http_protocol_options,
    ...afterTimes
  } = afterServer;
  const {
    upgrade_configs,
    proxy_100_continue = false,
    strip_matching_host_port,
    ...afterUpgrade
  } = afterTimes;
  const { strip_any_host_port = false, strip_trailing_host_dot = false, ...afterHost } = afterUpgrade;
  const { local_reply_config, add_user_agent = false, ...identity } = afterHost;
  const { node } = context.runtime;
  const duration = (text: string | undefined, name: string, absentMs: number): number =>
    readDurationMs(text, absentMs, refuse, fieldIn(field, name));
  return {
    direction: context.direction,
    serverName: server_name || 'envoy',
    serverHeader: serverHeader(server_header_transformation),
    via,
    schemeOverwrite: scheme_header_transformation?.scheme_to_overwrite,
    streamIdleMs: duration(stream_idle_timeout, 'stream_idle_timeout', STREAM_IDLE_MS),
    requestMs: duration(request_timeout, 'request_timeout', 0),
    ...readCommonOptions(
      common_http_protocol_options,
      refuse,
      fieldIn(field, 'common_http_protocol_options'),
    ),
    ...readHttp1Options(http_protocol_options, refuse, fieldIn(field, 'http_protocol_options')),
    upgrades: readUpgrades(upgrade_configs, refuse, fieldIn(field, 'upgrade_configs')),
    forwardsContinue: proxy_100_continue,
    stripHostPort: strip_any_host_port ? 'any' : strip_matching_host_port ? 'matching' : 'none',
    stripTrailingHostDot: strip_trailing_host_dot,
    userAgent: add_user_agent ? { cluster: node.cluster, node: node.id } : undefined,
    localReplies:
      local_reply_config &&
      readLocalReplies(local_reply_config, refuse, fieldIn(field, 'local_reply_config')),
    ...readIdentity(identity, refuse, field),
  };
}

type IdentityFields = Omit<
  Settings,
  | 'server_name'
  | 'server_header_transformation'
  | 'via'
  | 'scheme_header_transformation'
  | 'stream_idle_timeout'
  | 'request_timeout'
  | 'common_http_protocol_options'
  | 'http_protocol_options'
  | 'upgrade_configs'
  | 'proxy_100_continue'
  | 'strip_matching_host_port'
  | 'strip_any_host_port'
  | 'strip_trailing_host_dot'
  | 'local_reply_config'
  | 'add_user_agent'
>;

/** Whose request it is, and what is said of that to the upstream. */
function readIdentity(
  message: IdentityFields,
  refuse: Refuse,
  field: string,
): Pick<
  ManagerSettings,
  | 'useRemoteAddress'
  | 'trustedHops'
  | 'skipForwardedForAppend'
  | 'appendForwardedPort'
  | 'internalRanges'
  | 'internalUnixSockets'
  | 'ipDetections'
  | 'earlyMutations'
  | 'generateRequestId'
  | 'preserveExternalRequestId'
  | 'requestIdInResponse'
  | 'forwardClientCert'
  | 'path'
  | 'explains'
> {
  const {
    use_remote_address = false,
    xff_num_trusted_hops = 0,
    skip_xff_append = false,
    ...afterAddress
  } = message;
  const {
    internal_address_config,
    generate_request_id = true,
    preserve_external_request_id = false,
    ...afterId
  } = afterAddress;
  const { always_set_request_id_in_response = false, ...afterResponse } = afterId;
  const {
    forward_client_cert_details,
    set_current_client_cert_details,
    append_x_forwarded_port = false,
    ...more
  } = afterResponse;
  const { normalize_path, merge_slashes, path_with_escaped_slashes_action, ...afterPath } = more;
  const { original_ip_detection_extensions, early_header_mutation_extensions, ...rest } = afterPath;
  const detections = fieldIn(field, 'original_ip_detection_extensions');
  if (original_ip_detection_extensions?.length && (use_remote_address || xff_num_trusted_hops > 0))
    refuse(detections, 'cannot be given together with use_remote_address or xff_num_trusted_hops');
  refuseRest(refuse, field, withoutHarmless(rest));
  return {
    useRemoteAddress: use_remote_address,
    trustedHops: xff_num_trusted_hops,
    skipForwardedForAppend: skip_xff_append,
    appendForwardedPort: append_x_forwarded_port,
    internalRanges: readCidrs(
      internal_address_config?.cidr_ranges,
      refuse,
      fieldIn(field, 'internal_address_config.cidr_ranges'),
    ),
    internalUnixSockets: internal_address_config?.unix_sockets ?? false,
    ipDetections:
      original_ip_detection_extensions === undefined
        ? []
        : readIpDetections(original_ip_detection_extensions, refuse, detections),
    earlyMutations:
      early_header_mutation_extensions &&
      readEarlyMutations(
        early_header_mutation_extensions,
        refuse,
        fieldIn(field, 'early_header_mutation_extensions'),
      ),
    generateRequestId: generate_request_id,
    preserveExternalRequestId: preserve_external_request_id,
    requestIdInResponse: always_set_request_id_in_response,
    forwardClientCert: readClientCert(
      forward_client_cert_details,
      set_current_client_cert_details,
      refuse,
      field,
    ),
    path: readPathSettings({ normalize_path, merge_slashes, path_with_escaped_slashes_action }),
    explains: !use_remote_address,
  };
}

/** Fields that ask for what this proxy does anyway, or that change nothing anyone can see. */
function withoutHarmless(rest: object): object {
  const {
    http3_protocol_options: _http3, // a listener for it is refused
    stream_error_on_invalid_http_message: _invalid, // HTTP/1 always closes
    ...others
  } = rest as Settings;
  return others;
}

function serverHeader(
  transformation: Message['server_header_transformation'],
): ManagerSettings['serverHeader'] {
  if (transformation === 'PASS_THROUGH') return 'pass-through';
  return transformation === 'APPEND_IF_ABSENT' ? 'append-if-absent' : 'overwrite';
}

function readCommonOptions(
  common: Message['common_http_protocol_options'],
  refuse: Refuse,
  field: string,
): Pick<ManagerSettings, 'maxStreamMs' | 'maxRequestsPerConnection' | 'maxConnectionMs' | 'underscores'> {
  const { idle_timeout: _idle, max_headers_count: _count, max_stream_duration, ...more } = common ?? {};
  const {
    max_requests_per_connection = 0,
    max_connection_duration,
    headers_with_underscores_action,
    ...rest
  } = more;
  refuseRest(refuse, field, rest);
  const action = headers_with_underscores_action ?? 'ALLOW';
  return {
    maxStreamMs: readDurationMs(max_stream_duration, 0, refuse, fieldIn(field, 'max_stream_duration')),
    maxConnectionMs: readDurationMs(
      max_connection_duration,
      0,
      refuse,
      fieldIn(field, 'max_connection_duration'),
    ),
    maxRequestsPerConnection: max_requests_per_connection,
    underscores: action === 'REJECT_REQUEST' ? 'reject' : action === 'DROP_HEADER' ? 'drop' : 'allow',
  };
}

/** Absolute targets, HTTP/1.0, trailers, methods that nobody knows and the case of header names are always served. */
function readHttp1Options(
  options: Message['http_protocol_options'],
  refuse: Refuse,
  field: string,
): Pick<ManagerSettings, 'defaultHost' | 'anyMethod'> {
  const {
    allow_absolute_url: _absolute,
    accept_http_10: _old,
    default_host_for_http_10 = '',
    ...more
  } = options ?? {};
  const { header_key_format, enable_trailers: _trailers, use_balsa_parser: _parser, ...afterFormat } = more;
  const {
    allow_custom_methods = false,
    override_stream_error_on_invalid_http_message: _error,
    ...rest
  } = afterFormat;
  const { stateful_formatter: _preserve, ...formats } = header_key_format ?? {};
  refuseRest(refuse, fieldIn(field, 'header_key_format'), formats);
  refuseRest(refuse, field, rest);
  return { defaultHost: default_host_for_http_10, anyMethod: allow_custom_methods };
}

function readUpgrades(
  configs: Message['upgrade_configs'],
  refuse: Refuse,
  field: string,
): ReadonlyMap<string, boolean> {
  return new Map(
    (configs ?? []).map(({ upgrade_type = '', enabled = true, ...rest }, i) => {
      refuseRest(refuse, `${field}[${i}]`, rest);
      return [upgrade_type.toLowerCase(), enabled];
    }),
  );
}

const CLIENT_CERT_MODES: Readonly<Record<string, ForwardClientCert['mode']>> = {
  SANITIZE: 'sanitize',
  FORWARD_ONLY: 'forward-only',
  APPEND_FORWARD: 'append-forward',
  SANITIZE_SET: 'sanitize-set',
  ALWAYS_FORWARD_ONLY: 'always-forward-only',
};

function readClientCert(
  mode: Message['forward_client_cert_details'],
  details: Message['set_current_client_cert_details'],
  refuse: Refuse,
  field: string,
): ForwardClientCert {
  const { subject = false, uri = false, dns = false, cert = false, ...rest } = details ?? {};
  refuseRest(refuse, fieldIn(field, 'set_current_client_cert_details'), rest);
  return { mode: CLIENT_CERT_MODES[mode ?? ''] ?? 'sanitize', subject, uri, dns, cert };
}
