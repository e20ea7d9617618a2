import { isIpAddress, UNIX_PREFIX, unixPathProblem } from '../../check/address.ts';
import { fqdnProblem } from '../../check/host.ts';
import { checkLabels } from '../../check/labels.ts';
import { portProblem } from '../../check/port.ts';
import type { Report } from '../../report.ts';
import { type Infer, mapOf, message, text, textMap, uint32 } from '../../schema.ts';
import { portNameProblem } from './port.ts';

/** A workload outside Kubernetes: a WorkloadEntry's spec, and the endpoints of a ServiceEntry. */
export const workload = message(
  {},
  {
    /** IP address, DNS name, or `unix:///path`; may be missing where `network` is given. */
    address: text,
    /** By the names of the service's ports. */
    ports: mapOf(uint32),
    labels: textMap,
    network: text,
    /** `region/zone/subzone`. */
    locality: text,
    weight: uint32,
    serviceAccount: text,
  },
);
export type Workload = Infer<typeof workload>;

/** What is known around a workload: the service's port names (absent: unknown), and whether DNS names can be used. */
export interface WorkloadContext {
  readonly portNames?: ReadonlySet<string>;
  readonly dnsNames: boolean;
}

/** Address, ports and labels. */
export function checkWorkload(entry: Workload, context: WorkloadContext, report: Report): void {
  const address = entry.address ?? '';
  if (address === '') checkNoAddress(entry, report);
  else if (address.startsWith(UNIX_PREFIX)) checkUnixAddress(entry, context, report);
  else checkAddress(address, context.dnsNames, report);
  checkWorkloadPorts(entry, context.portNames, report);
  checkLabels(entry.labels, report, 'labels');
}

/** Ports by name: the service must have a port of that name. */
export function checkWorkloadPorts(
  entry: Workload,
  portNames: ReadonlySet<string> | undefined,
  report: Report,
): void {
  for (const [name, number] of Object.entries(entry.ports ?? {})) {
    const unknown =
      portNames !== undefined && !portNames.has(name) ? `the service has no port named "${name}"` : undefined;
    const problem = unknown ?? portNameProblem(name) ?? portProblem(number);
    if (problem !== undefined) report.error(['ports', name], problem);
  }
}

function checkNoAddress(entry: Workload, report: Report): void {
  if ((entry.network ?? '') === '')
    report.error(
      'address',
      'address is required: an IP address, or a host name where the service resolves by DNS',
    );
  else report.warn('address', `without an address, requests go to the gateway of network "${entry.network}"`);
}

function checkUnixAddress(entry: Workload, context: WorkloadContext, report: Report): void {
  const problem = unixPathProblem((entry.address ?? '').slice(UNIX_PREFIX.length));
  if (problem !== undefined) report.error('address', problem);
  if (Object.keys(entry.ports ?? {}).length > 0)
    report.error('ports', 'a Unix socket has no ports; leave ports out');
  if (context.portNames !== undefined && context.portNames.size !== 1)
    report.error('address', 'a Unix socket serves one port; the service must have exactly one');
}

function checkAddress(address: string, dnsNames: boolean, report: Report): void {
  if (isIpAddress(address)) return;
  if (!dnsNames)
    report.error('address', `"${address}" is not an IP address; use resolution: DNS for host names`);
  else if (fqdnProblem(address) !== undefined)
    report.error('address', `"${address}" is neither an IP address nor the name of a host`);
}
