import { getHeader, removeHeader } from '../../../../wire/headers.ts';
import type { MutableRequest } from '../../../stream/http-filter.ts';
import { joined } from '../../../stream/request-state.ts';

/** Most tokens of one request that are looked at; a request with more is refused. */
export const MAX_TOKENS = 16;

/** Where a provider's tokens are found. */
export type TokenLocation =
  | { readonly kind: 'header'; readonly name: string; readonly prefix: string }
  | { readonly kind: 'param'; readonly name: string }
  | { readonly kind: 'cookie'; readonly name: string };

export interface FoundToken {
  readonly text: string;
  readonly location: TokenLocation;
}

/** Where tokens are looked for when nothing is said (RFC 6750). */
export const DEFAULT_LOCATIONS: readonly TokenLocation[] = [
  { kind: 'header', name: 'authorization', prefix: 'Bearer ' },
  { kind: 'param', name: 'access_token' },
];

/** Everything that is in these places: headers, then parameters, then cookies. */
export function findTokens(request: MutableRequest, locations: readonly TokenLocation[]): FoundToken[] {
  return locations.flatMap((location) => textsAt(request, location).map((text) => ({ text, location })));
}

/** Takes a token out of the request, so that the upstream does not see it. Cookies stay, as in Envoy. */
export function removeToken(request: MutableRequest, location: TokenLocation): void {
  if (location.kind === 'header') removeHeader(request.headers, location.name);
  else if (location.kind === 'param') request.path = withoutParam(request.path, location.name);
}

function textsAt(request: MutableRequest, location: TokenLocation): string[] {
  switch (location.kind) {
    case 'header': {
      // Several lines are one value, as for Envoy: a good token does not cover for what stands beside it.
      const value = joined(request.headers, location.name);
      return value === undefined ? [] : afterPrefix(value, location.prefix);
    }
    case 'param': {
      const value = paramOf(request.path, location.name);
      return value === undefined ? [] : [value];
    }
    case 'cookie':
      return cookieOf(getHeader(request.headers, 'cookie'), location.name);
  }
}

/** What comes after the prefix, wherever that is; characters that no token begins with are skipped. */
function afterPrefix(value: string, prefix: string): string[] {
  if (prefix === '') return [value];
  const at = value.indexOf(prefix);
  if (at < 0) return [];
  const rest = value.slice(at + prefix.length);
  const start = rest.search(/[\w.-]/);
  return [start < 0 ? value : rest.slice(start)];
}

function paramOf(path: string, name: string): string | undefined {
  const query = path.indexOf('?');
  if (query < 0) return undefined;
  return new URLSearchParams(path.slice(query + 1).replace(/#.*$/s, '')).get(name) ?? undefined;
}

/** The other parameters stay as they were written. */
function withoutParam(path: string, name: string): string {
  const query = path.indexOf('?');
  if (query < 0) return path;
  const kept = path
    .slice(query + 1)
    .split('&')
    .filter((pair) => !new URLSearchParams(pair).has(name));
  return kept.length === 0 ? path.slice(0, query) : `${path.slice(0, query)}?${kept.join('&')}`;
}

function cookieOf(header: string | undefined, name: string): string[] {
  for (const pair of (header ?? '').split(';')) {
    const equals = pair.indexOf('=');
    if (equals < 0 || pair.slice(0, equals).trim() !== name) continue;
    return [
      pair
        .slice(equals + 1)
        .trim()
        .replace(/^"(.*)"$/, '$1'),
    ];
  }
  return [];
}
