/** `exportTo` with `.` written out; the mesh's default where it is empty. */
export function exportedTo(
  exportTo: readonly string[] | undefined,
  namespace: string,
  standard: readonly string[],
): readonly string[] {
  const list = exportTo === undefined || exportTo.length === 0 ? standard : exportTo;
  return list.map((entry) => (entry === '.' ? namespace : entry));
}

/** Whether clients in the namespace see what is exported so. */
export function visibleIn(exportTo: readonly string[], namespace: string): boolean {
  return exportTo.includes('*') || exportTo.includes(namespace);
}

/** An object with whom it is exported to, and whose it is. */
interface Exported {
  readonly namespace: string;
  readonly exportTo: readonly string[];
}

/**
 * Those that clients in a namespace see, in the order in which they decide: first what only their own namespace says to
 * itself, then what is said to it by name, then what is said to all (Istio). Within each the order stays.
 */
export function seenFrom<T extends Exported>(all: readonly T[], namespace: string): readonly T[] {
  const seen = all.filter(({ exportTo }) => visibleIn(exportTo, namespace));
  if (seen.every(({ exportTo }) => exportTo.includes('*'))) return seen;
  return [...seen].sort((a, b) => distance(a, namespace) - distance(b, namespace));
}

function distance({ namespace: owner, exportTo }: Exported, namespace: string): number {
  if (exportTo.includes('*')) return 2;
  return owner === namespace ? 0 : 1;
}
