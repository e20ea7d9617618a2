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
  ...(['HTTPRoute', 'GRPCRoute'] as const).flatMap((kind) => routesOf(read, kind).flatMap(splitSessions)),
]);

/** Which backend a header's session is at, only a cookie could say: names of cookies tell backends apart. */
function splitSessions(route: RouteResource): Finding[] {
  return (route.object.spec.rules ?? []).flatMap((rule, i): Finding[] => {
    if (!('sessionPersistence' in rule) || rule.sessionPersistence?.type !== 'Header') return [];
    if ((rule.backendRefs ?? []).filter(({ weight = 1 }) => weight > 0).length < 2) return [];
    const field = `spec.rules[${i}].sessionPersistence.type`;
    const message =
      'sessions by header are kept within each backend, while the backend is chosen by weight for every request; use type Cookie';
    return [{ origin: originOf(route, field), field, message }];
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
