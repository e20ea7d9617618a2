import { perMillion } from '../../../../xds/match/fraction.ts';
import { compileMetadataMatcher } from '../../../../xds/match/metadata-matcher.ts';
import { fieldIn, type Refuse, refuseRest } from '../../../../xds/match/refuse.ts';
import { compileStringMatcher, type StringTest } from '../../../../xds/match/string-matcher.ts';
import type { AnyMessage, StringMatcher } from '../../../../xds/resources.ts';
import { readDurationMs } from '../../../fields.ts';
import type { MessageContext } from '../../../stream/http-filter.ts';

/** Names of headers that are meant; undefined where nothing is said of them. */
export type NameTest = StringTest | undefined;

/** extensions.filters.http.ext_authz.v3.ExtAuthz with an HTTP service: somebody else decides. */
export interface ExtAuthzConfig {
  readonly cluster: string;
  readonly timeoutMs: number;
  readonly pathPrefix: string;
  readonly request: {
    readonly allowed: NameTest;
    readonly disallowed: NameTest;
    /** [name, value] pairs that every question carries. */
    readonly added: readonly (readonly [string, string])[];
  };
  readonly response: {
    readonly toUpstream: NameTest;
    readonly appendedToUpstream: NameTest;
    readonly toClient: NameTest;
    readonly toClientOnSuccess: NameTest;
    readonly toMetadata: NameTest;
  };
  readonly failureAllows: boolean;
  readonly marksFailure: boolean;
  readonly statusOnError: number;
  /** Share of requests, of a million, that is asked about. */
  readonly enabled: number;
  readonly enabledBy: ReturnType<typeof compileMetadataMatcher> | undefined;
  readonly deniesWhereDisabled: boolean;
}

/** What a route says. */
export interface ExtAuthzRouteConfig {
  readonly disabled: boolean;
}

export const EXT_AUTHZ_MESSAGE = 'envoy.extensions.filters.http.ext_authz.v3.ExtAuthz';
export const EXT_AUTHZ_ROUTE_MESSAGE = 'envoy.extensions.filters.http.ext_authz.v3.ExtAuthzPerRoute';

interface Names {
  readonly patterns?: readonly StringMatcher[];
}

interface Message {
  readonly http_service?: HttpService;
  readonly allowed_headers?: Names;
  readonly disallowed_headers?: Names;
  readonly failure_mode_allow?: boolean;
  readonly failure_mode_allow_header_add?: boolean;
  readonly status_on_error?: { readonly code?: string | number };
  readonly filter_enabled?: { readonly default_value?: Parameters<typeof perMillion>[0] };
  readonly filter_enabled_metadata?: Parameters<typeof compileMetadataMatcher>[0];
  readonly deny_at_disable?: { readonly default_value?: boolean };
}

interface HttpService {
  readonly server_uri?: { readonly uri?: string; readonly cluster?: string; readonly timeout?: string };
  readonly path_prefix?: string;
  readonly authorization_request?: RequestMessage;
  readonly authorization_response?: ResponseMessage;
}

interface RequestMessage {
  readonly allowed_headers?: Names;
  readonly headers_to_add?: readonly { readonly key?: string; readonly value?: string }[];
}

interface ResponseMessage {
  readonly allowed_upstream_headers?: Names;
  readonly allowed_upstream_headers_to_append?: Names;
  readonly allowed_client_headers?: Names;
  readonly allowed_client_headers_on_success?: Names;
  readonly dynamic_metadata_from_headers?: Names;
}

/** Envoy's default. */
const TIMEOUT_MS = 200;

export function lowerExtAuthz(message: AnyMessage, context: MessageContext): ExtAuthzConfig {
  const { '@type': _type, ...fields } = message;
  const { http_service, allowed_headers, disallowed_headers, ...more } = fields as Message;
  const { failure_mode_allow, failure_mode_allow_header_add, status_on_error, ...after } = more;
  const { filter_enabled, filter_enabled_metadata, deny_at_disable, ...others } = after;
  // The version of the transport is of gRPC services, the prefix of statistics, the others change nothing over HTTP.
  const { transport_api_version, stat_prefix, ...rest } = others as { readonly [field: string]: unknown };
  const { refuse, field } = context;
  refuseRest(refuse, field, rest);
  if (http_service === undefined)
    refuse(field, 'has no http_service: nothing else is supported by this proxy');
  const place = fieldIn(field, 'http_service');
  const names = readNames(refuse);
  const service = readService(http_service ?? {}, names, refuse, place);
  return {
    ...service,
    request: {
      ...service.request,
      allowed: names(allowed_headers, fieldIn(field, 'allowed_headers')) ?? service.request.allowed,
      disallowed: names(disallowed_headers, fieldIn(field, 'disallowed_headers')),
    },
    failureAllows: failure_mode_allow === true,
    marksFailure: failure_mode_allow_header_add === true,
    statusOnError: readStatus(status_on_error, refuse, fieldIn(field, 'status_on_error.code')),
    enabled: filter_enabled === undefined ? 1_000_000 : perMillion(filter_enabled.default_value),
    enabledBy:
      filter_enabled_metadata &&
      compileMetadataMatcher(filter_enabled_metadata, refuse, fieldIn(field, 'filter_enabled_metadata')),
    deniesWhereDisabled: deny_at_disable?.default_value === true,
  };
}

type ReadNames = (names: Names | undefined, field: string) => NameTest;

/** Header names are compared in lower case. */
const readNames =
  (refuse: Refuse): ReadNames =>
  (names, field) => {
    if (names === undefined) return undefined;
    const tests = (names.patterns ?? []).map((pattern, i) =>
      compileStringMatcher(pattern, refuse, fieldIn(field, `patterns[${i}]`)),
    );
    return (name) => tests.some((test) => test(name));
  };

function readService(
  service: HttpService,
  names: ReadNames,
  refuse: Refuse,
  field: string,
): Pick<ExtAuthzConfig, 'cluster' | 'timeoutMs' | 'pathPrefix' | 'request' | 'response'> {
  const {
    server_uri = {},
    path_prefix = '',
    authorization_request,
    authorization_response,
    ...rest
  } = service;
  refuseRest(refuse, field, rest);
  if (!server_uri.cluster) refuse(fieldIn(field, 'server_uri.cluster'), 'is missing');
  if (path_prefix !== '' && !path_prefix.startsWith('/'))
    refuse(fieldIn(field, 'path_prefix'), 'does not begin with a slash');
  return {
    cluster: server_uri.cluster ?? '',
    timeoutMs: readDurationMs(server_uri.timeout, TIMEOUT_MS, refuse, fieldIn(field, 'server_uri.timeout')),
    pathPrefix: path_prefix,
    request: readRequest(authorization_request ?? {}, names, refuse, fieldIn(field, 'authorization_request')),
    response: readResponse(
      authorization_response ?? {},
      names,
      refuse,
      fieldIn(field, 'authorization_response'),
    ),
  };
}

function readRequest(
  message: RequestMessage,
  names: ReadNames,
  refuse: Refuse,
  field: string,
): ExtAuthzConfig['request'] {
  const { allowed_headers, headers_to_add = [], ...rest } = message;
  refuseRest(refuse, field, rest);
  return {
    allowed: names(allowed_headers, fieldIn(field, 'allowed_headers')),
    disallowed: undefined,
    added: headers_to_add.map(({ key = '', value = '' }) => [key, value] as const),
  };
}

function readResponse(
  message: ResponseMessage,
  names: ReadNames,
  refuse: Refuse,
  field: string,
): ExtAuthzConfig['response'] {
  const { allowed_upstream_headers, allowed_upstream_headers_to_append, ...more } = message;
  const { allowed_client_headers, allowed_client_headers_on_success, ...others } = more;
  const { dynamic_metadata_from_headers, ...rest } = others;
  refuseRest(refuse, field, rest);
  const read = (list: Names | undefined, name: string): NameTest => names(list, fieldIn(field, name));
  return {
    toUpstream: read(allowed_upstream_headers, 'allowed_upstream_headers'),
    appendedToUpstream: read(allowed_upstream_headers_to_append, 'allowed_upstream_headers_to_append'),
    toClient: read(allowed_client_headers, 'allowed_client_headers'),
    toClientOnSuccess: read(allowed_client_headers_on_success, 'allowed_client_headers_on_success'),
    toMetadata: read(dynamic_metadata_from_headers, 'dynamic_metadata_from_headers'),
  };
}

const STATUS_NAMES: Readonly<Record<string, number>> = {
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  TooManyRequests: 429,
  InternalServerError: 500,
  BadGateway: 502,
  ServiceUnavailable: 503,
  GatewayTimeout: 504,
};

function readStatus(status: Message['status_on_error'], refuse: Refuse, field: string): number {
  const { code = 'Forbidden' } = status ?? {};
  const number = typeof code === 'number' ? code : STATUS_NAMES[code];
  if (number === undefined) refuse(field, `'${code}' is not supported by this proxy`);
  return number ?? 403;
}

export function lowerExtAuthzRoute(
  message: AnyMessage,
  { refuse, field }: MessageContext,
): ExtAuthzRouteConfig {
  const { '@type': _type, disabled, check_settings, ...more } = message;
  refuseRest(refuse, field, more);
  // Extensions of the context are told to gRPC services only; bodies are never told, so leaving them out is no change.
  const { context_extensions, disable_request_body_buffering, ...rest } = (check_settings ?? {}) as {
    readonly [field: string]: unknown;
  };
  refuseRest(refuse, fieldIn(field, 'check_settings'), rest);
  return { disabled: disabled === true };
}
