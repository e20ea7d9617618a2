import type { EnvoyPatch } from '../../resolve/envoy-filter/patch.ts';
import { mergeMessages } from './merge.ts';

/** How a change treats the list that its place is in. */
export interface ListPlace<T> {
  /** Whether the patch means this item. */
  readonly matches: (item: T) => boolean;
  /** Whether the patch names an item; without a name ADD and INSERT stand at the ends. */
  readonly namesItem: boolean;
  /** Operations that nothing is done for where no item is named. */
  readonly onlyNamed?: readonly EnvoyPatch['operation'][];
  /** How one item is merged with a change; missing: as messages are. */
  readonly merge?: (item: T, change: EnvoyPatch['value'], lists: 'join' | 'replace') => T;
  /** An item that has to stay last: nothing is put behind it. */
  readonly isLast?: (item: T) => boolean;
}

/** The list after a patch; the same list where the patch finds nothing to change. */
export function changeList<T extends object>(
  list: readonly T[],
  patch: EnvoyPatch,
  place: ListPlace<T>,
): readonly T[] {
  const value = patch.value as T;
  if (!place.namesItem && place.onlyNamed?.includes(patch.operation) === true) return list;
  switch (patch.operation) {
    case 'ADD':
      return insertAt(list, endOf(list, value, place), value);
    case 'INSERT_FIRST':
      return !place.namesItem || list.some(place.matches) ? [value, ...list] : list;
    case 'INSERT_BEFORE':
    case 'INSERT_AFTER':
      return insertBeside(list, patch.operation === 'INSERT_AFTER', value, place);
    case 'REMOVE':
      return list.some(place.matches) ? list.filter((item) => !place.matches(item)) : list;
    default:
      return changeItems(list, patch, place);
  }
}

function changeItems<T extends object>(
  list: readonly T[],
  patch: EnvoyPatch,
  place: ListPlace<T>,
): readonly T[] {
  if (!list.some(place.matches)) return list;
  // REPLACE means one item, and never one that nobody named.
  if (patch.operation === 'REPLACE') {
    const at = place.namesItem ? list.findIndex(place.matches) : -1;
    return at < 0 ? list : list.map((item, i) => (i === at ? (patch.value as T) : item));
  }
  const lists = patch.operation === 'MERGE' ? 'join' : 'replace';
  const merge = place.merge ?? mergeMessages;
  return list.map((item) => (place.matches(item) ? merge(item, patch.value, lists) : item));
}

function insertBeside<T extends object>(
  list: readonly T[],
  after: boolean,
  value: T,
  place: ListPlace<T>,
): readonly T[] {
  if (!place.namesItem) return insertAt(list, after ? endOf(list, value, place) : 0, value);
  const at = list.findIndex(place.matches);
  if (at < 0) return list;
  const item = list[at] as T;
  return insertAt(list, after && place.isLast?.(item) !== true ? at + 1 : at, value);
}

function endOf<T extends object>(list: readonly T[], value: T, { isLast }: ListPlace<T>): number {
  const last = list.at(-1);
  return isLast !== undefined && last !== undefined && isLast(last) && !isLast(value)
    ? list.length - 1
    : list.length;
}

function insertAt<T>(list: readonly T[], at: number, value: T): readonly T[] {
  return [...list.slice(0, at), value, ...list.slice(at)];
}
