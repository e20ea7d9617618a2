import type { HttpConnectionManager } from '../resources.ts';

// One path, one spelling: before routes and policies look at it, so that none of them can be gone around.

export interface PathSettings {
  readonly normalize: boolean;
  readonly mergeSlashes: boolean;
  readonly escapedSlashes: 'keep' | 'reject' | 'redirect' | 'forward';
}

/** What became of a path that is not taken as it is. */
export type PathProblem =
  | { readonly kind: 'invalid'; readonly message: string }
  /** The client is to ask for this one. */
  | { readonly kind: 'redirect'; readonly path: string };

const ESCAPED_SLASHES: Readonly<Record<string, PathSettings['escapedSlashes']>> = {
  REJECT_REQUEST: 'reject',
  UNESCAPE_AND_REDIRECT: 'redirect',
  UNESCAPE_AND_FORWARD: 'forward',
};

/** What a connection manager says of paths. */
export function readPathSettings(
  message: {
    readonly [K in 'normalize_path' | 'merge_slashes' | 'path_with_escaped_slashes_action']?:
      | HttpConnectionManager[K]
      | undefined;
  },
): PathSettings {
  return {
    normalize: message.normalize_path ?? false,
    mergeSlashes: message.merge_slashes ?? false,
    escapedSlashes: ESCAPED_SLASHES[message.path_with_escaped_slashes_action ?? ''] ?? 'keep',
  };
}

const SLASH_ESCAPE = /%2f|%5c/i;

/** The path with query in its normal form, or why it is none. One character per byte. */
export function normalizePath(path: string, settings: PathSettings): string | PathProblem {
  const { normalize, mergeSlashes, escapedSlashes } = settings;
  const end = path.indexOf('?');
  let only = end < 0 ? path : path.slice(0, end);
  const query = end < 0 ? '' : path.slice(end);
  const isEscaped = escapedSlashes !== 'keep' && SLASH_ESCAPE.test(only);
  if (isEscaped) {
    if (escapedSlashes === 'reject') return { kind: 'invalid', message: 'The path holds an escaped slash.' };
    only = only.replace(/%2f/gi, '/').replace(/%5c/gi, '\\');
  }
  if (normalize) {
    const normal = canonical(only);
    if (normal === undefined) return { kind: 'invalid', message: 'The path is not valid.' };
    only = normal;
  }
  const whole = (mergeSlashes ? merged(only) : only) + query;
  return isEscaped && escapedSlashes === 'redirect' ? { kind: 'redirect', path: whole } : whole;
}

/** Nothing but slashes becomes two of them, as in Envoy. */
function merged(path: string): string {
  if (!path.includes('//')) return path;
  return /^\/+$/.test(path) ? '//' : path.replace(/\/{2,}/g, '/');
}

/**
 * RFC 3986 section 6.2.2 as Envoy's URL library does it: backslashes are slashes, unreserved characters unescaped, dots
 * resolved, also those with parameters (`/a/..;x/b` is what some servers take for `/b`).
 */
function canonical(path: string): string | undefined {
  if (path === '' || path === '*') return path;
  // Nothing in it that could change: nearly every path.
  if (!/[%\\]|\/\.|[^\x21-\x7e]|["<>^`{|}]/.test(path)) return path[0] === '/' ? path : undefined;
  const slashes = path.replaceAll('\\', '/');
  // Behind a NUL, escaped or not, many a server reads no further: there is no one meaning of such a path.
  if (slashes[0] !== '/' || /\0|%00/.test(slashes)) return undefined;
  const unescaped = slashes
    .replace(/%([0-9a-fA-F]{2})/g, (all, hex: string) => {
      const character = String.fromCharCode(Number.parseInt(hex, 16));
      return /[A-Za-z0-9\-._~]/.test(character) ? character : all;
    })
    // Behind the escapes, for the dots may have been some.
    .replace(/\/(\.\.?);[^/]*(?=\/|$)/g, '/$1')
    .replace(
      /[^\x21-\x7e]|["<>^`{|}]/g,
      (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
    );
  return resolveDots(unescaped);
}

function resolveDots(path: string): string {
  const segments = path.split('/').slice(1);
  const kept: string[] = [];
  for (const [i, segment] of segments.entries()) {
    const last = i === segments.length - 1;
    if (segment === '..') kept.pop();
    else if (segment !== '.') kept.push(segment);
    if (last && (segment === '.' || segment === '..')) kept.push('');
  }
  return `/${kept.join('/')}`;
}
