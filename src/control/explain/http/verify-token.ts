import type { Json, JwtAuthentication, JwtProvider } from '../../../xds/resources.ts';
import { answered, type Ending } from '../ending.ts';
import type { Managed } from '../held.ts';
import type { Scene } from '../scene.ts';
import { kindOfOpened } from '../tls.ts';
import { localReply } from './local-reply.ts';
import { type Headers, headerOf, type Request, withHeader, withoutHeader } from './request.ts';

/** The claims of a call's token. */
export type Claims = Readonly<Record<string, Json>>;

/** What stands for a token in simulation: its claims are known, and its signature is good. */
export const TOKEN_TEXT = 'a token with the given claims';

/** Metadata of the filter, and the header that tokens come in unless a provider says. */
const FILTER = 'envoy.filters.http.jwt_authn';
const BEARER = 'Bearer ';

/** Why a token is refused, in the proxies' words. */
const REFUSED = {
  issuer: [401, 'Jwt issuer is not configured'],
  audience: [403, 'Audiences in Jwt are not allowed'],
  expired: [401, 'Jwt is expired'],
  notYetValid: [401, 'Jwt not yet valid'],
  signature: [401, 'Jwt verification fails'],
  format: [401, 'Jwt is not in the form of Header.Payload.Signature with two dots and 3 sections'],
} as const;

/**
 * The filter that verifies tokens: the request goes on with what the token says of it, or ends. Requests without a
 * token go on as they are: what control/emit makes asks for none.
 */
export function verifyToken(scene: Scene, config: JwtAuthentication, managed: Managed): Ending | Managed {
  const providers = Object.values(config.providers ?? {});
  const request = withoutClaims(managed.request, providers);
  const found = findToken(request, providers);
  if (found === undefined) return { ...managed, request };
  const { token, at } = found;
  const judged = token === undefined ? 'format' : judge(scene, token, at);
  if (typeof judged === 'string') {
    const [status, body] = REFUSED[judged];
    scene.trace.step(`the token is refused: ${body}`);
    const reply = localReply(request, status, body, 'jwt_authn_access_denied');
    return answered('deny', reply, kindOfOpened(managed.opened));
  }
  const claims = token as Claims;
  scene.trace.step(`the token of ${String(claims['iss'] ?? 'nobody')} is good`);
  return accepted(managed, request, judged, claims);
}

interface Found {
  /** Undefined for a text that is no token. */
  readonly token: Claims | undefined;
  /** Providers that look there. */
  readonly at: readonly JwtProvider[];
}

function findToken(request: Request, providers: readonly JwtProvider[]): Found | undefined {
  for (const provider of providers)
    for (const { name, value_prefix } of placesOf(provider)) {
      const text = headerOf(request.headers, name.toLowerCase());
      if (text === undefined || !text.startsWith(value_prefix)) continue;
      const at = providers.filter((other) =>
        placesOf(other).some((place) => place.name === name && place.value_prefix === value_prefix),
      );
      return { token: text === value_prefix + TOKEN_TEXT ? request.claims : undefined, at };
    }
  return undefined;
}

function placesOf({ from_headers = [], from_params = [], from_cookies = [] }: JwtProvider) {
  if (from_headers.length + from_params.length + from_cookies.length === 0)
    return [{ name: 'authorization', value_prefix: BEARER }];
  return from_headers.map(({ name = '', value_prefix = '' }) => ({ name, value_prefix }));
}

/** The provider that believes the token, or why none does. */
function judge(scene: Scene, claims: Claims, at: readonly JwtProvider[]): JwtProvider | keyof typeof REFUSED {
  const { testKeys, nowSeconds } = scene.places.mesh;
  const provider =
    at.find(({ issuer }) => issuer === claims['iss']) ?? at.find(({ issuer }) => issuer === undefined);
  if (provider === undefined) return 'issuer';
  const { exp, nbf } = claims;
  const skew = provider.clock_skew_seconds ?? 60;
  if (nowSeconds !== undefined && typeof nbf === 'number' && nowSeconds + skew < nbf) return 'notYetValid';
  if (nowSeconds !== undefined && typeof exp === 'number' && nowSeconds > exp + skew) return 'expired';
  const wanted = (provider.audiences ?? []).map(bare);
  if (wanted.length > 0 && !texts(claims['aud']).some((one) => wanted.includes(bare(one)))) return 'audience';
  return testKeys === undefined || provider.local_jwks?.inline_string === testKeys ? provider : 'signature';
}

/** Audiences are compared without scheme and final slash. */
function bare(audience: string): string {
  return audience.replace(/^https?:\/\//, '').replace(/\/$/, '');
}

function texts(value: Json | undefined): readonly string[] {
  return (Array.isArray(value) ? value : [value]).filter((one) => typeof one === 'string');
}

function accepted(managed: Managed, request: Request, provider: JwtProvider, claims: Claims): Managed {
  let headers: Headers = request.headers;
  if (provider.forward !== true)
    for (const { name } of placesOf(provider)) headers = withoutHeader(headers, name.toLowerCase());
  for (const { header_name = '', claim_name = '' } of provider.claim_to_headers ?? []) {
    const value = claimText(claims, claim_name.split('.'));
    if (value !== '') headers = withHeader(headers, header_name.toLowerCase(), value);
  }
  const payload = normalized(claims, provider.normalize_payload_in_metadata?.space_delimited_claims ?? []);
  const metadata: { readonly [key: string]: Json } = { [provider.payload_in_metadata ?? '']: payload };
  const { peer } = managed;
  return {
    ...managed,
    request: { ...request, headers },
    peer: { ...peer, metadata: (filter) => (filter === FILTER ? metadata : peer.metadata(filter)) },
  };
}

function claimText(claims: Claims, path: readonly string[]): string {
  let value: Json | undefined = claims as Json;
  for (const key of path)
    value = typeof value === 'object' && value !== null ? (value as Record<string, Json>)[key] : undefined;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : '';
}

function normalized(claims: Claims, spaceDelimited: readonly string[]): Json {
  const lists = spaceDelimited.flatMap((name) => {
    const value = claims[name];
    return typeof value === 'string' ? [[name, value.split(' ').filter((word) => word !== '')] as const] : [];
  });
  return { ...claims, ...Object.fromEntries(lists) } as Json;
}

/** Headers that only this filter may write. */
function withoutClaims(request: Request, providers: readonly JwtProvider[]): Request {
  let { headers } = request;
  for (const { claim_to_headers = [], forward_payload_header = '' } of providers)
    for (const name of [forward_payload_header, ...claim_to_headers.map((one) => one.header_name ?? '')])
      headers = withoutHeader(headers, name.toLowerCase());
  return { ...request, headers };
}
