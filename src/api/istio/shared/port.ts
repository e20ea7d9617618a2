import { isDnsLabel } from '../../check/host.ts';
import { portProblem } from '../../check/port.ts';
import { protocolProblem } from '../../check/protocol.ts';
import type { Report } from '../../report.ts';

/** Port number, name and protocol of ServiceEntry and Sidecar ports. The name may be optional; '' means "sniff" as protocol. */
export function checkPort(
  port: { readonly number?: number; readonly name?: string; readonly protocol?: string },
  report: Report,
): void {
  const number = portProblem(port.number ?? 0);
  if (number !== undefined) report.error('number', number);
  checkPortProtocol(port.protocol, report);
}

/** The protocol of a port, where it is given. */
export function checkPortProtocol(protocol: string | undefined, report: Report): void {
  const problem = protocol === undefined || protocol === '' ? undefined : protocolProblem(protocol);
  if (problem !== undefined) report.error('protocol', problem);
}

/** What is wrong with the name of a port, or undefined. */
export function portNameProblem(name: string): string | undefined {
  if (isDnsLabel(name)) return undefined;
  return `"${name}" is not the name of a port; use 1 to 63 letters, digits and "-"`;
}
