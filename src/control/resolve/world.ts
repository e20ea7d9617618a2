/**
 * Resolving: the second stage of the control plane.
 *
 * In: the valid objects of the store, and how the control plane was started. Out: the mesh model (src/mesh), and a
 * finding for each reference to nothing. Called by control/emit and explain, which ask for what they need. Every
 * function here is a step (src/lib/steps.ts): it computes one thing for one key and reads only through its reader, so
 * that it runs again exactly when something it read has changed. What never happens here: names of xDS resources,
 * I/O, clocks, a change to an object.
 *
 * Each object becomes its part of the model in a step of its own (virtual-services.ts, services.ts, workloads.ts...);
 * other steps put the parts together: who sees what (visibility.ts), which rule is the older one (rules-for.ts).
 * Keys of steps are texts of a few parts: `keyOf('default', 'reviews')`.
 */
import type { MeshConfig } from '../../api/istio/mesh-config.ts';
import type { KindId, KindTypes } from '../../api/kinds.ts';
import type { Resource, Resources } from '../../api/resources.ts';
import type { Fact, Reader, Step } from '../../lib/steps.ts';
import type { KeySet } from '../../mesh/authentication.ts';
import type { Origin } from '../../mesh/origin.ts';
import type { Age } from '../../mesh/service.ts';

/** How the control plane was started, as far as it matters to the model. */
export interface WorldSettings {
  /** That of the CA. Default: the mesh configuration's, which is `cluster.local` by default. */
  readonly trustDomain?: string;
  /** Other names of the trust domain, beside those of the mesh configuration. */
  readonly trustDomainAliases?: readonly string[];
  /** Suffix of the names of Kubernetes Services. Default `cluster.local`. */
  readonly clusterDomain?: string;
  /** Namespace whose policies hold for the whole mesh. Default `istio-system`. */
  readonly rootNamespace?: string;
  /** Resolvers, `IP` or `IP:PORT`, to ask for names that are not in the mesh. Default none: such names do not exist. */
  readonly dnsUpstreams?: readonly string[];
  /** Where access logs go unless the mesh configuration says; default '': nowhere. */
  readonly accessLogFile?: string;
  /** The mesh configuration; default: that of the ConfigMap `istio` in the root namespace. */
  readonly meshConfig?: MeshConfig;
  /**
   * There is no platform: Deployments stand for workloads of their own, and what has no address is given one. For
   * `weft dump`, `explain` and `test` of plain files. Default false.
   */
  readonly offline?: boolean;
  /** Key sets (JWKS) that rules fetch, by where they are: what was last fetched of each. */
  readonly keySets?: ReadonlyMap<string, KeySet>;
  /** The key set that `jwks: test` stands for, in `weft test` only; default: one that believes nobody. */
  readonly testKeys?: string;
}

/** Everything a step can look up. */
export interface World {
  readonly resources: Resources;
  readonly settings: WorldSettings;
}

export type Read = Reader<World>;
export type MeshStep<V> = Step<World, V>;

/** Defines a step that computes `V` for a key. */
export function step<V>(
  name: string,
  run: (read: Read, key: string) => V,
  same?: (old: V, now: V) => boolean,
): MeshStep<V> {
  return same === undefined ? { name, run } : { name, run, same };
}

export const settingsFact: Fact<World, WorldSettings> = {
  name: 'settings',
  fetch: (world) => world.settings,
  source: (world) => world.settings,
};

/** A key set by where it is; undefined until it has been fetched. */
export const keySetFact: Fact<World, KeySet | undefined> = {
  name: 'key set',
  fetch: (world, uri) => world.settings.keySets?.get(uri),
  source: (world) => world.settings.keySets,
};

const sources = new Map<KindId, (world: World) => unknown>();
const listFacts = new Map<KindId, Fact<World, readonly Resource[]>>();
const objectFacts = new Map<KindId, Fact<World, Resource | undefined>>();

/** Where all facts about objects of a kind come from: the list is the same as long as none of them changed. */
function sourceOf(kind: KindId): (world: World) => unknown {
  let source = sources.get(kind);
  if (source === undefined) sources.set(kind, (source = (world) => world.resources.list(kind)));
  return source;
}

/** All objects of a kind, by namespace and name. Changes with any of them. */
export function listOf<K extends KindId>(read: Read, kind: K): readonly Resource<KindTypes[K]>[] {
  let fact = listFacts.get(kind);
  if (fact === undefined) {
    fact = {
      name: `list ${kind}`,
      fetch: (world) => world.resources.list(kind),
      source: sourceOf(kind),
    };
    listFacts.set(kind, fact);
  }
  return read.fact(fact, '') as readonly Resource<KindTypes[K]>[];
}

/** One object; `name` may hold no NUL. */
export function objectOf<K extends KindId>(
  read: Read,
  kind: K,
  namespace: string,
  name: string,
): Resource<KindTypes[K]> | undefined {
  let fact = objectFacts.get(kind);
  if (fact === undefined) {
    const fetch = (world: World, key: string) => {
      const [ns = '', name = ''] = partsOf(key);
      return world.resources.get(kind, ns, name);
    };
    fact = { name: kind, fetch, source: sourceOf(kind) };
    objectFacts.set(kind, fact);
  }
  return read.fact(fact, keyOf(namespace, name)) as Resource<KindTypes[K]> | undefined;
}

/** The object that a fact of {@link objectOf} is about; undefined where it is another fact, or the object is not there. */
export function objectOfFact(resources: Resources, fact: object, key: string): Resource | undefined {
  for (const [kind, known] of objectFacts) {
    if (known !== fact) continue;
    const [namespace = '', name = ''] = partsOf(key);
    return resources.get(kind, namespace, name);
  }
  return undefined;
}

const SEPARATOR = '\u0000';

/** A key of several parts. Names of objects hold no NUL. */
export function keyOf(...parts: readonly (string | number)[]): string {
  return parts.join(SEPARATOR);
}

/** The parts of a key of {@link keyOf}. */
export function partsOf(key: string): string[] {
  return key.split(SEPARATOR);
}

/** The key of an object's steps: its namespace and name. */
export function objectKey(resource: Resource): string {
  return keyOf(resource.key.namespace, resource.key.name);
}

/** An object, or a field of it, as the reason for something. */
export function originOf(resource: Resource, field?: string): Origin {
  const { group, kind, namespace, name } = resource.key;
  return field === undefined ? { group, kind, namespace, name } : { group, kind, namespace, name, field };
}

export function ageOf(
  resource: Resource<{ readonly metadata: { readonly creationTimestamp?: string } }>,
): Age {
  const { namespace, name } = resource.key;
  return { created: resource.object.metadata.creationTimestamp ?? '', name: `${name}.${namespace}` };
}
