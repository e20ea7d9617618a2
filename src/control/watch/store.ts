/**
 * The resource store: what all sources deliver, reduced to the objects that count.
 *
 * In: batches of changes from sources (source.ts). Out: an unchanging view of live objects, typed by kind, and a
 * status of every document. Called by control/main.ts; commands that read files once use it too. Nothing that was good
 * is lost on bad input: a document that is invalid or cannot be read leaves its object's last good version live. Of
 * two documents for one object the one that was there first counts. What never happens here: I/O, and knowledge of
 * what objects mean to each other.
 */
import { keyText } from '../../api/object.ts';
import type { Resource, Resources } from '../../api/resources.ts';
import type { Claim } from './claim.ts';
import { type LiveChange, type LiveResources, noResources, withChanges } from './live-resources.ts';
import { noClaims, type OriginClaims, readOrigin } from './origin-claims.ts';
import type { Change } from './source.ts';
import type { ObjectStatus } from './status.ts';
import { statusesOf } from './store-status.ts';

/** Keeps the valid objects of all sources. */
export interface ResourceStore {
  /** Takes in one batch of changes; listeners hear of it once. */
  apply(batch: readonly Change[]): void;
  /** What is live now: an unchanging view. Its revision goes up only where a live object changed. */
  resources(): LiveResources;
  /** State of every document and of every file that cannot be read, in order of file and line. */
  statuses(): readonly ObjectStatus[];
  /** The statuses that are not ok, in no order; costs little after a small change. */
  refused(): readonly ObjectStatus[];
  /** Calls back after each batch that changed live objects or a status; the returned function ends it. */
  subscribe(listener: (resources: Resources) => void): () => void;
}

/** An empty store. */
export function makeResourceStore(): ResourceStore {
  return new Store();
}

class Store implements ResourceStore {
  readonly #origins = new Map<string, OriginClaims>();
  /** Claims to each key over all origins, the oldest first. */
  readonly #claims = new Map<string, Claim[]>();
  readonly #listeners = new Set<(resources: Resources) => void>();
  #live: LiveResources = noResources;
  #liveByKey = new Map<string, Resource>();
  /** By origin, as far as they have been asked for since they may have changed. */
  readonly #statuses = new Map<string, readonly ObjectStatus[]>();
  #lastAge = 0;

  apply(batch: readonly Change[]): void {
    const touched = new Map<string, Claim['key']>();
    for (const change of batch) this.#applyOne(change, touched);
    const changes = [...touched].flatMap(([text, key]) => this.#settle(text, key));
    if (changes.length > 0) this.#live = withChanges(this.#live, changes);
    if (batch.length > 0) for (const listener of this.#listeners) listener(this.#live);
  }

  resources(): LiveResources {
    return this.#live;
  }

  statuses(): readonly ObjectStatus[] {
    return this.#unordered().sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
  }

  refused(): readonly ObjectStatus[] {
    return this.#unordered().filter(({ state }) => state !== 'ok');
  }

  #unordered(): ObjectStatus[] {
    const all: ObjectStatus[] = [];
    for (const [origin, claims] of this.#origins) {
      let own = this.#statuses.get(origin);
      if (own === undefined) {
        own = statusesOf(origin, claims, (key) => this.#liveByKey.get(key));
        this.#statuses.set(origin, own);
      }
      for (const one of own) all.push(one);
    }
    return all;
  }

  subscribe(listener: (resources: Resources) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  #applyOne(change: Change, touched: Map<string, Claim['key']>): void {
    this.#statuses.delete(change.origin);
    const before = this.#origins.get(change.origin) ?? noClaims;
    const now = change.type === 'delete' ? noClaims : readOrigin(before, change, () => ++this.#lastAge);
    for (const claim of before.claims.values()) this.#replace(claim, now.claims.get(claim.id), touched);
    for (const claim of now.claims.values())
      if (!before.claims.has(claim.id)) this.#replace(undefined, claim, touched);
    if (change.type === 'delete') this.#origins.delete(change.origin);
    else this.#origins.set(change.origin, now);
  }

  #replace(before: Claim | undefined, now: Claim | undefined, touched: Map<string, Claim['key']>): void {
    const key = (now ?? before)?.key;
    if (key === undefined || before === now) return;
    const text = keyText(key);
    const others = (this.#claims.get(text) ?? []).filter((claim) => claim !== before);
    // Rare: what counts of an object may now be what another origin says.
    if (others.length > 0) this.#statuses.clear();
    const claims = now === undefined ? others : [...others, now].sort((a, b) => a.age - b.age);
    if (claims.length === 0) this.#claims.delete(text);
    else this.#claims.set(text, claims);
    touched.set(text, key);
  }

  /** The oldest claim with a good version is the live one. */
  #settle(text: string, key: Claim['key']): LiveChange[] {
    const resource = this.#claims.get(text)?.find(({ good }) => good !== undefined)?.good;
    if (resource === this.#liveByKey.get(text)) return [];
    if (resource === undefined) this.#liveByKey.delete(text);
    else this.#liveByKey.set(text, resource);
    return [{ key, resource }];
  }
}
