import type { Origin } from '../../mesh/origin.ts';
import type { Labels } from '../../mesh/workload.ts';
import type { MtlsWorkloadPlan } from '../../server/contract.ts';

/** A workload with what its policy is made of. */
export interface PolicySubject {
  readonly plan: MtlsWorkloadPlan;
  readonly labels: Labels;
  /** The PeerAuthentication that selects it already. */
  readonly own: Origin | undefined;
}

/** What platforms add to Pods, and no author selects by. */
const NOT_SELECTED_BY =
  /^(pod-template-hash|controller-revision-hash|security\.istio\.io\/|service\.istio\.io\/|sidecar\.istio\.io\/)/;

/**
 * The PeerAuthentications that make STRICT what may be: one for a whole namespace that is safe, else one for each
 * workload that is, and for those where single ports are. Each replaces the one of its name.
 */
export function strictPolicies(
  namespace: string,
  subjects: readonly PolicySubject[],
  /** The policy of the namespace that there is; undefined where only some of its workloads were asked about. */
  whole: { readonly existing: Origin | undefined } | undefined,
): object[] {
  const open = subjects.filter(({ plan }) => plan.verdict !== 'strict');
  if (open.length === 0) return [];
  if (whole !== undefined && open.every(({ plan }) => plan.verdict === 'safe')) {
    const all = policy(namespace, whole.existing?.name ?? 'default', { mtls: { mode: 'STRICT' } });
    // A policy of the workload's own would still say something else.
    return [all, ...open.filter(({ own }) => own !== undefined).map((one) => forWorkload(namespace, one))];
  }
  return open
    .filter(({ plan }) => plan.ports.some(({ verdict }) => verdict === 'safe') && isWellKnown(plan))
    .map((one) => forWorkload(namespace, one));
}

/** Its doubts, if any, are about single ports: that callers are known is no doubt. */
function isWellKnown({ verdict, reasons }: MtlsWorkloadPlan): boolean {
  return verdict === 'safe' || (verdict === 'breaks' && reasons.every((text) => / at port \d+$/.test(text)));
}

function forWorkload(namespace: string, { plan, labels, own }: PolicySubject): object {
  const kept = plan.ports.filter(
    ({ port, verdict }) =>
      port !== 0 && plan.verdict !== 'safe' && verdict !== 'safe' && verdict !== 'strict',
  );
  const portLevelMtls = Object.fromEntries(kept.map(({ port }) => [port, { mode: 'PERMISSIVE' }]));
  const matchLabels = Object.fromEntries(
    Object.entries(labels).filter(([key]) => !NOT_SELECTED_BY.test(key)),
  );
  return policy(namespace, own?.name ?? plan.workload, {
    selector: { matchLabels },
    mtls: { mode: 'STRICT' },
    ...(kept.length === 0 ? {} : { portLevelMtls }),
  });
}

function policy(namespace: string, name: string, spec: object): object {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name, namespace },
    spec,
  };
}
