import { labelKeyProblem, labelValueProblem } from './check/labels.ts';
import type { ObjectMeta } from './object.ts';
import { withoutNulls } from './plain.ts';
import type { Report } from './report.ts';
import { anyObject, bool, int32, list, message, text, textMap, texts, uint64 } from './schema.ts';
import { checkAgainst } from './schema-errors.ts';

/** Kubernetes' ObjectMeta. Fields that weft does not read are known, so that a misspelled one is told from them. */
const objectMeta = message(
  {},
  {
    name: text,
    generateName: text,
    namespace: text,
    labels: textMap,
    annotations: textMap,
    uid: text,
    generation: uint64,
    resourceVersion: text,
    creationTimestamp: text,
    deletionTimestamp: text,
    deletionGracePeriodSeconds: int32,
    finalizers: texts,
    ownerReferences: list(
      message(
        { apiVersion: text, kind: text, name: text },
        { uid: text, controller: bool, blockOwnerDeletion: bool },
      ),
    ),
    managedFields: list(anyObject),
    selfLink: text,
  },
);

const NAME = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;
const NAMESPACE = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/;
const MAX_NAME_LENGTH = 253;
const MAX_LABEL_LENGTH = 63;

/** The typed metadata, as far as the object can be told from others by it; undefined where it cannot. */
export function checkMetadata(value: unknown, clusterWide: boolean, report: Report): ObjectMeta | undefined {
  const metadata = checkAgainst(objectMeta, withoutNulls(value ?? {}, objectMeta), report);
  if (metadata === undefined) return undefined;
  const { name = '', namespace = '' } = metadata;
  checkName(name, report);
  if (!clusterWide && namespace !== '' && (namespace.length > MAX_LABEL_LENGTH || !NAMESPACE.test(namespace)))
    report.error('namespace', `"${namespace}" is not a namespace; use lower-case letters, digits and "-"`);
  checkLabels(metadata.labels ?? {}, report);
  if (name === '') return undefined;
  return { ...kept(metadata), name, namespace: clusterWide ? '' : namespace || 'default' };
}

function checkName(name: string, report: Report): void {
  if (name === '') report.error('name', 'name is required');
  else if (name.length > MAX_NAME_LENGTH || !NAME.test(name))
    report.error('name', `"${name}" is not a name; use lower-case letters, digits, "-" and "."`);
}

function checkLabels(labels: Readonly<Record<string, string>>, report: Report): void {
  for (const [key, value] of Object.entries(labels)) {
    const tooLong =
      value.length > MAX_LABEL_LENGTH ? `the value has ${value.length} characters; at most 63` : undefined;
    const problem = labelKeyProblem(key) ?? labelValueProblem(value) ?? tooLong;
    if (problem !== undefined) report.error(['labels', key], problem);
  }
}

/** Managed fields and the like are large and nobody's concern here. */
function kept(metadata: object): Omit<ObjectMeta, 'name' | 'namespace'> {
  const fields = Object.entries(metadata).filter(([field]) => KEPT.includes(field));
  return Object.fromEntries(fields);
}

const KEPT: readonly string[] = [
  'labels',
  'annotations',
  'uid',
  'generation',
  'resourceVersion',
  'creationTimestamp',
  'deletionTimestamp',
  'ownerReferences',
];
