import type { PathModifier } from '../../../api/gateway/shared/filters.ts';
import type { PathMatch, Redirect, Rewrite } from '../../../mesh/route.ts';

/** What a path becomes, as far as the model has words for it. */
export type PathChange = Pick<Rewrite, 'path' | 'pathRegex'>;

/**
 * A path modifier for requests of one match. Replacing a prefix leaves one slash between what is put in and the rest:
 * `/foo` by `/xyz/` makes `/foo/bar` to `/xyz/bar`, `/foo` by nothing makes `/foo` to `/` (HTTPPathModifier).
 */
export function pathChange(modifier: PathModifier | undefined, path: PathMatch): PathChange {
  if (modifier === undefined) return {};
  if (modifier.type === 'ReplaceFullPath') {
    const full = modifier.replaceFullPath ?? '';
    return { pathRegex: { match: '^/.*$', replacement: substitution(full === '' ? '/' : full) } };
  }
  const replacement = (modifier.replacePrefixMatch ?? '').replace(/\/$/, '');
  if (path.type === 'prefix') return replacement === '' ? {} : { path: `${replacement}/` };
  if (path.type !== 'segments') return {};
  if (replacement !== '') return { path: replacement };
  return { pathRegex: { match: `^${quoted(path.value)}/*`, replacement: '/' } };
}

/** The same for a redirect's location. */
export function redirectPath(
  modifier: PathModifier | undefined,
  path: PathMatch,
): Pick<Redirect, 'path' | 'prefix' | 'pathRegex'> {
  if (modifier?.type === 'ReplaceFullPath') return { path: modifier.replaceFullPath || '/' };
  const { path: prefix, pathRegex } = pathChange(modifier, path);
  if (pathRegex !== undefined) return { pathRegex };
  return prefix === undefined ? {} : { prefix };
}

function quoted(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

/** A backslash begins a group's number. */
function substitution(text: string): string {
  return text.replaceAll('\\', '\\\\');
}
