import type { Report } from '../../report.ts';
import { type Infer, list, message, text, textMap } from '../../schema.ts';
import { checkAtMostOne } from './exclusive.ts';

/** Workloads by labels, as networking kinds write it. Absent: all workloads of the namespace. */
export const labelsSelector = message({}, { labels: textMap });
export type LabelsSelector = Infer<typeof labelsSelector>;

/** Workloads by labels, as security, telemetry and extension kinds write it. */
export const matchLabelsSelector = message({}, { matchLabels: textMap });
export type MatchLabelsSelector = Infer<typeof matchLabelsSelector>;

/** The object that a policy is attached to: a Gateway, GatewayClass, Service or ServiceEntry of its own namespace. */
export const policyTargetRef = message({ kind: text, name: text }, { group: text, namespace: text });
export type PolicyTargetRef = Infer<typeof policyTargetRef>;
export const policyTargetRefs = list(policyTargetRef);

const TARGET_KINDS: ReadonlySet<string> = new Set([
  '/Service',
  'core/Service',
  'networking.istio.io/ServiceEntry',
  'gateway.networking.k8s.io/Gateway',
  'gateway.networking.k8s.io/GatewayClass',
]);

/** Keys that are not empty and nothing with `*`. A selector without labels selects everything, which is rarely meant. */
export function checkSelector(
  labels: Readonly<Record<string, string>> | undefined,
  report: Report,
  steps: readonly string[],
): void {
  const entries = Object.entries(labels ?? {});
  if (entries.length === 0)
    report.warn(steps, 'this selector has no labels and so selects every workload; leave it out to say so');
  for (const [key, value] of entries) {
    if (key === '') report.error(steps, `the key of a label is missing before "${value}"`);
    else if (key.includes('*') || value.includes('*'))
      report.error(
        [...steps, key],
        '"*" is not possible in a selector; name the label and its value in full',
      );
  }
}

interface Attached {
  readonly selector?: MatchLabelsSelector;
  readonly targetRef?: PolicyTargetRef;
  readonly targetRefs?: readonly PolicyTargetRef[];
}

/** `selector`, `targetRef` and `targetRefs` of a policy: at most one of them, and each in itself. */
export function checkAttachment(spec: Attached, report: Report): void {
  checkAtMostOne(spec, ['selector', 'targetRef', 'targetRefs'], report);
  if (spec.selector !== undefined)
    checkSelector(spec.selector.matchLabels, report, ['selector', 'matchLabels']);
  if (spec.targetRef !== undefined) checkTargetRef(spec.targetRef, report.at('targetRef'));
  for (const [i, ref] of (spec.targetRefs ?? []).entries()) checkTargetRef(ref, report.at('targetRefs', i));
}

function checkTargetRef(ref: PolicyTargetRef, report: Report): void {
  if (ref.name === '') report.error('name', 'the name of the target is missing');
  if (ref.namespace !== undefined && ref.namespace !== '')
    report.error('namespace', 'a policy can only be attached within its own namespace; leave namespace out');
  if (!TARGET_KINDS.has(`${ref.group ?? ''}/${ref.kind}`))
    report.error(
      'kind',
      `a policy cannot be attached to ${ref.group ?? ''}/${ref.kind}; use one of ${targets()}`,
    );
}

function targets(): string {
  return [...TARGET_KINDS].filter((kind) => !kind.startsWith('core/')).join(', ');
}
