import { z } from 'zod';
import { type CoreObject, coreKind } from '../kind.ts';
import type { ObjectMeta } from '../object.ts';
import type { Report } from '../report.ts';
import { bool, type Infer, lenient, list, text, textMap, texts } from '../schema.ts';
import { podSpec } from './pod-spec.ts';

// Kinds that make Pods from a template.

const selector = lenient(
  {},
  {
    matchLabels: textMap,
    matchExpressions: list(lenient({ key: text, operator: text }, { values: texts })),
  },
);

/** What Pods are made of: labels, annotations and spec. */
export const podTemplate = lenient(
  { spec: podSpec },
  { metadata: lenient({}, { name: text, labels: textMap, annotations: textMap }) },
);
export type PodTemplate = Infer<typeof podTemplate>;

const status = lenient(
  {},
  { replicas: z.int(), readyReplicas: z.int(), updatedReplicas: z.int(), availableReplicas: z.int() },
);

const replicated = lenient(
  {},
  {
    spec: lenient(
      { template: podTemplate },
      { replicas: z.int(), selector, serviceName: text, minReadySeconds: z.int() },
    ),
    status,
  },
);
type Replicated = Infer<typeof replicated>;

const jobBody = lenient(
  {},
  {
    spec: lenient({ template: podTemplate }, { parallelism: z.int(), completions: z.int(), suspend: bool }),
    status,
  },
);

/** apps/v1 Deployment. */
export type Deployment = CoreObject<Replicated>;
export const deployment = coreKind(
  { group: 'apps', kind: 'Deployment', versions: ['v1'] },
  replicated,
  checkSelects,
);

/** apps/v1 ReplicaSet. */
export type ReplicaSet = CoreObject<Replicated>;
export const replicaSet = coreKind(
  { group: 'apps', kind: 'ReplicaSet', versions: ['v1'] },
  replicated,
  checkSelects,
);

/** apps/v1 StatefulSet. */
export type StatefulSet = CoreObject<Replicated>;
export const statefulSet = coreKind(
  { group: 'apps', kind: 'StatefulSet', versions: ['v1'] },
  replicated,
  checkSelects,
);

/** apps/v1 DaemonSet: here one Pod, since there is one node. */
export type DaemonSet = CoreObject<Replicated>;
export const daemonSet = coreKind(
  { group: 'apps', kind: 'DaemonSet', versions: ['v1'] },
  replicated,
  checkSelects,
);

/** batch/v1 Job. */
export type Job = CoreObject<Infer<typeof jobBody>>;
export const job = coreKind({ group: 'batch', kind: 'Job', versions: ['v1'] }, jobBody);

/** Kubernetes refuses a selector that does not select the template's own Pods. */
function checkSelects(object: Replicated & { readonly metadata: ObjectMeta }, report: Report): void {
  const labels = object.spec?.template.metadata?.labels ?? {};
  for (const [key, value] of Object.entries(object.spec?.selector?.matchLabels ?? {}))
    if (labels[key] !== value)
      report.error(
        ['spec', 'selector', 'matchLabels', key],
        `the Pods of the template do not have the label ${key}: ${value}; add it to spec.template.metadata.labels`,
      );
  if ((object.spec?.replicas ?? 0) < 0) report.error(['spec', 'replicas'], 'replicas is 0 or more');
}
