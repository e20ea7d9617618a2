import { typeUrls } from '../../xds/resources.ts';
import type { ProxyView } from '../compile.ts';
import type { Emitted } from '../emit/emitted.ts';
import { isForEverybody } from './secrets.ts';

// Which secrets one proxy may ask for: those that its own configuration names. What a proxy asks for says nothing: a
// sidecar that was broken into asks for the certificates of the gateway beside it. Beside this, secrets.ts gives out
// nothing of other namespaces that was not lent.

/**
 * A name that is no longer referred to is good for so long: the proxy's old listener needs it until the new one is in
 * place. After that a renewed key does not reach it.
 */
export const GRANT_LINGER_MS = 60_000;

/** Names that a proxy subscribes to, by type. */
export type Asked = (typeUrl: string) => Iterable<string>;

/** The secrets of one stream. As many names are remembered as it subscribes to. */
export class SecretGrants {
  #namedAtMs = new Map<string, number>();

  /** Those of the names that the proxy of this view may have now. */
  among(names: ReadonlySet<string>, view: ProxyView, asked: Asked, nowMs: number): ReadonlySet<string> {
    const own = [...names].filter((name) => !isForEverybody(name));
    const referred = own.length === 0 ? NO_NAMES : secretsNamedIn(view, asked);
    const namedAtMs = new Map<string, number>();
    for (const name of own) {
      const sinceMs = referred.has(name) ? nowMs : this.#namedAtMs.get(name);
      if (sinceMs !== undefined && nowMs - sinceMs <= GRANT_LINGER_MS) namedAtMs.set(name, sinceMs);
    }
    this.#namedAtMs = namedAtMs;
    if (own.length === 0) return names;
    return new Set([...names].filter((name) => isForEverybody(name) || namedAtMs.has(name)));
  }
}

function secretsNamedIn(view: ProxyView, asked: Asked): ReadonlySet<string> {
  const found = new Set<string>();
  const add = (resources: readonly Emitted[]): void => {
    for (const { object } of resources) for (const name of namesIn(object)) found.add(name);
  };
  add(view.listeners());
  add(view.clusters());
  // Of a proxy on demand there is more, by name.
  add(view.listeners([...asked(typeUrls.listener)]));
  add(view.clusters([...asked(typeUrls.cluster)]));
  return found;
}

/** Resources never change, and many proxies share them: each is searched once. */
const searched = new WeakMap<object, readonly string[]>();
const NONE: readonly string[] = [];
const NO_NAMES: ReadonlySet<string> = new Set();

function namesIn(resource: object): readonly string[] {
  const known = searched.get(resource);
  if (known !== undefined) return known;
  const names: string[] = [];
  search(resource, false, names);
  const made = names.length === 0 ? NONE : names;
  searched.set(resource, made);
  return made;
}

/** `tls_certificate_sds_secret_configs`, `validation_context_sds_secret_config` and whatever else ends like these. */
const REFERENCE = /sds_secret_configs?$/;

function search(value: unknown, isReference: boolean, names: string[]): void {
  if (typeof value !== 'object' || value === null) return;
  if (Array.isArray(value)) {
    for (const one of value) search(one, isReference, names);
    return;
  }
  for (const [key, inner] of Object.entries(value)) {
    if (isReference && key === 'name' && typeof inner === 'string') names.push(inner);
    else search(inner, REFERENCE.test(key), names);
  }
}
