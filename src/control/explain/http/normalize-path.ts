import {
  normalizePath as normalize,
  type PathProblem,
  readPathSettings,
} from '../../../xds/match/path-normalization.ts';
import type { HttpConnectionManager } from '../../../xds/resources.ts';

/** The path with query as routes and policies see it; or that it is none, or which one the client is to ask for instead. */
export function normalizePath(path: string, config: HttpConnectionManager): string | PathProblem {
  // Nobody takes a request with such a target.
  if (/[^\x21-\x7e]/.test(path)) return { kind: 'invalid', message: 'The path is not valid.' };
  const bytes = Array.from(new TextEncoder().encode(path), (byte) => String.fromCharCode(byte)).join('');
  const normal = normalize(bytes, readPathSettings(config));
  if (typeof normal === 'string') return textOf(normal);
  return normal.kind === 'redirect' ? { ...normal, path: textOf(normal.path) } : normal;
}

function textOf(bytes: string): string {
  return new TextDecoder().decode(Uint8Array.from(bytes, (character) => character.charCodeAt(0)));
}
