import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { AnyMessage, Cluster } from '../../xds/resources.ts';
import { readDurationMs } from '../fields.ts';
import type { AutoServerName, UpstreamHttp } from './cluster-config.ts';
import { checkUpstreamHttp1, readUpstreamHttp2 } from './lower-http-options.ts';

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

/** Name of the extension among a cluster's. */
export const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
/** Envoy's default for connections that nobody uses. */
const IDLE_TIMEOUT_MS = 3_600_000;

export function readUpstreamHttp(fields: UpstreamHttpFields, refuse: Refuse): UpstreamHttp {
  const { [HTTP_OPTIONS]: extension, ...others } = fields.typed_extension_protocol_options ?? {};
  refuseRest(refuse, 'typed_extension_protocol_options', others);
  const field = `typed_extension_protocol_options.${HTTP_OPTIONS}`;
  const common =
    extension?.['common_http_protocol_options'] === undefined
      ? readCommon(fields.common_http_protocol_options, refuse, 'common_http_protocol_options')
      : readCommon(
          extension['common_http_protocol_options'] as Common,
          refuse,
          fieldIn(field, 'common_http_protocol_options'),
        );
  return {
    ...(extension === undefined ? readOlder(fields, refuse) : readExtension(extension, refuse, field)),
    ...common,
    maxRequestsPerConnection: common.maxRequestsPerConnection || (fields.max_requests_per_connection ?? 0),
  };
}

type Spoken = Pick<UpstreamHttp, 'protocol' | 'http2' | 'autoServerName'>;

/** The fields of the cluster itself, from before there was the extension. */
function readOlder(fields: UpstreamHttpFields, refuse: Refuse): Spoken {
  const { http_protocol_options, http2_protocol_options, protocol_selection } = fields;
  checkUpstreamHttp1(http_protocol_options, refuse, 'http_protocol_options');
  return {
    protocol:
      protocol_selection === 'USE_DOWNSTREAM_PROTOCOL'
        ? 'downstream'
        : http2_protocol_options === undefined
          ? 'http1'
          : 'http2',
    http2: readUpstreamHttp2(http2_protocol_options, refuse, 'http2_protocol_options'),
    autoServerName: undefined,
  };
}

function readExtension(extension: AnyMessage, refuse: Refuse, field: string): Spoken {
  const {
    '@type': _type,
    common_http_protocol_options: _common,
    upstream_http_protocol_options,
    outlier_detection: _outlier, // read with the cluster's
    ...choice
  } = extension;
  const { explicit_http_config, use_downstream_protocol_config, auto_config, ...rest } = choice;
  refuseRest(refuse, field, rest);
  const autoServerName = readServerName(
    upstream_http_protocol_options as ServerNameFields,
    refuse,
    fieldIn(field, 'upstream_http_protocol_options'),
  );
  const read = (name: string, options: unknown): Pick<Spoken, 'http2'> & { readonly http2Asked: boolean } => {
    const { http_protocol_options, http2_protocol_options, ...others } = (options ?? {}) as Versions;
    refuseRest(refuse, fieldIn(field, name), others);
    checkUpstreamHttp1(http_protocol_options, refuse, fieldIn(field, `${name}.http_protocol_options`));
    const at = fieldIn(field, `${name}.http2_protocol_options`);
    return {
      http2: readUpstreamHttp2(http2_protocol_options, refuse, at),
      http2Asked: http2_protocol_options !== undefined,
    };
  };
  if (auto_config !== undefined)
    return { protocol: 'alpn', http2: read('auto_config', auto_config).http2, autoServerName };
  if (use_downstream_protocol_config !== undefined) {
    const { http2 } = read('use_downstream_protocol_config', use_downstream_protocol_config);
    return { protocol: 'downstream', http2, autoServerName };
  }
  const { http2, http2Asked } = read('explicit_http_config', explicit_http_config);
  return { protocol: http2Asked ? 'http2' : 'http1', http2, autoServerName };
}

type Versions = Pick<Cluster, 'http_protocol_options' | 'http2_protocol_options'>;

interface ServerNameFields {
  readonly auto_sni?: boolean;
  readonly auto_san_validation?: boolean;
  readonly override_auto_sni_header?: string;
}

function readServerName(
  message: ServerNameFields | undefined,
  refuse: Refuse,
  field: string,
): AutoServerName | undefined {
  const {
    auto_sni = false,
    auto_san_validation = false,
    override_auto_sni_header = '',
    ...rest
  } = message ?? {};
  refuseRest(refuse, field, rest);
  if (auto_san_validation && !auto_sni)
    refuse(fieldIn(field, 'auto_san_validation'), 'is only supported together with auto_sni');
  if (!auto_sni) return undefined;
  return { header: override_auto_sni_header.toLowerCase(), validate: auto_san_validation };
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
