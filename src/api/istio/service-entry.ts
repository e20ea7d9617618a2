import { ipRangeProblem } from '../check/address.ts';
import { isPartialWildcard, wildcardHostProblem } from '../check/host.ts';
import { portProblem } from '../check/port.ts';
import { isHttpProtocol, isTlsProtocol } from '../check/protocol.ts';
import { specKind } from '../kind.ts';
import type { ObjectMeta, SpecObject } from '../object.ts';
import type { Report } from '../report.ts';
import { type Infer, list, message, oneOf, text, texts, uint32 } from '../schema.ts';
import { checkResolution } from './service-entry/resolution.ts';
import { checkExportTo } from './shared/export-to.ts';
import { checkPort, portNameProblem } from './shared/port.ts';
import { checkSelector, labelsSelector } from './shared/selector.ts';
import { workload } from './shared/workload.ts';

const port = message({}, { number: uint32, name: text, protocol: text, targetPort: uint32 });

const spec = message(
  {},
  {
    hosts: texts,
    addresses: texts,
    ports: list(port),
    location: oneOf('MESH_EXTERNAL', 'MESH_INTERNAL'),
    resolution: oneOf('NONE', 'STATIC', 'DNS', 'DNS_ROUND_ROBIN', 'DYNAMIC_DNS'),
    endpoints: list(workload),
    workloadSelector: labelsSelector,
    exportTo: texts,
    subjectAltNames: texts,
  },
);

/** Spec of a ServiceEntry: a service that Kubernetes does not know. Defaults: MESH_EXTERNAL, resolution NONE. */
export type ServiceEntrySpec = Infer<typeof spec>;
export type ServiceEntry = SpecObject<ServiceEntrySpec>;

/** networking.istio.io ServiceEntry. */
export const serviceEntry = specKind(
  { group: 'networking.istio.io', kind: 'ServiceEntry', versions: ['v1', 'v1beta1', 'v1alpha3'] },
  spec,
  checkServiceEntry,
);

function checkServiceEntry(entry: ServiceEntrySpec, report: Report, metadata: ObjectMeta): void {
  if (entry.workloadSelector !== undefined) checkWorkloadSelector(entry, report);
  checkHosts(entry, report);
  checkAddresses(entry, report);
  checkPorts(entry, metadata, report);
  checkResolution(entry, metadata, report);
  checkHostsTellApart(entry, report);
  checkExportTo(entry.exportTo, metadata.namespace, report, { nobody: true });
}

function checkWorkloadSelector(entry: ServiceEntrySpec, report: Report): void {
  checkSelector(entry.workloadSelector?.labels, report, ['workloadSelector', 'labels']);
  if ((entry.endpoints ?? []).length > 0)
    report.error('endpoints', 'endpoints cannot be combined with workloadSelector; keep one of the two');
  if ((entry.resolution ?? 'NONE') === 'NONE')
    report.warn(
      'workloadSelector',
      'with resolution NONE the selected workloads are not used; use resolution: STATIC',
    );
}

function checkHosts(entry: ServiceEntrySpec, report: Report): void {
  const hosts = entry.hosts ?? [];
  if (hosts.length === 0)
    report.error('hosts', 'hosts is required: the names by which the service is called');
  for (const [i, host] of hosts.entries()) {
    const problem =
      host === '*'
        ? '"*" would be every host there is; name a host or *.example.com'
        : wildcardHostProblem(host);
    if (problem !== undefined) report.error(['hosts', i], problem);
    else if (isPartialWildcard(host) && entry.resolution !== 'DYNAMIC_DNS')
      report.warn(['hosts', i], `"${host}" has "*" beside other letters; write *.example.com`);
  }
}

function checkAddresses(entry: ServiceEntrySpec, report: Report): void {
  const ranges = ['NONE', 'STATIC'].includes(entry.resolution ?? 'NONE');
  for (const [i, address] of (entry.addresses ?? []).entries()) {
    const problem = ipRangeProblem(address);
    if (problem !== undefined) report.error(['addresses', i], problem);
    else if (address.includes('/') && !ranges)
      report.error(
        ['addresses', i],
        `ranges of addresses need resolution NONE or STATIC, not ${entry.resolution}`,
      );
  }
}

function checkPorts(entry: ServiceEntrySpec, metadata: ObjectMeta, report: Report): void {
  const names = new Set<string>();
  const numbers = new Set<number>();
  const allocates = allocatesAddress(entry, metadata);
  for (const [i, { name = '', number = 0, targetPort = 0, protocol = '' }] of (entry.ports ?? []).entries()) {
    const at = report.at('ports', i);
    checkPort({ number, protocol }, at);
    const nameProblem = names.has(name) ? `there is already a port named "${name}"` : portNameProblem(name);
    if (nameProblem !== undefined) at.error('name', nameProblem);
    if (numbers.has(number)) at.error('number', `there is already a port ${number}`);
    const target = targetPort === 0 ? undefined : portProblem(targetPort);
    if (target !== undefined) at.error('targetPort', target);
    if ((entry.addresses ?? []).length === 0 && !allocates && (protocol === '' || protocol === 'TCP'))
      at.warn(
        'protocol',
        'without addresses, TCP traffic to this service cannot be told apart; set addresses or a protocol',
      );
    names.add(name);
    numbers.add(number);
  }
}

/** Whether weft gives the service an address of its own (label networking.istio.io/enable-autoallocate-ip: "false" turns it off). */
function allocatesAddress(entry: ServiceEntrySpec, metadata: ObjectMeta): boolean {
  const label = metadata.labels?.['networking.istio.io/enable-autoallocate-ip'];
  return (entry.resolution ?? 'NONE') !== 'NONE' && label?.toLowerCase() !== 'false';
}

/** HTTP has a host header and TLS has a server name; with plain TCP several hosts look the same. */
function checkHostsTellApart(entry: ServiceEntrySpec, report: Report): void {
  if ((entry.resolution ?? 'NONE') === 'NONE' || (entry.hosts ?? []).length < 2) return;
  const plain = (entry.ports ?? []).findIndex(
    ({ protocol }) => !isHttpProtocol(protocol) && !isTlsProtocol(protocol),
  );
  if (plain >= 0)
    report.error(
      ['ports', plain, 'protocol'],
      'several hosts can only share HTTP and TLS ports; make a ServiceEntry per host',
    );
}
