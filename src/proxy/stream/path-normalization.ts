import type { Reply } from './http-filter.ts';
import type { PathSettings } from './manager.ts';

// One path, one spelling: before routes and policies look at it, so that none of them can be gone around.

const SLASH_ESCAPE = /%2f|%5c/i;

/** The path with query in its normal form, or why it is none. */
export function normalizePath(path: string, settings: PathSettings): string | Reply {
  const { normalize, mergeSlashes, escapedSlashes } = settings;
  const end = path.indexOf('?');
  let only = end < 0 ? path : path.slice(0, end);
  const query = end < 0 ? '' : path.slice(end);
  if (escapedSlashes !== 'keep' && SLASH_ESCAPE.test(only)) {
    if (escapedSlashes === 'reject')
      return bad('path_normalization_failed', 'The path holds an escaped slash.');
    only = only.replace(/%2f/gi, '/').replace(/%5c/gi, '\\');
    if (escapedSlashes === 'redirect') return redirect(only + query);
  }
  if (normalize) {
    const normal = canonical(only);
    if (normal === undefined) return bad('path_normalization_failed', 'The path is not valid.');
    only = normal;
  }
  if (mergeSlashes) only = only.replace(/\/{2,}/g, '/');
  return only + query;
}

function bad(details: string, body: string): Reply {
  return { status: 400, body, details };
}

function redirect(location: string): Reply {
  return { status: 307, body: '', details: 'path_normalization_redirect', headers: ['location', location] };
}

/** RFC 3986 §6.2.2 as Envoy's URL library does it: backslashes are slashes, unreserved characters unescaped, dots resolved. */
function canonical(path: string): string | undefined {
  if (path === '' || path === '*') return path;
  // Nothing in it that could change: nearly every path.
  if (!/[%\\]|\/\.|[^\x21-\x7e]|["<>`{}]/.test(path)) return path[0] === '/' ? path : undefined;
  const slashes = path.replaceAll('\\', '/');
  if (slashes[0] !== '/') return undefined;
  const unescaped = slashes
    .replace(/%([0-9a-fA-F]{2})/g, (all, hex: string) => {
      const character = String.fromCharCode(Number.parseInt(hex, 16));
      return /[A-Za-z0-9\-._~]/.test(character) ? character : all;
    })
    .replace(
      /[^\x21-\x7e]|["<>`{}]/g,
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
