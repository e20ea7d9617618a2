import type { Json, JwtAuthentication, JwtProvider } from '../../../xds/resources.ts';
import { answered, type Ending } from '../ending.ts';
import type { Managed } from '../held.ts';
import type { Scene } from '../scene.ts';
import { kindOfOpened } from '../tls.ts';
import { localReply } from './local-reply.ts';
import { headerOf, type Request, withHeader, withoutHeader } from './request.ts';

/** The claims of a call's token. */
export type Claims = Readonly<Record<string, Json>>;

/** What stands for a token in simulation: its claims are known, and its signature is good. */
export const TOKEN_TEXT = 'a.token.with.the.claims';

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
  return accepted(scene, managed, request, judged, claims);
}

interface Found {
  /** Undefined for a text that is no token. */
  readonly token: Claims | undefined;
  /** Providers that look there. */
  readonly at: readonly JwtProvider[];
}

/** The first that is there: in headers, then in parameters, then in cookies. */
function findToken(request: Request, providers: readonly JwtProvider[]): Found | undefined {
  const places = providers.flatMap(placesOf);
  for (const kind of ['header', 'param', 'cookie'] as const)
    for (const place of places.filter((one) => one.kind === kind)) {
      const text = textAt(request, place);
      if (text === undefined) continue;
      const at = providers.filter((other) => placesOf(other).some((one) => isSame(one, place)));
      return { token: text === TOKEN_TEXT ? request.claims : undefined, at };
    }
  return undefined;
}

/** Where a token may stand. */
interface Place {
  readonly kind: 'header' | 'param' | 'cookie';
  readonly name: string;
  readonly prefix: string;
}

function isSame(one: Place, other: Place): boolean {
  return one.kind === other.kind && one.name === other.name && one.prefix === other.prefix;
}

/** Unless a provider says, where RFC 6750 has it. */
const USUAL: readonly Place[] = [
  { kind: 'header', name: 'authorization', prefix: BEARER },
  { kind: 'param', name: 'access_token', prefix: '' },
];

function placesOf({ from_headers = [], from_params = [], from_cookies = [] }: JwtProvider): readonly Place[] {
  const places: Place[] = [
    ...from_headers.map(({ name = '', value_prefix: prefix = '' }) => ({
      kind: 'header' as const,
      name: name.toLowerCase(),
      prefix,
    })),
    ...from_params.map((name) => ({ kind: 'param' as const, name, prefix: '' })),
    ...from_cookies.map((name) => ({ kind: 'cookie' as const, name, prefix: '' })),
  ];
  return places.length === 0 ? USUAL : places;
}

function textAt({ headers, path }: Request, { kind, name, prefix }: Place): string | undefined {
  if (kind === 'header') {
    const text = headerOf(headers, name);
    const at = text?.indexOf(prefix) ?? -1;
    return at < 0 ? undefined : text?.slice(at + prefix.length);
  }
  if (kind === 'param')
    return (
      new URLSearchParams(path.includes('?') ? path.slice(path.indexOf('?') + 1) : '').get(name) ?? undefined
    );
  const cookies = (headerOf(headers, 'cookie') ?? '').split(';').map((one) => one.trim());
  return cookies.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** The request without what stands in a place. Cookies stay. */
function withoutPlace(request: Request, { kind, name }: Place): Request {
  if (kind === 'header') return { ...request, headers: withoutHeader(request.headers, name) };
  const query = request.path.indexOf('?');
  if (kind === 'cookie' || query < 0) return request;
  const kept = request.path
    .slice(query + 1)
    .split('&')
    .filter((pair) => pair.split('=', 1)[0] !== name);
  const path = request.path.slice(0, query);
  return { ...request, path: kept.length === 0 ? path : `${path}?${kept.join('&')}` };
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

function accepted(
  scene: Scene,
  managed: Managed,
  sent: Request,
  provider: JwtProvider,
  claims: Claims,
): Managed {
  const places = placesOf(provider).filter((place) => textAt(sent, place) === TOKEN_TEXT);
  const request = provider.forward === true ? sent : places.reduce(withoutPlace, sent);
  let { headers } = request;
  if (provider.forward_payload_header !== undefined) {
    // Who signs the token may put an expiry into it.
    if (claims['exp'] === undefined) scene.trace.unsure.add('headers');
    headers = withHeader(headers, provider.forward_payload_header.toLowerCase(), payloadText(claims));
  }
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

/** The middle of the token: base64url without padding, of JSON that begins with the expiry. */
function payloadText(claims: Claims): string {
  const text = base64(JSON.stringify({ exp: claims['exp'], ...claims }));
  return text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

function claimText(claims: Claims, path: readonly string[]): string {
  let value: Json | undefined = claims as Json;
  for (const key of path)
    value = typeof value === 'object' && value !== null ? (value as Record<string, Json>)[key] : undefined;
  if (typeof value === 'object' && value !== null) return base64(JSON.stringify(value));
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
