/**
 * Whether two values of plain data (JSON values, Maps and Sets of them) are equal. Absent and undefined fields are
 * the same; order of keys does not matter, order in lists and Maps does. Shared parts cost nothing.
 */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null)
    return Number.isNaN(a) && Number.isNaN(b);
  if (Array.isArray(a)) return Array.isArray(b) && equalLists(a, b);
  if (a instanceof Map) return b instanceof Map && equalLists([...a], [...b]);
  if (a instanceof Set) return b instanceof Set && equalLists([...a], [...b]);
  return (
    !Array.isArray(b) && !(b instanceof Map) && !(b instanceof Set) && equalRecords(a as Fields, b as Fields)
  );
}

type Fields = Readonly<Record<string, unknown>>;

function equalLists(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!deepEqual(a[i], b[i])) return false;
  return true;
}

function equalRecords(a: Fields, b: Fields): boolean {
  for (const key in a) if (!deepEqual(a[key], b[key])) return false;
  for (const key in b) if (b[key] !== undefined && a[key] === undefined) return false;
  return true;
}
