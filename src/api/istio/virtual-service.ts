import { isIpAddress } from '../check/address.ts';
import { isClaimHeader } from '../check/header.ts';
import { gatewayHostProblem, hostsOverlap, wildcardHostProblem } from '../check/host.ts';
import { specKind } from '../kind.ts';
import type { ObjectMeta, SpecObject } from '../object.ts';
import type { Report } from '../report.ts';
import { type Infer, list, message, texts } from '../schema.ts';
import { checkExportTo } from './shared/export-to.ts';
import { checkHttpRoute } from './virtual-service/check-http-route.ts';
import { checkGatewayNames, MESH_GATEWAY } from './virtual-service/gateway-names.ts';
import { httpRoute } from './virtual-service/http-route.ts';
import { checkTcpRoute, checkTlsRoute, tcpRoute, tlsRoute } from './virtual-service/l4-route.ts';
import { warnCoveredPrefixes, warnShadowedRules } from './virtual-service/shadowed.ts';

const spec = message(
  {},
  {
    hosts: texts,
    gateways: texts,
    http: list(httpRoute),
    tls: list(tlsRoute),
    tcp: list(tcpRoute),
    exportTo: texts,
  },
);

/** Spec of a VirtualService: rules for the requests and connections to its hosts. `gateways` absent: the sidecars. */
export type VirtualServiceSpec = Infer<typeof spec>;
export type VirtualService = SpecObject<VirtualServiceSpec>;

/** networking.istio.io VirtualService. */
export const virtualService = specKind(
  {
    group: 'networking.istio.io',
    kind: 'VirtualService',
    versions: ['v1', 'v1beta1', 'v1alpha3'],
    aliases: { mirror_percent: 'mirrorPercent' },
  },
  spec,
  checkVirtualService,
);

function checkVirtualService(service: VirtualServiceSpec, report: Report, metadata: ObjectMeta): void {
  const hosts = service.hosts ?? [];
  const gateways = service.gateways ?? [];
  const onGatewaysOnly = gateways.length > 0 && !gateways.includes(MESH_GATEWAY);
  if (hosts.length === 0) checkDelegate(service, report);
  checkGatewayNames(gateways, report);
  checkHosts(service, onGatewaysOnly, report);
  if (!onGatewaysOnly) checkNoClaims(service, report);
  checkRules(service, onGatewaysOnly, report);
  checkExportTo(service.exportTo, metadata.namespace, report);
  for (const field of ['http', 'tcp', 'tls'] as const)
    warnShadowedRules(service[field] ?? [], report.at(field));
  warnCoveredPrefixes(service.http ?? [], report.at('http'));
}

/** Without hosts it is a delegate: a list of HTTP rules that another VirtualService includes. */
function checkDelegate(service: VirtualServiceSpec, report: Report): void {
  const why = 'a VirtualService without hosts is a delegate, included by another one';
  if ((service.gateways ?? []).length > 0)
    report.error('gateways', `${why}, which names the gateways; add hosts or drop gateways`);
  for (const field of ['tls', 'tcp'] as const)
    if ((service[field] ?? []).length > 0)
      report.error(field, `${why}, and holds http rules only; add hosts`);
}

function checkHosts(service: VirtualServiceSpec, onGatewaysOnly: boolean, report: Report): void {
  const hosts = service.hosts ?? [];
  const sni = (service.tls ?? []).some((rule) =>
    (rule.match ?? []).some((match) => (match.sniHosts ?? []).length > 0),
  );
  const problems = hosts.map((host) => {
    const problem = onGatewaysOnly ? gatewayHostProblem(host, sni) : wildcardHostProblem(host);
    if (problem !== undefined) return isIpAddress(host) ? undefined : problem;
    if (host === '*' && !onGatewaysOnly)
      return '"*" is only possible on gateways; name the hosts, or set gateways';
    return undefined;
  });
  for (const [i, problem] of problems.entries())
    if (problem !== undefined) report.error(['hosts', i], problem);
  if (problems.every((problem) => problem === undefined)) checkDoubleHosts(hosts, report);
}

function checkDoubleHosts(hosts: readonly string[], report: Report): void {
  for (const [i, host] of hosts.entries()) {
    const earlier = hosts.slice(0, i).find((other) => hostsOverlap(host, other));
    if (earlier !== undefined)
      report.error(['hosts', i], `"${host}" is already meant by "${earlier}"; keep one of the two`);
  }
}

/** Claims are known where the token is checked, which is at gateways. */
function checkNoClaims(service: VirtualServiceSpec, report: Report): void {
  for (const [i, rule] of (service.http ?? []).entries())
    for (const [j, match] of (rule.match ?? []).entries())
      for (const field of ['headers', 'withoutHeaders'] as const)
        for (const name of Object.keys(match[field] ?? {}))
          if (isClaimHeader(name))
            report.error(
              ['http', i, 'match', j, field, name],
              'routing by claims is possible on gateways only; set gateways',
            );
}

function checkRules(service: VirtualServiceSpec, onGatewaysOnly: boolean, report: Report): void {
  const { hosts = [], http = [], tls = [], tcp = [] } = service;
  if (http.length + tls.length + tcp.length === 0)
    report.error([], 'there are no rules; set http, tls or tcp');
  for (const [i, rule] of http.entries()) checkHttpRoute(rule, hosts.length === 0, report.at('http', i));
  for (const [i, rule] of tls.entries()) checkTlsRoute(rule, { hosts, onGatewaysOnly }, report.at('tls', i));
  for (const [i, rule] of tcp.entries()) checkTcpRoute(rule, report.at('tcp', i));
}
