import { ipAddressProblem, UNIX_PREFIX, unixPathProblem } from '../../check/address.ts';
import { isDnsLabel, isPartialWildcard, wildcardHostProblem } from '../../check/host.ts';
import type { Report } from '../../report.ts';
import { checkPort, checkPortProtocol } from '../shared/port.ts';
import { checkSidecarPort, type SidecarPort } from './ingress.ts';

interface EgressListener {
  readonly port?: SidecarPort;
  readonly bind?: string;
  readonly captureMode?: string;
  readonly hosts?: readonly string[];
}

/** The services that a workload may call. One listener without a port, the last, stands for all other ports. */
export function checkEgress(listeners: readonly EgressListener[], namespace: string, report: Report): void {
  const taken = new Set<string>();
  for (const [i, listener] of listeners.entries()) {
    const at = report.at(i);
    if (listener.port === undefined) {
      if (i < listeners.length - 1)
        at.error(
          [],
          'a listener without a port takes all other ports; it must be the only one of its kind, and the last',
        );
    } else checkEgressPort(listener, listener.port, taken, at);
    checkEgressHosts(listener.hosts ?? [], namespace, at);
  }
}

function checkEgressPort(
  listener: EgressListener,
  port: SidecarPort,
  taken: Set<string>,
  report: Report,
): void {
  checkSidecarPort(port, report.at('port'));
  const bind = listener.bind ?? '';
  const onSocket = (port.number ?? 0) === 0;
  const place = onSocket ? bind : String(port.number);
  if (taken.has(place))
    report.error(onSocket ? 'bind' : ['port', 'number'], `there is already a listener on ${place}`);
  taken.add(place);
  if (onSocket) checkSocket(listener, port, report);
  else {
    checkPort(port, report.at('port'));
    const problem = bind === '' ? undefined : ipAddressProblem(bind);
    if (problem !== undefined) report.error('bind', problem);
  }
}

function checkSocket(listener: EgressListener, port: SidecarPort, report: Report): void {
  checkPortProtocol(port.protocol, report.at('port'));
  const bind = listener.bind ?? '';
  const problem = bind.startsWith(UNIX_PREFIX)
    ? unixPathProblem(bind.slice(UNIX_PREFIX.length))
    : 'port 0 is only possible with a Unix socket; set the number, or bind: unix:///PATH';
  if (problem !== undefined) report.error('bind', problem);
  if (listener.captureMode === 'IPTABLES')
    report.error('captureMode', 'traffic to a Unix socket cannot be captured; use DEFAULT or NONE');
}

/** Hosts are `namespace/host`; `.` is this namespace, `*` any, `~` in front takes hosts out again. */
function checkEgressHosts(hosts: readonly string[], namespace: string, report: Report): void {
  if (hosts.length === 0) report.error('hosts', 'hosts is required, such as "./*" for all of this namespace');
  const byNamespace = new Map<string, Set<string>>();
  for (const [i, entry] of hosts.entries()) {
    const slash = entry.indexOf('/');
    checkEgressHost(entry, slash, report.at('hosts', i));
    if (slash < 0 || entry.startsWith('~')) continue;
    const within = entry.slice(0, slash) === '.' ? namespace : entry.slice(0, slash);
    const host = entry.slice(slash + 1);
    const seen = byNamespace.get(within) ?? new Set<string>();
    if (seen.has(host) || seen.has('*') || (host === '*' && seen.size > 0))
      report.warn(['hosts', i], `"${entry}" overlaps with another entry of namespace ${within}`);
    byNamespace.set(within, seen.add(host));
  }
  if (byNamespace.get('*')?.has('*') === true && byNamespace.size > 1)
    report.warn('hosts', '"*/*" already means every host; the other entries have no effect');
}

function checkEgressHost(entry: string, slash: number, report: Report): void {
  if (slash < 0) {
    report.error([], `"${entry}" has no namespace; write namespace/host, such as ./${entry} or */${entry}`);
    return;
  }
  const namespace = entry.slice(0, slash).replace(/^~/, '');
  const host = entry.slice(slash + 1);
  const anywhere = namespace === '*' || namespace === '.' || entry.slice(0, slash) === '~';
  if (!anywhere && !isDnsLabel(namespace))
    report.error([], `"${entry}" does not begin with a namespace, "." or "*"`);
  const problem = wildcardHostProblem(host);
  if (host !== '*' && !host.includes('.'))
    report.error(
      [],
      `"${host}" is a short name; write the full name, such as ${host || 'reviews'}.default.svc.cluster.local`,
    );
  else if (problem !== undefined) report.error([], problem);
  else if (isPartialWildcard(host))
    report.error([], `"${host}" has "*" beside other letters; write *.example.com`);
}
