import { fieldIn, refuseRest } from '../../../../xds/match/refuse.ts';
import type { AnyMessage, RouteAction, VirtualHost } from '../../../../xds/resources.ts';
import { readChoice, readDurationMs } from '../../../fields.ts';
import { type HeaderOperations, readHeaderOperations } from '../../../stream/header-operations.ts';
import type { HttpFilterContext, MessageContext } from '../../../stream/http-filter.ts';
import { type RateLimitPolicy, readRateLimits } from '../../../stream/rate-limit-policy.ts';
import { type GrpcServiceConfig, readGrpcService } from '../grpc-call.ts';
import { readStatusCode } from '../status-code.ts';

/** extensions.filters.http.ratelimit.v3.RateLimit: a service counts for many proxies. */
export interface RateLimitConfig {
  readonly domain: string;
  readonly stage: number;
  readonly requestType: 'both' | 'internal' | 'external';
  readonly timeoutMs: number;
  readonly failureDenies: boolean;
  readonly statusOnError: number;
  readonly limitedStatus: number;
  readonly grpcStatus: number | undefined;
  readonly tellsLimits: boolean;
  /** x-envoy-ratelimited on answers of its own. */
  readonly marks: boolean;
  readonly responseHeaders: HeaderOperations;
  readonly service: GrpcServiceConfig;
  readonly statPrefix: string;
}

/** What a route says. */
export interface RateLimitRouteConfig {
  readonly virtualHost: 'OVERRIDE' | 'INCLUDE' | 'IGNORE';
  readonly domain: string;
  /** In place of the route's own; empty: the route's own. */
  readonly policies: readonly RateLimitPolicy[];
}

export const RATELIMIT_MESSAGE = 'envoy.extensions.filters.http.ratelimit.v3.RateLimit';
export const RATELIMIT_ROUTE_MESSAGE = 'envoy.extensions.filters.http.ratelimit.v3.RateLimitPerRoute';

const TIMEOUT_MS = 20;
const RESOURCE_EXHAUSTED = 8;

interface Message {
  readonly domain?: string;
  readonly stage?: number;
  readonly request_type?: string;
  readonly timeout?: string;
  readonly failure_mode_deny?: boolean;
  readonly rate_limited_as_resource_exhausted?: boolean;
  readonly rate_limit_service?: {
    readonly grpc_service?: object;
    readonly transport_api_version?: string;
  };
  readonly enable_x_ratelimit_headers?: string;
  readonly disable_x_envoy_ratelimited_header?: boolean;
  readonly rate_limited_status?: { readonly code?: string | number };
  readonly response_headers_to_add?: VirtualHost['response_headers_to_add'];
  readonly status_on_error?: { readonly code?: string | number };
  readonly stat_prefix?: string;
}

export function lowerRateLimit(message: AnyMessage, { refuse, field }: HttpFilterContext): RateLimitConfig {
  const { '@type': _type, ...fields } = message;
  const {
    domain = '',
    stage = 0,
    request_type,
    timeout,
    failure_mode_deny = false,
    ...more
  } = fields as Message;
  const { rate_limited_as_resource_exhausted, rate_limit_service, enable_x_ratelimit_headers, ...others } =
    more;
  const { disable_x_envoy_ratelimited_header, rate_limited_status, response_headers_to_add, ...most } =
    others;
  const { status_on_error, stat_prefix = '', ...rest } = most;
  refuseRest(refuse, field, rest);
  if (domain === '') refuse(fieldIn(field, 'domain'), 'is missing');
  const { grpc_service, transport_api_version: _version, ...unknown } = rate_limit_service ?? {};
  const place = fieldIn(field, 'rate_limit_service');
  refuseRest(refuse, place, unknown);
  const timeoutMs = readDurationMs(timeout, TIMEOUT_MS, refuse, fieldIn(field, 'timeout'));
  const limited = readStatusCode(rate_limited_status, 429, refuse, fieldIn(field, 'rate_limited_status'));
  const types = ['both', 'internal', 'external'] as const;
  return {
    domain,
    stage,
    requestType: readChoice(request_type || undefined, 'both', types, refuse, fieldIn(field, 'request_type')),
    timeoutMs,
    failureDenies: failure_mode_deny,
    statusOnError: readStatusCode(status_on_error, 500, refuse, fieldIn(field, 'status_on_error')),
    limitedStatus: limited < 400 ? 429 : limited,
    grpcStatus: rate_limited_as_resource_exhausted === true ? RESOURCE_EXHAUSTED : undefined,
    tellsLimits: enable_x_ratelimit_headers === 'DRAFT_VERSION_03',
    marks: disable_x_envoy_ratelimited_header !== true,
    responseHeaders: readHeaderOperations(response_headers_to_add, undefined, 'response', refuse, field),
    service: readGrpcService(grpc_service, timeoutMs, refuse, fieldIn(place, 'grpc_service')),
    statPrefix: stat_prefix === '' ? '' : `${stat_prefix}.`,
  };
}

export function lowerRateLimitRoute(
  message: AnyMessage,
  { refuse, field }: MessageContext,
): RateLimitRouteConfig {
  const { '@type': _type, ...fields } = message;
  const {
    vh_rate_limits,
    override_option,
    rate_limits,
    domain = '',
    ...rest
  } = fields as {
    readonly vh_rate_limits?: string;
    readonly override_option?: string;
    readonly rate_limits?: RouteAction['rate_limits'];
    readonly domain?: string;
  };
  refuseRest(refuse, field, rest);
  if (override_option !== undefined && override_option !== 'DEFAULT')
    refuse(fieldIn(field, 'override_option'), `'${override_option}' is not supported by this proxy`);
  const options = ['OVERRIDE', 'INCLUDE', 'IGNORE'] as const;
  return {
    virtualHost: readChoice(vh_rate_limits, 'OVERRIDE', options, refuse, fieldIn(field, 'vh_rate_limits')),
    domain,
    policies: readRateLimits(rate_limits, {}, refuse, field),
  };
}
