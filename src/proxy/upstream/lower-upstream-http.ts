import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { AnyMessage, Cluster } from '../../xds/resources.ts';
import { readDurationMs } from '../fields.ts';
import type { UpstreamHttp } from './cluster-config.ts';

/** The fields of a cluster that say what is spoken to its endpoints: today's extension and the older ones beside it. */
export type UpstreamHttpFields = {
  readonly [K in
    | 'typed_extension_protocol_options'
    | 'max_requests_per_connection'
    | 'protocol_selection'
    | 'common_http_protocol_options'
    | 'http_protocol_options'
    | 'http2_protocol_options']: Cluster[K] | undefined;
};

const EXTENSION = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
const HTTP2_MISSING = 'HTTP/2 to upstreams is not supported by this proxy yet';
/** Envoy's default for connections that nobody uses. */
const IDLE_TIMEOUT_MS = 3_600_000;

export function readUpstreamHttp(fields: UpstreamHttpFields, refuse: Refuse): UpstreamHttp {
  const { [EXTENSION]: extension, ...others } = fields.typed_extension_protocol_options ?? {};
  refuseRest(refuse, 'typed_extension_protocol_options', others);
  const field = `typed_extension_protocol_options.${EXTENSION}`;
  if (fields.http2_protocol_options !== undefined) refuse('http2_protocol_options', HTTP2_MISSING);
  const common =
    extension?.['common_http_protocol_options'] === undefined
      ? readCommon(fields.common_http_protocol_options, refuse, 'common_http_protocol_options')
      : readCommon(
          extension['common_http_protocol_options'] as Common,
          refuse,
          fieldIn(field, 'common_http_protocol_options'),
        );
  return {
    protocol: readProtocol(extension, fields.protocol_selection, refuse, field),
    ...common,
    maxRequestsPerConnection: common.maxRequestsPerConnection || (fields.max_requests_per_connection ?? 0),
  };
}

function readProtocol(
  extension: AnyMessage | undefined,
  selection: Cluster['protocol_selection'],
  refuse: Refuse,
  field: string,
): UpstreamHttp['protocol'] {
  if (extension === undefined) return selection === 'USE_DOWNSTREAM_PROTOCOL' ? 'downstream' : 'http1';
  const {
    '@type': _type,
    common_http_protocol_options: _common,
    upstream_http_protocol_options,
    ...choice
  } = extension;
  // The server name is the transport socket's; a name per request is refused, for it would be another TLS session.
  refuseRest(refuse, fieldIn(field, 'upstream_http_protocol_options'), upstream_http_protocol_options ?? {});
  const { explicit_http_config, use_downstream_protocol_config, auto_config, ...rest } = choice;
  refuseRest(refuse, field, rest);
  if (auto_config !== undefined) return 'alpn'; // without HTTP/2 what is agreed on is HTTP/1.1
  if (use_downstream_protocol_config !== undefined) return 'downstream';
  const explicit = (explicit_http_config ?? {}) as { readonly [name: string]: unknown };
  for (const version of ['http2_protocol_options', 'http3_protocol_options'])
    if (explicit[version] !== undefined)
      refuse(fieldIn(field, `explicit_http_config.${version}`), HTTP2_MISSING);
  return 'http1';
}

type Common = NonNullable<Cluster['common_http_protocol_options']>;

function readCommon(
  common: Common | undefined,
  refuse: Refuse,
  field: string,
): Pick<UpstreamHttp, 'idleTimeoutMs' | 'maxRequestsPerConnection' | 'maxConnectionDurationMs'> {
  const { idle_timeout, max_requests_per_connection = 0, max_connection_duration, ...rest } = common ?? {};
  refuseRest(refuse, field, rest);
  return {
    idleTimeoutMs: readDurationMs(idle_timeout, IDLE_TIMEOUT_MS, refuse, fieldIn(field, 'idle_timeout')),
    maxRequestsPerConnection: max_requests_per_connection,
    maxConnectionDurationMs: readDurationMs(
      max_connection_duration,
      0,
      refuse,
      fieldIn(field, 'max_connection_duration'),
    ),
  };
}
