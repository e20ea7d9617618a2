import { formatProtoDuration } from '../../../lib/duration.ts';
import type { Cors, Fault, HttpRule } from '../../../mesh/route.ts';
import type { Session } from '../../../mesh/session.ts';
import { type AnyMessage, any, type Route } from '../../../xds/resources.ts';
import { ASKED, authorizerFilterName } from '../security/route-authorizer.ts';
import { stringMatcher } from './match.ts';
import { SESSION_FILTER, sessionFilter } from './session.ts';

type FilterConfig = Pick<Route, 'typed_per_filter_config'>;

/** What a rule sets for filters: faults made on purpose, CORS, sessions, and who is asked. */
export function perFilterConfig(rule: HttpRule, session: Session | undefined): FilterConfig {
  const filters: Record<string, AnyMessage> = {};
  if (rule.fault !== undefined) filters['envoy.filters.http.fault'] = faultFilter(rule.fault);
  if (rule.cors !== undefined) filters['envoy.filters.http.cors'] = corsFilter(rule.cors);
  if (rule.authorizer !== undefined) filters[authorizerFilterName(rule.authorizer)] = ASKED;
  if (session !== undefined) filters[SESSION_FILTER] = sessionFilter(session);
  return Object.keys(filters).length === 0 ? {} : { typed_per_filter_config: filters };
}

/** Sessions alone. */
export function sessionConfig(session: Session): FilterConfig {
  return { typed_per_filter_config: { [SESSION_FILTER]: sessionFilter(session) } };
}

/** Envoy counts shares in millionths. */
export function fraction(percent: number) {
  return { numerator: Math.round(percent * 10_000), denominator: 'MILLION' } as const;
}

function faultFilter({ delay, abort }: Fault): AnyMessage {
  return any('envoy.extensions.filters.http.fault.v3.HTTPFault', {
    ...(delay === undefined
      ? {}
      : { delay: { fixed_delay: formatProtoDuration(delay.delayMs), percentage: fraction(delay.percent) } }),
    ...(abort === undefined
      ? {}
      : {
          abort: {
            ...(abort.httpStatus === undefined ? {} : { http_status: abort.httpStatus }),
            ...(abort.grpcStatus === undefined ? {} : { grpc_status: abort.grpcStatus }),
            percentage: fraction(abort.percent),
          },
        }),
  });
}

function corsFilter(cors: Cors): AnyMessage {
  return any('envoy.extensions.filters.http.cors.v3.CorsPolicy', {
    ...(cors.origins.length === 0 ? {} : { allow_origin_string_match: cors.origins.map(stringMatcher) }),
    ...listed('allow_methods', cors.methods),
    ...listed('allow_headers', cors.headers),
    ...listed('expose_headers', cors.exposeHeaders),
    ...(cors.maxAgeMs === undefined ? {} : { max_age: String(Math.trunc(cors.maxAgeMs / 1000)) }),
    ...(cors.credentials === undefined ? {} : { allow_credentials: cors.credentials }),
    filter_enabled: { default_value: { numerator: 100, denominator: 'HUNDRED' } },
    forward_not_matching_preflights: cors.forwardUnmatchedPreflights !== false,
  });
}

function listed(field: string, values: readonly string[]) {
  return values.length === 0 ? {} : { [field]: values.join(',') };
}
