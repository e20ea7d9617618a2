// Lists that are put together anew each time, of things that are the same each time: an equal list is the same list, so
// that whatever follows from it is worked out once.

/** Lists that are remembered of those that begin with the same thing; the ones that were not found for longest go first. */
const MAX_ALIKE = 16;

/** A list is remembered as long as somebody holds it. */
const byFirst = new WeakMap<object, readonly WeakRef<readonly object[]>[]>();

/** A list of these very things, in this order, that somebody has already, else this one; it must never change. */
export function sharedList<T extends object>(list: readonly T[]): readonly T[] {
  const [first] = list;
  if (first === undefined) return EMPTY;
  const alike = byFirst.get(first) ?? [];
  const newest = alike[0]?.deref();
  if (newest !== undefined && isSame(newest, list)) return newest as readonly T[];
  const found = alike.find((one) => isSame(one.deref(), list));
  const others = alike.filter((one) => one !== found && one.deref() !== undefined);
  byFirst.set(first, [found ?? new WeakRef(list), ...others.slice(0, MAX_ALIKE - 1)]);
  return (found?.deref() ?? list) as readonly T[];
}

const EMPTY: readonly never[] = [];

function isSame(a: readonly object[] | undefined, b: readonly object[]): boolean {
  return a !== undefined && a.length === b.length && a.every((one, i) => one === b[i]);
}
