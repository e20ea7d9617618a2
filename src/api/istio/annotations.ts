import type { ObjectMeta } from '../object.ts';
import type { Report } from '../report.ts';

/** Annotation by which a policy is only counted and logged. */
export const DRY_RUN_ANNOTATION = 'istio.io/dry-run';

/** The same in weft's words: `weft.dev/mode: observe`. */
export const OBSERVE_ANNOTATION = 'weft.dev/mode';

/** `ignore`: the policy need not hold at workloads that have no proxy to enforce it. */
export const WITHOUT_PROXY_ANNOTATION = 'weft.dev/without-proxy';

/** Annotations that only Istio itself sets, on objects that it makes of others; from users they would lend false rights. */
const INTERNAL_ANNOTATIONS = [
  'internal.istio.io/webhook-always-reject',
  'internal.istio.io/parent-namespace',
  'internal.istio.io/parents',
];

/** Annotations that an object of Istio's API may not have. */
export function checkIstioAnnotations(kind: string, metadata: ObjectMeta, report: Report): void {
  const annotations = metadata.annotations ?? {};
  for (const name of INTERNAL_ANNOTATIONS)
    if (Object.hasOwn(annotations, name))
      report.error(['annotations', name], `${name} is set by the control plane only; remove it`);
  if (kind !== 'AuthorizationPolicy' && Object.hasOwn(annotations, DRY_RUN_ANNOTATION))
    report.error(['annotations', DRY_RUN_ANNOTATION], `a ${kind} has no dry run; remove the annotation`);
}

/** The dry run of an AuthorizationPolicy with an action: `true` or `false`. */
export function checkDryRun(action: string, metadata: ObjectMeta, report: Report): void {
  const value = metadata.annotations?.[DRY_RUN_ANNOTATION];
  if (value === undefined) return;
  const at = report.at('annotations', DRY_RUN_ANNOTATION);
  if (action !== 'ALLOW' && action !== 'DENY')
    at.error([], `a dry run is possible with ALLOW and DENY only, not with ${action}`);
  // What Go's strconv.ParseBool takes.
  else if (!/^(?:1|0|t|f|T|F|true|false|TRUE|FALSE|True|False)$/.test(value))
    at.error([], `"${value}" is neither "true" nor "false"`);
}
