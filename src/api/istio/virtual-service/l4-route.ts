import { ipRangeProblem, isIpAddress } from '../../check/address.ts';
import { gatewayHostProblem, hostWithin, wildcardHostProblem } from '../../check/host.ts';
import { checkLabels } from '../../check/labels.ts';
import { portProblem } from '../../check/port.ts';
import type { Report } from '../../report.ts';
import { type Infer, list, message, text, textMap, texts, uint32 } from '../../schema.ts';
import { checkGatewayNames } from './gateway-names.ts';
import { checkRouteDestinations, routeDestination } from './route-destination.ts';

const connection = {
  destinationSubnets: texts,
  port: uint32,
  sourceLabels: textMap,
  gateways: texts,
  sourceNamespace: text,
};

const tcpMatch = message({}, { ...connection, sourceSubnet: text });
type TcpMatch = Infer<typeof tcpMatch>;

/** One rule for connections of any protocol. */
export const tcpRoute = message({}, { match: list(tcpMatch), route: list(routeDestination.schema) });
export type TcpRoute = Infer<typeof tcpRoute>;

const tlsMatch = message({}, { sniHosts: texts, ...connection });
type TlsMatch = Infer<typeof tlsMatch>;

/** One rule for TLS connections that pass through, by the server name that the client asked for. */
export const tlsRoute = message({}, { match: list(tlsMatch), route: list(routeDestination.schema) });
export type TlsRoute = Infer<typeof tlsRoute>;

/** The VirtualService around a TLS rule: server names must be among its hosts. */
export interface TlsContext {
  readonly hosts: readonly string[];
  /** True where the VirtualService does not apply to sidecars. */
  readonly onGatewaysOnly: boolean;
}

/** Matches and destinations of a TCP rule. */
export function checkTcpRoute(route: TcpRoute, report: Report): void {
  for (const [i, match] of (route.match ?? []).entries()) checkConnection(match, report.at('match', i));
  checkTargets(route, report);
}

/** Matches and destinations of a TLS rule. */
export function checkTlsRoute(route: TlsRoute, context: TlsContext, report: Report): void {
  if ((route.match ?? []).length === 0) report.error('match', 'a TLS rule needs a match with sniHosts');
  for (const [i, match] of (route.match ?? []).entries()) {
    const at = report.at('match', i);
    if ((match.sniHosts ?? []).length === 0)
      at.error('sniHosts', 'sniHosts is required: the server names to match');
    for (const [j, host] of (match.sniHosts ?? []).entries())
      checkSniHost(host, context, at.at('sniHosts', j));
    checkConnection(match, at);
  }
  checkTargets(route, report);
}

function checkTargets(route: TcpRoute | TlsRoute, report: Report): void {
  if ((route.route ?? []).length === 0) report.error('route', 'route is required: where the connections go');
  checkRouteDestinations(route.route, report);
}

function checkConnection(match: TcpMatch | TlsMatch, report: Report): void {
  for (const [i, subnet] of (match.destinationSubnets ?? []).entries()) {
    const problem = ipRangeProblem(subnet);
    if (problem !== undefined) report.error(['destinationSubnets', i], problem);
  }
  const source =
    'sourceSubnet' in match && match.sourceSubnet ? ipRangeProblem(match.sourceSubnet) : undefined;
  if (source !== undefined) report.error('sourceSubnet', source);
  const port = match.port === undefined || match.port === 0 ? undefined : portProblem(match.port);
  if (port !== undefined) report.error('port', port);
  checkLabels(match.sourceLabels, report, 'sourceLabels');
  checkGatewayNames(match.gateways, report);
}

function checkSniHost(host: string, context: TlsContext, report: Report): void {
  const problem = context.onGatewaysOnly ? gatewayHostProblem(host, true) : wildcardHostProblem(host);
  if (problem !== undefined && isIpAddress(host))
    report.warn([], `"${host}" is an IP address; clients send names only in SNI (RFC 6066, 3)`);
  else if (problem !== undefined) report.error([], problem);
  else if (!context.hosts.some((outer) => hostWithin(host, outer)))
    report.error(
      [],
      `"${host}" is not within the hosts of this VirtualService (${context.hosts.join(', ')}); add it there`,
    );
}
