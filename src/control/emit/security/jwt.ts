import { type JwtRule, NO_KEYS } from '../../../mesh/authentication.ts';
import {
  any,
  type JwtAuthentication,
  type JwtProvider,
  type JwtRequirement,
} from '../../../xds/resources.ts';
import { PAYLOAD, TOKENS } from './claims.ts';
import type { HttpFilter } from './rbac-types.ts';

/** Key sets by where they are; undefined while one has not been fetched. */
export type KeysOf = (uri: string) => string | undefined;

/**
 * The filter that verifies tokens. A request without any passes; one with a token passes where a rule believes it.
 * `routed`: routes look at claims, so the route is chosen anew once they are known.
 */
export function jwtFilter(rules: readonly JwtRule[], keysOf: KeysOf, routed: boolean): HttpFilter {
  const names = rules.map((_, i) => `origins-${i}`);
  const providers = rules.map((rule, i) => [names[i] ?? '', provider(rule, keysOf, routed)] as const);
  const message: JwtAuthentication = {
    providers: Object.fromEntries(providers),
    rules: [{ match: { prefix: '/' }, requires: requirement(names) }],
    bypass_cors_preflight: true,
  };
  return {
    name: TOKENS,
    typed_config: any('envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication', message),
  };
}

function provider(rule: JwtRule, keysOf: KeysOf, routed: boolean): JwtProvider {
  const keys = rule.keys !== '' ? rule.keys : (keysOf(rule.keysUri) ?? NO_KEYS);
  const { fromHeaders, fromParams, fromCookies, spaceDelimitedClaims } = rule;
  return {
    ...(rule.issuer === '' ? {} : { issuer: rule.issuer }),
    ...(rule.audiences.length === 0 ? {} : { audiences: rule.audiences }),
    local_jwks: { inline_string: keys },
    ...(rule.forward ? { forward: true } : {}),
    ...(fromHeaders.length === 0 ? {} : { from_headers: fromHeaders.map(headerPlace) }),
    ...(fromParams.length === 0 ? {} : { from_params: fromParams }),
    ...(fromCookies.length === 0 ? {} : { from_cookies: fromCookies }),
    ...(rule.payloadHeader === '' ? {} : { forward_payload_header: rule.payloadHeader }),
    ...(rule.claimHeaders.length === 0
      ? {}
      : {
          claim_to_headers: rule.claimHeaders.map(({ header, claim }) => ({
            header_name: header,
            claim_name: claim,
          })),
        }),
    payload_in_metadata: PAYLOAD,
    normalize_payload_in_metadata: {
      space_delimited_claims: [...new Set(['scope', 'permission', ...spaceDelimitedClaims])],
    },
    ...(routed ? { clear_route_cache: true } : {}),
  };
}

function headerPlace({ name, prefix }: JwtRule['fromHeaders'][number]) {
  return prefix === '' ? { name } : { name, value_prefix: prefix };
}

/**
 * One token that any rule believes is enough. With several rules there may also be several tokens, each of which its
 * rule must believe, or none at all.
 */
function requirement(names: readonly string[]): JwtRequirement {
  const each = names.map((provider_name): JwtRequirement => ({ provider_name }));
  if (each.length === 1) return { requires_any: { requirements: [...each, { allow_missing: {} }] } };
  const everyOrNone = names.map(
    (provider_name): JwtRequirement => ({
      requires_any: { requirements: [{ provider_name }, { allow_missing: {} }] },
    }),
  );
  return { requires_any: { requirements: [...each, { requires_all: { requirements: everyOrNone } }] } };
}
