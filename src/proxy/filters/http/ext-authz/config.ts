import { perMillion } from '../../../../xds/match/fraction.ts';
import { compileMetadataMatcher } from '../../../../xds/match/metadata-matcher.ts';
import { fieldIn, type Refuse, refuseRest } from '../../../../xds/match/refuse.ts';
import type { AnyMessage } from '../../../../xds/resources.ts';
import type { MessageContext } from '../../../stream/http-filter.ts';
import { type GrpcServiceConfig, readGrpcService } from '../grpc-call.ts';
import { readStatusCode } from '../status-code.ts';
import {
  type HttpService,
  type HttpServiceConfig,
  type Names,
  type NameTest,
  readHttpService,
  readNames,
  TIMEOUT_MS,
} from './http-config.ts';

/** extensions.filters.http.ext_authz.v3.ExtAuthz: somebody else decides. */
export interface ExtAuthzConfig {
  readonly service:
    | { readonly kind: 'http'; readonly http: HttpServiceConfig }
    | { readonly kind: 'grpc'; readonly grpc: GrpcServiceConfig };
  readonly allowed: NameTest;
  readonly disallowed: NameTest;
  /** How much of the body the service is told; undefined: nothing. */
  readonly body: ToldBody | undefined;
  readonly failureAllows: boolean;
  readonly marksFailure: boolean;
  readonly statusOnError: number;
  /** Share of requests, of a million, that is asked about. */
  readonly enabled: number;
  readonly enabledBy: ReturnType<typeof compileMetadataMatcher> | undefined;
  readonly deniesWhereDisabled: boolean;
  /** The route is chosen again after a yes that changed the request. */
  readonly clearsRoute: boolean;
  readonly tells: {
    readonly certificate: boolean;
    readonly tlsSession: boolean;
    /** Filters whose dynamic metadata the service gets. */
    readonly metadata: readonly string[];
    readonly rawHeaders: boolean;
  };
  /** `` or `name.` */
  readonly statPrefix: string;
}

export interface ToldBody {
  readonly maxBytes: number;
  /** The beginning will do. */
  readonly partial: boolean;
  /** As bytes and not as text. */
  readonly raw: boolean;
}

/** What a route says. */
export interface ExtAuthzRouteConfig {
  readonly disabled: boolean;
  readonly contextExtensions: { readonly [key: string]: string };
  /** Undefined: the chain's. */
  readonly body: ToldBody | 'none' | undefined;
}

export const EXT_AUTHZ_MESSAGE = 'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz';
export const EXT_AUTHZ_ROUTE_MESSAGE = 'envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute';

interface Message {
  readonly http_service?: HttpService;
  readonly grpc_service?: object;
  readonly allowed_headers?: Names;
  readonly disallowed_headers?: Names;
  readonly with_request_body?: BufferSettings;
  readonly failure_mode_allow?: boolean;
  readonly failure_mode_allow_header_add?: boolean;
  readonly status_on_error?: { readonly code?: string | number };
  readonly filter_enabled?: { readonly default_value?: Parameters<typeof perMillion>[0] };
  readonly filter_enabled_metadata?: Parameters<typeof compileMetadataMatcher>[0];
  readonly deny_at_disable?: { readonly default_value?: boolean };
  readonly clear_route_cache?: boolean;
  readonly include_peer_certificate?: boolean;
  readonly include_tls_session?: boolean;
  readonly metadata_context_namespaces?: readonly string[];
  readonly encode_raw_headers?: boolean;
  readonly stat_prefix?: string;
}

interface BufferSettings {
  readonly max_request_bytes?: number;
  readonly allow_partial_message?: boolean;
  readonly pack_as_bytes?: boolean;
}

export function lowerExtAuthz(message: AnyMessage, context: MessageContext): ExtAuthzConfig {
  const { '@type': _type, ...fields } = message;
  const { http_service, grpc_service, allowed_headers, disallowed_headers, ...more } = fields as Message;
  const { failure_mode_allow, failure_mode_allow_header_add, status_on_error, ...after } = more;
  const { filter_enabled, filter_enabled_metadata, deny_at_disable, ...others } = after;
  const { with_request_body, clear_route_cache, stat_prefix = '', ...tells } = others;
  const { refuse, field } = context;
  const names = readNames(refuse);
  return {
    service: readService(http_service, grpc_service, refuse, field),
    allowed: names(allowed_headers, fieldIn(field, 'allowed_headers')),
    disallowed: names(disallowed_headers, fieldIn(field, 'disallowed_headers')),
    body: readBuffer(with_request_body, refuse, fieldIn(field, 'with_request_body')),
    failureAllows: failure_mode_allow === true,
    marksFailure: failure_mode_allow_header_add === true,
    statusOnError: readStatusCode(status_on_error, 403, refuse, fieldIn(field, 'status_on_error')),
    enabled: filter_enabled === undefined ? 1_000_000 : perMillion(filter_enabled.default_value),
    enabledBy:
      filter_enabled_metadata &&
      compileMetadataMatcher(filter_enabled_metadata, refuse, fieldIn(field, 'filter_enabled_metadata')),
    deniesWhereDisabled: deny_at_disable?.default_value === true,
    clearsRoute: clear_route_cache === true,
    tells: readTold(tells, refuse, field),
    statPrefix: stat_prefix === '' ? '' : `${stat_prefix}.`,
  };
}

type Told = Pick<
  Message,
  'include_peer_certificate' | 'include_tls_session' | 'metadata_context_namespaces' | 'encode_raw_headers'
>;

function readTold(message: Told, refuse: Refuse, field: string): ExtAuthzConfig['tells'] {
  const { include_peer_certificate, include_tls_session, metadata_context_namespaces, ...more } = message;
  // There is only one version of the transport; counting for clusters is done by the call itself.
  const { encode_raw_headers, ...others } = more;
  const { transport_api_version, charge_cluster_response_stats, ...rest } = others as {
    readonly [field: string]: unknown;
  };
  refuseRest(refuse, field, rest);
  return {
    certificate: include_peer_certificate === true,
    tlsSession: include_tls_session === true,
    metadata: metadata_context_namespaces ?? [],
    rawHeaders: encode_raw_headers === true,
  };
}

function readService(
  http: HttpService | undefined,
  grpc: object | undefined,
  refuse: Refuse,
  field: string,
): ExtAuthzConfig['service'] {
  if (grpc !== undefined)
    return {
      kind: 'grpc',
      grpc: readGrpcService(grpc, TIMEOUT_MS, refuse, fieldIn(field, 'grpc_service')),
    };
  if (http === undefined) refuse(field, 'has neither http_service nor grpc_service');
  const place = fieldIn(field, 'http_service');
  return { kind: 'http', http: readHttpService(http ?? {}, readNames(refuse), refuse, place) };
}

function readBuffer(
  message: BufferSettings | undefined,
  refuse: Refuse,
  field: string,
): ToldBody | undefined {
  if (message === undefined) return undefined;
  const { max_request_bytes = 0, allow_partial_message, pack_as_bytes, ...rest } = message;
  refuseRest(refuse, field, rest);
  if (max_request_bytes < 1) refuse(fieldIn(field, 'max_request_bytes'), 'is missing or not greater than 0');
  return {
    maxBytes: max_request_bytes,
    partial: allow_partial_message === true,
    raw: pack_as_bytes === true,
  };
}

export function lowerExtAuthzRoute(
  message: AnyMessage,
  { refuse, field }: MessageContext,
): ExtAuthzRouteConfig {
  const { '@type': _type, disabled, check_settings, ...more } = message;
  refuseRest(refuse, field, more);
  const place = fieldIn(field, 'check_settings');
  const { context_extensions, disable_request_body_buffering, with_request_body, ...rest } =
    (check_settings ?? {}) as {
      readonly context_extensions?: { readonly [key: string]: string };
      readonly disable_request_body_buffering?: boolean;
      readonly with_request_body?: BufferSettings;
    };
  refuseRest(refuse, place, rest);
  return {
    disabled: disabled === true,
    contextExtensions: context_extensions ?? {},
    body:
      disable_request_body_buffering === true
        ? 'none'
        : readBuffer(with_request_body, refuse, fieldIn(place, 'with_request_body')),
  };
}
