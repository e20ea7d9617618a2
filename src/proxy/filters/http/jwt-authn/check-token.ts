import { removeHeader, setHeader } from '../../../../wire/headers.ts';
import type { Json } from '../../../../xds/resources.ts';
import type { FilterStream } from '../../../stream/http-filter.ts';
import { FAILURE, type Failure } from './failure.ts';
import { bareAudience, type Provider } from './provider.ts';
import { RemoteKeys } from './remote-keys.ts';
import { type JsonObject, parseToken, type Token } from './token.ts';
import {
  type FoundToken,
  findTokens,
  MAX_TOKENS,
  removeToken,
  type TokenLocation,
} from './token-locations.ts';

/** A request while its tokens are looked at. */
export interface Checked {
  readonly stream: FilterStream;
  /** What goes into the filter's metadata when all is well. */
  readonly metadata: { [key: string]: Json };
  /** A good token wants the route chosen again. */
  clearsRoute: boolean;
}

/** What is asked of the tokens that are found. */
export interface TokenRules {
  /** One of them: the one that the token's issuer names, if there are several. */
  readonly providers: readonly Provider[];
  /** In place of the provider's; empty for none. */
  readonly audiences: readonly string[];
  readonly allowMissing: boolean;
  readonly allowFailed: boolean;
}

/** Undefined where all is well; a promise only where a signature had to be checked. */
export type Outcome = Failure | undefined | Promise<Failure | undefined>;

/** Takes away what only this filter may say: a caller could write it too. */
export function removeClaims({ stream }: Checked, providers: readonly Provider[]): void {
  for (const { payloadHeader, claimHeaders } of providers) {
    if (payloadHeader !== '') removeHeader(stream.request.headers, payloadHeader);
    for (const { header } of claimHeaders) removeHeader(stream.request.headers, header);
  }
}

/** Checks every token of the request, the last found first, as Envoy does. */
export function checkTokens(checked: Checked, rules: TokenRules): Outcome {
  const tokens =
    rules.providers.length === 1 ? tokensOf(checked, rules.providers) : tokensOfAll(checked, rules);
  if (tokens.length === 0) return rules.allowMissing ? undefined : FAILURE.missing;
  if (tokens.length > MAX_TOKENS) return rules.allowFailed ? undefined : FAILURE.tooMany;
  return checkEach(checked, rules, tokens.toReversed());
}

async function checkEach(
  checked: Checked,
  rules: TokenRules,
  tokens: readonly FoundToken[],
): Promise<Failure | undefined> {
  let last: Failure | undefined;
  for (const found of tokens) {
    last = await checkToken(checked, rules, found);
    if (last !== undefined && !rules.allowFailed && !rules.allowMissing) return last;
  }
  return rules.allowFailed ? undefined : last;
}

async function checkToken(
  checked: Checked,
  rules: TokenRules,
  found: FoundToken,
): Promise<Failure | undefined> {
  const token = parseToken(found.text);
  if (typeof token === 'string') return token;
  const provider = providerOf(rules.providers, token.issuer, found.location);
  if (provider === undefined) return FAILURE.issuer;
  const nowSeconds = Math.floor(checked.stream.clock.nowMs() / 1000);
  const failure = checkClaims(token, provider, rules.audiences, nowSeconds);
  if (failure !== undefined) return failure;
  const { keys } = provider;
  const usable = keys instanceof RemoteKeys ? await keys.get(checked.stream.clock) : keys;
  if (usable === undefined) return FAILURE.fetch;
  const { verifySignature } = await import('./signature.ts');
  const wrong = await verifySignature(token, usable);
  if (wrong === undefined && !checked.stream.over) takeOver(checked, provider, token, found.location);
  return wrong;
}

function checkClaims(
  token: Token,
  provider: Provider,
  audiences: readonly string[],
  nowSeconds: number,
): Failure | undefined {
  const { clockSkewSeconds, subject, requiresExpiry, maxLifetimeSeconds } = provider;
  if (nowSeconds + clockSkewSeconds < token.notBefore) return FAILURE.notYetValid;
  if (token.expiry > 0 && nowSeconds > token.expiry + clockSkewSeconds) return FAILURE.expired;
  const wanted = audiences.length > 0 ? audiences : provider.audiences;
  if (wanted.length > 0 && !token.audiences.some((one) => wanted.includes(bareAudience(one))))
    return FAILURE.audience;
  if (subject !== undefined && !subject(token.subject)) return FAILURE.verification;
  if (token.expiry === 0)
    return requiresExpiry || maxLifetimeSeconds !== undefined ? FAILURE.verification : undefined;
  const tooLong = maxLifetimeSeconds !== undefined && token.expiry - nowSeconds > maxLifetimeSeconds;
  return tooLong ? FAILURE.verification : undefined;
}

/** A good token: claims go where they were asked for, and the token away unless it is to be forwarded. */
function takeOver(checked: Checked, provider: Provider, token: Token, location: TokenLocation): void {
  const { stream, metadata } = checked;
  const { headers } = stream.request;
  const { payloadHeader, padPayload, claimHeaders, payloadKey, headerKey } = provider;
  const padding = padPayload ? '='.repeat((4 - (token.payloadText.length % 4)) % 4) : '';
  if (payloadHeader !== '') setHeader(headers, payloadHeader, token.payloadText + padding);
  for (const { header, claim } of claimHeaders) {
    const text = claimText(token.payload, claim);
    if (text !== '') headers.push(header, text);
  }
  if (!provider.forward) removeToken(stream.request, location);
  if (provider.clearsRoute && (claimHeaders.length > 0 || payloadKey !== '')) checked.clearsRoute = true;
  if (headerKey !== '') metadata[headerKey] = token.header;
  if (payloadKey !== '') metadata[payloadKey] = normalized(token.payload, provider.spaceDelimited);
}

/** As a header has it: one character per byte, lists and objects as base64 of JSON. '' for what has no place in one. */
function claimText(payload: JsonObject, path: readonly string[]): string {
  let value: Json | undefined = payload as Json;
  for (const key of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return '';
    value = (value as { readonly [key: string]: Json })[key];
  }
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number')
    return value >= 0 && Number.isInteger(value) ? String(value) : value.toFixed(6);
  if (typeof value === 'object' && value !== null)
    return Buffer.from(JSON.stringify(value)).toString('base64');
  if (typeof value !== 'string') return '';
  // A line end in a claim would be a line end in the request.
  return /[\r\n\0]/.test(value) ? '' : Buffer.from(value, 'utf8').toString('latin1');
}

function normalized(payload: JsonObject, spaceDelimited: readonly string[]): JsonObject {
  if (spaceDelimited.length === 0) return payload;
  const lists = spaceDelimited.flatMap((name) => {
    const value = Object.hasOwn(payload, name) ? payload[name] : undefined;
    return typeof value === 'string' ? [[name, value.split(' ').filter((word) => word !== '')]] : [];
  });
  return { ...payload, ...Object.fromEntries(lists) };
}

function tokensOf({ stream }: Checked, providers: readonly Provider[]): FoundToken[] {
  return providers.flatMap(({ locations }) => findTokens(stream.request, locations));
}

/** Several providers may look in one place: what is there counts once. */
function tokensOfAll({ stream }: Checked, { providers }: TokenRules): FoundToken[] {
  const places = new Map(
    providers.flatMap(({ locations }) => locations.map((one) => [JSON.stringify(one), one] as const)),
  );
  return findTokens(stream.request, [...places.values()]);
}

/** Who says that tokens are here: by issuer, else one who takes any issuer. */
function providerOf(
  providers: readonly Provider[],
  issuer: string,
  location: TokenLocation,
): Provider | undefined {
  const place = JSON.stringify(location);
  const here = providers.filter(({ locations }) => locations.some((one) => JSON.stringify(one) === place));
  return (
    here.find((provider) => provider.issuer !== '' && provider.issuer === issuer) ??
    here.find((provider) => provider.issuer === '')
  );
}
