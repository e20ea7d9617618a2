import type { Kind } from '../kind.ts';
import { specKind } from '../kind.ts';
import type { SpecObject } from '../object.ts';
import type { Report } from '../report.ts';
import { type Infer, list, message, oneOf, text, texts } from '../schema.ts';
import { checkHostnames } from './http-route/check.ts';
import { checkLimits } from './shared/limits.ts';
import { GATEWAY_API_GROUP, sectionNameProblem } from './shared/names.ts';
import { backendRef, checkBackendRef, checkParentRefs, parentRefs } from './shared/references.ts';

const rules = list(message({ backendRefs: list(backendRef) }, { name: text }));

const connectionSpec = message({ rules }, { parentRefs, useDefaultGateways: oneOf('All', 'None') });
const tlsSpec = message(
  { hostnames: texts, rules },
  { parentRefs, useDefaultGateways: oneOf('All', 'None') },
);

/** Spec of a TCPRoute or UDPRoute: one rule. */
export type ConnectionRouteSpec = Infer<typeof connectionSpec>;
export type TcpRoute = SpecObject<ConnectionRouteSpec>;
export type UdpRoute = SpecObject<ConnectionRouteSpec>;

/** Spec of a TLSRoute: TLS that passes through, by server name. */
export type TlsRouteSpec = Infer<typeof tlsSpec>;
export type TlsRoute = SpecObject<TlsRouteSpec>;

/** gateway.networking.k8s.io TCPRoute. */
export const tcpRoute: Kind<TcpRoute> = specKind(
  { group: GATEWAY_API_GROUP, kind: 'TCPRoute', versions: ['v1', 'v1alpha2'] },
  connectionSpec,
  checkConnectionRoute,
);

/** gateway.networking.k8s.io UDPRoute. */
export const udpRoute: Kind<UdpRoute> = specKind(
  { group: GATEWAY_API_GROUP, kind: 'UDPRoute', versions: ['v1', 'v1alpha2'] },
  connectionSpec,
  checkConnectionRoute,
);

/** gateway.networking.k8s.io TLSRoute. */
export const tlsRoute: Kind<TlsRoute> = specKind(
  { group: GATEWAY_API_GROUP, kind: 'TLSRoute', versions: ['v1', 'v1alpha3', 'v1alpha2'] },
  tlsSpec,
  (route, report) => {
    checkConnectionRoute(route, report);
    if (route.hostnames.length === 0)
      report.error('hostnames', 'hostnames is required: the server names to route');
    checkHostnames(route.hostnames, report);
    checkLimits(route, ['hostnames'], report);
  },
);

function checkConnectionRoute(route: ConnectionRouteSpec, report: Report): void {
  checkParentRefs(route.parentRefs, report);
  for (const [i, rule] of route.rules.entries()) checkLimits(rule, ['backendRefs'], report.at('rules', i));
  if (route.rules.length !== 1)
    report.error('rules', 'exactly one rule is possible: connections look all the same');
  for (const [i, rule] of route.rules.entries()) {
    const name = rule.name === undefined ? undefined : sectionNameProblem(rule.name);
    if (name !== undefined) report.error(['rules', i, 'name'], name);
    if (rule.backendRefs.length === 0)
      report.error(['rules', i, 'backendRefs'], 'backendRefs is required: where connections go');
    for (const [j, backend] of rule.backendRefs.entries())
      checkBackendRef(backend, report.at('rules', i, 'backendRefs', j));
  }
}
