import type { HttpConnectionManager, Rbac } from '../../../xds/resources.ts';
import type { AccessLine } from './access-format.ts';
import type { LoggedCall, PlacedLine } from './logged-call.ts';
import type { Plan } from './plan.ts';

const DENIED = /rbac_access_denied_matched_policy\[(?:ns\[([^\]]*)\]-policy\[([^\]]*)\]|(none))/;

/** Whether a line says that a policy denied the call. */
export function saysDenied({ details, termination }: AccessLine): boolean {
  return DENIED.test(String(details ?? '')) || DENIED.test(String(termination ?? ''));
}

/** The policy that a proxy says denied a call, `KIND/NAMESPACE/NAME`; undefined where none says so. */
export function deniedBy(plan: Plan, { all }: LoggedCall): string | undefined {
  for (const line of all) {
    const [, namespace, name, none] =
      DENIED.exec(String(line.details ?? '')) ?? DENIED.exec(String(line.termination ?? '')) ?? [];
    if (namespace !== undefined) return `AuthorizationPolicy/${namespace}/${name}`;
    if (none !== undefined) return firstThatAllows(plan, line);
  }
  return undefined;
}

/** Nobody allowed it: the first of those that could have. */
function firstThatAllows({ places }: Plan, { namespace, pod }: PlacedLine): string | undefined {
  const workload = places.workloadNamed(namespace, pod);
  if (workload === undefined) return undefined;
  const gateway = places.gateways.find((place) => place.workload === workload);
  const proxy = gateway === undefined ? places.sidecarOf(workload) : places.routerOf(gateway);
  for (const { object } of proxy.listeners)
    for (const { filters = [] } of object.filter_chains ?? [])
      for (const { typed_config } of filters) {
        const rules = [
          typed_config,
          ...((typed_config as HttpConnectionManager | undefined)?.http_filters ?? []).map(
            (filter) => filter.typed_config,
          ),
        ];
        for (const config of rules) {
          const rbac = config?.['rules'] as Rbac | undefined;
          if (rbac?.policies === undefined || (rbac.action ?? 'ALLOW') !== 'ALLOW') continue;
          const [policy] = Object.keys(rbac.policies);
          const [, ns, name] = /^ns\[([^\]]*)\]-policy\[([^\]]*)\]/.exec(policy ?? '') ?? [];
          if (name !== undefined) return `AuthorizationPolicy/${ns}/${name}`;
        }
      }
  return undefined;
}
