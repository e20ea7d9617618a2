import type { FieldError } from './finding.ts';
import { checkIstioAnnotations } from './istio/annotations.ts';
import type { Kind } from './kind.ts';
import { findKind, type KindProblem } from './kinds.ts';
import { checkMetadata } from './metadata.ts';
import { groupOf, type ObjectKey, type ObjectMeta } from './object.ts';
import { isPlainObject, withoutNulls } from './plain.ts';
import { openReport, type Report } from './report.ts';
import { checkAgainst } from './schema-errors.ts';

/** What became of one value that should be an object of the API. */
export interface Validated {
  /** What could be read of its identity. Without `key` it is not even known which object this is. */
  readonly key?: ObjectKey;
  /** The kind, where it is one that weft reads. */
  readonly kind?: Kind;
  /** The typed object, where there are no errors and weft reads its kind. */
  readonly object?: unknown;
  readonly valid: boolean;
  readonly errors: readonly FieldError[];
  readonly warnings: readonly FieldError[];
}

/** Objects that do not name a namespace are in this one. */
export const DEFAULT_NAMESPACE = 'default';

/** Judges one value by itself: its kind, its fields, and what must hold between them. */
export function validateObject(value: unknown): Validated {
  const report = openReport();
  if (!isPlainObject(value)) {
    report.error([], 'this is not an object; a resource begins with apiVersion, kind and metadata');
    return { valid: false, errors: report.errors, warnings: report.warnings };
  }
  const named = checkNames(value, report);
  const found = named === undefined ? undefined : findKind(named.apiVersion, named.kind);
  if (found !== undefined && !('body' in found)) reportKindProblem(found, report);
  const kind = found !== undefined && 'body' in found ? found : undefined;
  // Of a kind that weft does not read it does not know the rules for names either.
  const foreign = named !== undefined && kind === undefined && report.errors.length === 0;
  const atMetadata = foreign ? openReport() : report.at('metadata');
  const metadata = checkMetadata(value['metadata'], kind?.clusterWide ?? false, atMetadata);
  const key = named === undefined || metadata === undefined ? undefined : keyOf(named, metadata);
  const object =
    kind === undefined || metadata === undefined ? undefined : checkBody(kind, value, metadata, report);
  const valid = report.errors.length === 0;
  return {
    ...(key === undefined ? {} : { key }),
    ...(kind === undefined ? {} : { kind }),
    ...(valid && object !== undefined ? { object } : {}),
    valid,
    errors: report.errors,
    warnings: report.warnings,
  };
}

interface Names {
  readonly apiVersion: string;
  readonly kind: string;
}

function checkNames(value: Readonly<Record<string, unknown>>, report: Report): Names | undefined {
  const { apiVersion, kind } = value;
  if (typeof apiVersion === 'string' && apiVersion !== '' && typeof kind === 'string' && kind !== '')
    return { apiVersion, kind };
  if (typeof apiVersion !== 'string' || apiVersion === '')
    report.error('apiVersion', 'apiVersion is required, such as networking.istio.io/v1');
  if (typeof kind !== 'string' || kind === '')
    report.error('kind', 'kind is required, such as VirtualService');
  return undefined;
}

function reportKindProblem(problem: KindProblem, report: Report): void {
  if (problem.severity === 'error') report.error(problem.field, problem.message);
  else report.warn(problem.field, problem.message);
}

function keyOf(names: Names, metadata: ObjectMeta): ObjectKey {
  return {
    group: groupOf(names.apiVersion),
    kind: names.kind,
    namespace: metadata.namespace,
    name: metadata.name,
  };
}

function checkBody(
  kind: Kind,
  value: Readonly<Record<string, unknown>>,
  metadata: ObjectMeta,
  report: Report,
): unknown {
  const { apiVersion, kind: _kind, metadata: _metadata, ...fields } = value;
  const cleaned = withoutNulls(fields, kind.body, kind.aliases) as Readonly<Record<string, unknown>>;
  const content = kind.hasSpec && cleaned['spec'] === undefined ? { spec: {}, ...cleaned } : cleaned;
  const body = checkAgainst(kind.body, content, report, kind.kind === 'Secret');
  if (body === undefined) return undefined;
  const object = { apiVersion, kind: kind.kind, metadata, ...(body as object) };
  if (kind.group.endsWith('.istio.io')) checkIstioAnnotations(kind.kind, metadata, report.at('metadata'));
  kind.check(object, report);
  return object;
}
