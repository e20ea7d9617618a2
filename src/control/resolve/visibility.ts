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
