// Which names a client asks for. The clients of a mesh ask for the same thousands of names: equal sets are one set, kept
// once, and what is worked out for a set is worked out once.

/** Names that are asked for; never changed. */
export type NameSet = ReadonlySet<string>;

export const NO_NAMES: NameSet = new Set();

/** Smaller sets are not worth looking for an equal one. */
const SHARED_FROM = 16;
/** Sets that are looked for among; the ones that were not found for longest go first. */
const MAX_SHARED = 1024;
const shared = new Map<number, WeakRef<NameSet>>();

/** The set with these names more; the same set where it has them all. */
export function withNames(set: NameSet, names: readonly string[]): NameSet {
  if (names.every((name) => set.has(name))) return set;
  return sharedSet(set.size === 0 ? new Set(names) : new Set([...set, ...names]));
}

/** The set without these names; the same set where it has none of them. */
export function withoutNames(set: NameSet, names: readonly string[]): NameSet {
  if (!names.some((name) => set.has(name))) return set;
  const less = new Set(set);
  for (const name of names) less.delete(name);
  return less.size === 0 ? NO_NAMES : sharedSet(less);
}

/** An equal set that somebody has already, else this one. */
function sharedSet(set: NameSet): NameSet {
  if (set.size < SHARED_FROM) return set;
  const key = fingerprintOf(set);
  const known = shared.get(key)?.deref();
  const same = known !== undefined && equals(known, set) ? known : set;
  shared.delete(key);
  shared.set(key, new WeakRef(same));
  if (shared.size > MAX_SHARED) shared.delete(shared.keys().next().value as number);
  return same;
}

/** Whatever the order; two sets of one fingerprint are still compared. */
function fingerprintOf(set: NameSet): number {
  let sum = set.size;
  for (const name of set) {
    let hash = 0x811c9dc5;
    for (let i = 0; i < name.length; i++) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
    sum = (sum + hash) | 0;
  }
  return sum;
}

function equals(a: NameSet, b: NameSet): boolean {
  if (a.size !== b.size) return false;
  for (const name of b) if (!a.has(name)) return false;
  return true;
}
