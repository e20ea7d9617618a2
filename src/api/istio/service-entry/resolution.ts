import { isIpAddress } from '../../check/address.ts';
import { fqdnProblem } from '../../check/host.ts';
import { checkLabels } from '../../check/labels.ts';
import { isTcpProtocol, protocolOf } from '../../check/protocol.ts';
import type { ObjectMeta } from '../../object.ts';
import type { Report } from '../../report.ts';
import { checkWorkload, checkWorkloadPorts, type Workload } from '../shared/workload.ts';

/** The part of a ServiceEntry that its resolution decides about. */
interface Resolved {
  readonly resolution?: string;
  readonly location?: string;
  readonly hosts?: readonly string[];
  readonly addresses?: readonly string[];
  readonly ports?: readonly { readonly name?: string; readonly protocol?: string }[];
  readonly endpoints?: readonly Workload[];
}

/** What each way to find the addresses of a service needs and cannot use. */
export function checkResolution(entry: Resolved, metadata: ObjectMeta, report: Report): void {
  switch (entry.resolution ?? 'NONE') {
    case 'NONE':
      if ((entry.endpoints ?? []).length > 0)
        report.error(
          'endpoints',
          'with resolution NONE the caller chooses the address; use resolution: STATIC or DNS',
        );
      break;
    case 'STATIC':
      for (const [i, endpoint] of (entry.endpoints ?? []).entries())
        checkWorkload(endpoint, { portNames: portNames(entry), dnsNames: false }, report.at('endpoints', i));
      break;
    case 'DYNAMIC_DNS':
      checkDynamicDns(entry, metadata, report);
      break;
    default:
      checkDns(entry, report);
  }
}

function checkDns(entry: Resolved, report: Report): void {
  const endpoints = entry.endpoints ?? [];
  const hosts = entry.hosts ?? [];
  const wild = hosts.findIndex((host) => fqdnProblem(host) !== undefined);
  if (endpoints.length === 0 && wild >= 0)
    report.error(
      ['hosts', wild],
      `"${hosts[wild]}" cannot be looked up in DNS; name a host, or give endpoints`,
    );
  if (entry.resolution === 'DNS_ROUND_ROBIN' && endpoints.length > 1)
    report.error('endpoints', 'DNS_ROUND_ROBIN uses one name; give one endpoint, or use resolution: DNS');
  for (const [i, endpoint] of endpoints.entries())
    checkDnsEndpoint(endpoint, portNames(entry), report.at('endpoints', i));
  const tcp = (entry.ports ?? []).some(({ protocol }) => isTcpProtocol(protocol));
  if ((entry.addresses ?? []).length > 0 && tcp && hosts.length > 1)
    report.warn('hosts', 'several hosts with the same addresses cannot be told apart on a TCP port');
}

function checkDnsEndpoint(endpoint: Workload, names: ReadonlySet<string>, report: Report): void {
  const address = endpoint.address ?? '';
  if (!isIpAddress(address) && fqdnProblem(address) !== undefined)
    report.error('address', `"${address}" is neither an IP address nor the name of a host`);
  checkLabels(endpoint.labels, report, 'labels');
  checkWorkloadPorts(endpoint, names, report);
}

/** Names are looked up per request by the proxy, so only the request's own host can say where it goes. */
function checkDynamicDns(entry: Resolved, metadata: ObjectMeta, report: Report): void {
  for (const [i, host] of (entry.hosts ?? []).entries())
    if (!host.startsWith('*'))
      report.error(['hosts', i], `DYNAMIC_DNS is for wildcards; use resolution: DNS for ${host}`);
  for (const field of ['addresses', 'endpoints'] as const)
    if ((entry[field] ?? []).length > 0)
      report.error(field, `DYNAMIC_DNS looks up the host of each request; leave ${field} out`);
  for (const [i, { protocol }] of (entry.ports ?? []).entries())
    if (!['HTTP', 'HTTP2', 'GRPC', 'TLS'].includes(protocolOf(protocol)))
      report.error(
        ['ports', i, 'protocol'],
        'DYNAMIC_DNS needs a host name in the request; use HTTP, HTTP2, GRPC or TLS',
      );
  const waypoint = metadata.labels?.['istio.io/use-waypoint'] ?? '';
  if (entry.location === 'MESH_INTERNAL' && waypoint !== '' && waypoint.toLowerCase() !== 'none')
    report.error('location', 'MESH_INTERNAL with DYNAMIC_DNS does not go with a waypoint; use MESH_EXTERNAL');
}

function portNames(entry: Resolved): ReadonlySet<string> {
  return new Set((entry.ports ?? []).map((port) => port.name ?? ''));
}
