import { isInShare, perMillion } from '../../../../xds/match/fraction.ts';
import { fieldIn, refuseRest } from '../../../../xds/match/refuse.ts';
import { compileStringMatcher, type StringTest } from '../../../../xds/match/string-matcher.ts';
import type { AnyMessage, VirtualHost } from '../../../../xds/resources.ts';
import type { MessageContext } from '../../../stream/http-filter.ts';

/** extensions.filters.http.cors.v3.CorsPolicy. */
export interface CorsConfig {
  readonly origins: readonly StringTest[];
  readonly methods: string;
  readonly allowedHeaders: string;
  readonly exposedHeaders: string;
  readonly maxAge: string;
  readonly credentials: boolean;
  readonly privateNetwork: boolean;
  readonly forwardUnmatchedPreflights: boolean;
  enabled(draw: number): boolean;
  /** Where it is not enabled: origins are looked at and counted, and nothing else. */
  counted(draw: number): boolean;
}

export const CORS_MESSAGE = 'envoy.extensions.filters.http.cors.v3.Cors';
export const CORS_ROUTE_MESSAGE = 'envoy.extensions.filters.http.cors.v3.CorsPolicy';

export function lowerCorsPolicy(message: AnyMessage, { refuse, field }: MessageContext): CorsConfig {
  const {
    '@type': _type,
    allow_origin_string_match = [],
    allow_methods,
    allow_headers,
    ...more
  } = message as AnyMessage & NonNullable<VirtualHost['cors']>;
  const { expose_headers, max_age, allow_credentials = false, filter_enabled, ...after } = more;
  const {
    allow_private_network_access = false,
    forward_not_matching_preflights = true,
    shadow_enabled,
    ...rest
  } = after;
  refuseRest(refuse, field, rest);
  const share =
    filter_enabled?.default_value === undefined ? 1_000_000 : perMillion(filter_enabled.default_value);
  const shadowShare =
    shadow_enabled?.default_value === undefined ? 0 : perMillion(shadow_enabled.default_value);
  return {
    origins: allow_origin_string_match.map((matcher, i) =>
      compileStringMatcher(matcher, refuse, fieldIn(field, `allow_origin_string_match[${i}]`)),
    ),
    methods: allow_methods ?? '',
    allowedHeaders: allow_headers ?? '',
    exposedHeaders: expose_headers ?? '',
    maxAge: max_age ?? '',
    credentials: allow_credentials,
    privateNetwork: allow_private_network_access,
    forwardUnmatchedPreflights: forward_not_matching_preflights,
    enabled: (draw) => isInShare(share, draw),
    counted: (draw) => isInShare(shadowShare, draw),
  };
}
