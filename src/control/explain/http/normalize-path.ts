import { normalizePath as normalize, readPathSettings } from '../../../xds/match/path-normalization.ts';
import type { HttpConnectionManager } from '../../../xds/resources.ts';

/** The path with query as routes and policies see it; undefined where it is none, or the client is to ask for another. */
export function normalizePath(path: string, config: HttpConnectionManager): string | undefined {
  const bytes = Array.from(new TextEncoder().encode(path), (byte) => String.fromCharCode(byte)).join('');
  const normal = normalize(bytes, readPathSettings(config));
  if (typeof normal !== 'string') return undefined;
  return new TextDecoder().decode(Uint8Array.from(normal, (character) => character.charCodeAt(0)));
}
