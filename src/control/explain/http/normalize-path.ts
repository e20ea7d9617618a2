import type { HttpConnectionManager } from '../../../xds/resources.ts';

const SLASH_ESCAPE = /%2f|%5c/i;

/** The path with query as routes and policies see it; undefined where it is none. */
export function normalizePath(path: string, config: HttpConnectionManager): string | undefined {
  const { normalize_path, merge_slashes, path_with_escaped_slashes_action: escaped } = config;
  const end = path.indexOf('?');
  let only = end < 0 ? path : path.slice(0, end);
  const query = end < 0 ? '' : path.slice(end);
  if (escaped !== undefined && escaped !== 'KEEP_UNCHANGED' && SLASH_ESCAPE.test(only)) {
    if (escaped === 'REJECT_REQUEST') return undefined;
    only = only.replace(/%2f/gi, '/').replace(/%5c/gi, '\\');
  }
  if (normalize_path === true) {
    if (!/^[/\\*]/.test(only)) return undefined;
    only = canonical(only);
  }
  if (merge_slashes === true) only = only.replace(/\/{2,}/g, '/');
  return only + query;
}

/** RFC 3986 §6.2.2: backslashes are slashes, unreserved characters unescaped and no others plain, dots resolved. */
function canonical(path: string): string {
  const escaped = path
    .replaceAll('\\', '/')
    .replace(/%([0-9a-fA-F]{2})/g, (all, hex: string) => {
      const character = String.fromCharCode(Number.parseInt(hex, 16));
      return /[A-Za-z0-9\-._~]/.test(character) ? character : all;
    })
    .replace(/[^\x21-\x7e]|["<>`{}]/gu, (character) =>
      Array.from(new TextEncoder().encode(character), percentEscape).join(''),
    );
  return /\/\./.test(escaped) ? resolveDots(escaped) : escaped;
}

function percentEscape(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

function resolveDots(path: string): string {
  const segments = path.split('/').slice(1);
  const kept: string[] = [];
  for (const [i, segment] of segments.entries()) {
    if (segment === '..') kept.pop();
    else if (segment !== '.') kept.push(segment);
    if (i === segments.length - 1 && (segment === '.' || segment === '..')) kept.push('');
  }
  return `/${kept.join('/')}`;
}
