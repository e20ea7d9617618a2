import { isDnsLabel } from '../../check/host.ts';
import type { Report } from '../../report.ts';

interface Options {
  /** `~` (nobody) is allowed: ServiceEntry. */
  readonly nobody?: boolean;
  /** Only the object's own namespace is allowed: DestinationRule with a workload selector. */
  readonly ownNamespaceOnly?: boolean;
}

/** `exportTo`: `*` (everyone), `.` (this namespace), namespaces, `~` (nobody); no doubles, `*` and `~` alone. */
export function checkExportTo(
  exportTo: readonly string[] | undefined,
  namespace: string,
  report: Report,
  options: Options = {},
): void {
  const seen = new Set<string>();
  for (const [i, entry] of (exportTo ?? []).entries()) {
    const meant = entry === '.' ? namespace : entry;
    const problem = seen.has(meant) ? `"${entry}" is already in this list` : entryProblem(entry, options);
    if (problem !== undefined) report.error(['exportTo', i], problem);
    seen.add(meant);
  }
  const combined = combinationProblem(seen, exportTo?.length ?? 0, namespace, options);
  if (combined !== undefined) report.error('exportTo', combined);
}

function entryProblem(entry: string, options: Options): string | undefined {
  if (entry === '*' || entry === '.' || isDnsLabel(entry)) return undefined;
  if (entry !== '~')
    return `"${entry}" is not a namespace; use a name, "." for this namespace or "*" for all`;
  return options.nobody === true ? undefined : '"~" (nobody) is only possible in a ServiceEntry';
}

function combinationProblem(
  seen: ReadonlySet<string>,
  length: number,
  namespace: string,
  options: Options,
): string | undefined {
  if (length === 0) return undefined;
  if (length > 1 && seen.has('*')) return '"*" already means every namespace; leave the other entries out';
  if (length > 1 && seen.has('~')) return '"~" means nobody; it cannot be combined with other entries';
  if (options.ownNamespaceOnly === true && (seen.size > 1 || !seen.has(namespace)))
    return 'a DestinationRule with a workloadSelector holds in its own namespace only; write exportTo: ["."]';
  return undefined;
}
