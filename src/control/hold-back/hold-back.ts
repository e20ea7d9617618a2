/**
 * Holding back: changes may come in any order, and no request falls between them.
 *
 * In: the objects that are live as the store says, after each change. Out: the objects that the mesh is compiled from.
 * They are the same but for three things: a VirtualService that leads to a host or subset that does not exist stays in
 * its last version (or is not in use yet) until that exists; a subset that was taken out of a DestinationRule, or went
 * with it, stays as long as a VirtualService that is in use leads to it; and so does a Service or ServiceEntry. Called by
 * control/main.ts between store and compile. What never happens here: something that is held because of anything but a
 * reference that was good and would not be; what leads nowhere when the control plane starts does as Istio says, 503.
 */
import type { DestinationRule } from '../../api/istio/destination-rule.ts';
import type { VirtualService } from '../../api/istio/virtual-service.ts';
import type { KindId } from '../../api/kinds.ts';
import { keyText, type ObjectKey } from '../../api/object.ts';
import type { Resource } from '../../api/resources.ts';
import { fullHost, hostMatches, kubernetesHost } from '../../mesh/hostname.ts';
import { type LiveChange, type LiveResources, withChanges } from '../watch/live-resources.ts';
import { type Reference, referencesOf, referentsOf } from './references.ts';

/** One object that is not used as it is written. */
export interface HeldObject {
  readonly key: ObjectKey;
  /** Of the written version, or of the last one where the object was deleted. */
  readonly file: string;
  readonly line: number;
  /** `stale`: an earlier version is in use. `waiting`: none is. */
  readonly state: 'stale' | 'waiting';
  readonly field: string;
  readonly message: string;
}

/** What the mesh is made from. */
export interface Held {
  readonly resources: LiveResources;
  readonly objects: readonly HeldObject[];
}

const RULE = 'networking.istio.io/VirtualService';
const SUBSETS = 'networking.istio.io/DestinationRule';
const HOSTS = ['/Service', 'networking.istio.io/ServiceEntry'] as const;

/** Nothing is held of the first objects. */
export function heldNothing(resources: LiveResources): Held {
  return { resources, objects: [] };
}

/** The next objects, given what the mesh was made from before. */
export function holdBack(live: LiveResources, before: Held, clusterDomain: string): Held {
  const used = before.resources;
  const isSame = (kind: KindId): boolean => live.list(kind) === used.list(kind);
  const targetsAreSame = [SUBSETS, ...HOSTS].every((kind) => isSame(kind as KindId));
  if (isSame(RULE) && targetsAreSame) return heldNothing(live);
  const round = new Round(live, used, clusterDomain);
  const rules = live.list(RULE).flatMap((rule) => round.ruleInUse(rule) ?? []);
  if (!targetsAreSame) for (const rule of rules) round.keepWhatItNeeds(rule);
  return round.result();
}

/** The work on one change. */
class Round {
  readonly #live: LiveResources;
  readonly #used: LiveResources;
  readonly #domain: string;
  readonly #there: ReturnType<typeof referentsOf>;
  readonly #wasThere: ReturnType<typeof referentsOf>;
  readonly #changes = new Map<string, LiveChange>();
  readonly #objects: HeldObject[] = [];

  constructor(live: LiveResources, used: LiveResources, clusterDomain: string) {
    this.#live = live;
    this.#used = used;
    this.#domain = clusterDomain;
    this.#there = referentsOf(live, clusterDomain);
    this.#wasThere = referentsOf(used, clusterDomain);
  }

  /** The version of a VirtualService to use; undefined for none yet. */
  ruleInUse(rule: Resource<VirtualService>): Resource<VirtualService> | undefined {
    const { namespace, name } = rule.key;
    const last = this.#used.get(RULE, namespace, name);
    if (last === rule) return rule;
    const broken = referencesOf(rule, this.#domain).find(
      (one) => !exists(one, this.#there) && !this.#wasBroken(last, one),
    );
    if (broken === undefined) return rule;
    const { file } = rule.provenance;
    const line = rule.provenance.lineOf(broken.field);
    const message = `${textOf(broken)} does not exist yet; ${last === undefined ? 'the rules are not in use until it does' : 'the last version stays in use until it does'}`;
    const state = last === undefined ? 'waiting' : 'stale';
    this.#hold(rule.key, last, { file, line, state, field: broken.field, message });
    return last;
  }

  /** Requests that led nowhere before need no protection. */
  #wasBroken(last: Resource<VirtualService> | undefined, { host, subset }: Reference): boolean {
    const same =
      last && referencesOf(last, this.#domain).find((one) => one.host === host && one.subset === subset);
    return same !== undefined && !exists(same, this.#wasThere);
  }

  /** Keeps what a VirtualService in use leads to, where it was there and is no more. */
  keepWhatItNeeds(rule: Resource<VirtualService>): void {
    for (const reference of referencesOf(rule, this.#domain)) {
      const { host, subset } = reference;
      if (!this.#there.hasHost(host) && this.#wasThere.hasHost(host)) this.#keepHost(host, rule);
      if (subset === '' || this.#there.hasSubset(host, subset) || !this.#wasThere.hasSubset(host, subset))
        continue;
      this.#keepSubset(host, subset, rule);
    }
  }

  #keepHost(host: string, user: Resource): void {
    for (const kind of HOSTS)
      for (const resource of this.#used.list(kind) as readonly Resource[])
        if (hostsOf(resource, this.#domain).some((one) => hostMatches(one, host)))
          this.#keepDeleted(resource, user, `${host} still`);
  }

  #keepSubset(host: string, subset: string, user: Resource): void {
    for (const last of this.#used.list(SUBSETS)) {
      const { host: short, subsets = [] } = last.object.spec;
      const found = subsets.find(({ name }) => name === subset);
      if (found === undefined || !hostMatches(fullHost(short, last.key.namespace, this.#domain), host))
        continue;
      const now = this.#live.get(SUBSETS, last.key.namespace, last.key.name);
      if (now === undefined) this.#keepDeleted(last, user, `its subset ${subset}`);
      else this.#keepIn(now, found, user);
    }
  }

  #keepDeleted(last: Resource, user: Resource, what: string): void {
    const { file, line } = last.provenance;
    const message = `it is deleted, but ${nameOf(user)} leads to ${what}; it stays in use until that changes`;
    this.#hold(last.key, last, { file, line, state: 'stale', field: '', message });
  }

  /** The DestinationRule as it is written now, with a subset that it had. */
  #keepIn(now: Resource<DestinationRule>, subset: SubsetOf, user: Resource): void {
    const held = this.#changes.get(keyText(now.key))?.resource as Resource<DestinationRule> | undefined;
    const { file, line } = now.provenance;
    const message = `the subset ${subset.name} is taken out, but ${nameOf(user)} leads to it; it stays in use until that changes`;
    const kept = withSubset(held ?? now, subset);
    this.#hold(now.key, kept, { file, line, state: 'stale', field: 'spec.subsets', message });
  }

  #hold(key: ObjectKey, resource: Resource | undefined, why: Omit<HeldObject, 'key'>): void {
    const text = keyText(key);
    if (!this.#changes.has(text)) this.#objects.push({ key, ...why });
    this.#changes.set(text, { key, resource });
  }

  result(): Held {
    if (this.#changes.size === 0) return heldNothing(this.#live);
    const changed = withChanges(this.#live, [...this.#changes.values()]);
    return { resources: { ...changed, revision: this.#live.revision }, objects: this.#objects };
  }
}

type SubsetOf = NonNullable<DestinationRule['spec']['subsets']>[number];

/** The same resource for the same two: nothing is sent anew while a subset is held. */
function withSubset(rule: Resource<DestinationRule>, subset: SubsetOf): Resource<DestinationRule> {
  const { spec } = rule.object;
  if (spec.subsets?.some(({ name }) => name === subset.name)) return rule;
  const made = withSubsets.get(rule) ?? new Map<SubsetOf, Resource<DestinationRule>>();
  withSubsets.set(rule, made);
  const object = { ...rule.object, spec: { ...spec, subsets: [...(spec.subsets ?? []), subset] } };
  const found = made.get(subset) ?? { ...rule, object };
  made.set(subset, found);
  return found;
}

const withSubsets = new WeakMap<Resource, Map<SubsetOf, Resource<DestinationRule>>>();

function exists({ host, subset }: Reference, there: ReturnType<typeof referentsOf>): boolean {
  return there.hasHost(host) && (subset === '' || there.hasSubset(host, subset));
}

function hostsOf({ key, object }: Resource, clusterDomain: string): readonly string[] {
  if (key.kind === 'Service') return [kubernetesHost(key.name, key.namespace, clusterDomain)];
  return (object as { readonly spec: { readonly hosts?: readonly string[] } }).spec.hosts ?? [];
}

function textOf({ host, subset }: Reference): string {
  return subset === '' ? `the service ${host}` : `the subset ${subset} of ${host}`;
}

function nameOf({ key: { kind, namespace, name } }: Resource): string {
  return `${kind} ${namespace}/${name}`;
}
