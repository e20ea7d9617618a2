import type { Origin } from '../../../mesh/origin.ts';
import type { Finding } from '../finding.ts';
import { originOf, step } from '../world.ts';
import type { Condition } from './conditions.ts';
import { type RouteResource, routesOf } from './route-kinds.ts';
import type { GatewayApiStatus } from './status.ts';
import { gatewayApiStatuses } from './statuses.ts';

/** What statuses complain about, for those who read findings: at the listener or parent that it is about. */
export const gatewayApiFindings = step('findings of the gateway api', (read): readonly Finding[] => [
  ...read.of(gatewayApiStatuses, '').flatMap(findingsOf),
  ...(['HTTPRoute', 'GRPCRoute'] as const).flatMap((kind) => routesOf(read, kind).flatMap(withoutSessions)),
]);

/** Sessions are not kept to a backend: the rule holds without that, as in Istio. */
function withoutSessions(route: RouteResource): Finding[] {
  return (route.object.spec.rules ?? []).flatMap((rule, i): Finding[] => {
    if (!('sessionPersistence' in rule)) return [];
    const field = `spec.rules[${i}].sessionPersistence`;
    const message =
      'sessions are not kept: requests of one may go to several endpoints; use a DestinationRule';
    return [{ origin: originOf(route, field), field, message: `${message} with consistentHash` }];
  });
}

function findingsOf({ key, status }: GatewayApiStatus): Finding[] {
  const at = (field: string, conditions: readonly Condition[] = []): Finding[] =>
    conditions.filter(isComplaint).map(({ message }) => ({ origin: key satisfies Origin, field, message }));
  const parents = (status.parents ?? []).flatMap(({ conditions }, i) =>
    // References are the same for all parents.
    at(
      `spec.parentRefs[${i}]`,
      conditions.filter(({ type }) => type === 'Accepted' || type === 'PartiallyInvalid'),
    ),
  );
  const references = status.parents?.[0]?.conditions.filter(({ type }) => type === 'ResolvedRefs');
  return [
    ...at('spec', status.conditions),
    ...(status.listeners ?? []).flatMap(({ conditions }, i) =>
      at(
        `spec.listeners[${i}]`,
        conditions.filter(({ type }) => type !== 'Programmed' && type !== 'Conflicted'),
      ),
    ),
    ...parents,
    ...at('spec.rules', references),
    ...at('spec', status.ancestors?.[0]?.conditions),
  ];
}

/** Whether nobody serves a Gateway yet is not the author's mistake. */
function isComplaint({ type, status, reason }: Condition): boolean {
  if (type === 'PartiallyInvalid') return status === 'True';
  return status === 'False' && !(type === 'Programmed' && reason === 'NoResources');
}
