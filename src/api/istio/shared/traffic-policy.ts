import { isIpAddress } from '../../check/address.ts';
import { checkDurationSyntax } from '../../check/duration.ts';
import { fqdnProblem } from '../../check/host.ts';
import { portProblem } from '../../check/port.ts';
import type { Report } from '../../report.ts';
import { double, duration, type Infer, list, message, oneOf, text, uint32 } from '../../schema.ts';
import { checkClientTls, clientTls } from './client-tls.ts';
import { checkConnectionPool, connectionPool } from './connection-pool.ts';
import { portSelector } from './destination.ts';
import { setFields } from './exclusive.ts';
import { checkLoadBalancer, loadBalancer } from './load-balancer.ts';
import { checkOutlierDetection, outlierDetection } from './outlier-detection.ts';

const perPort = { loadBalancer, connectionPool, outlierDetection, tls: clientTls };

const portPolicy = message({}, { port: portSelector, ...perPort });
export type PortPolicy = Infer<typeof portPolicy>;

/** What a client does towards a destination: balancing, limits, ejection, TLS. */
export const trafficPolicy = message(
  {},
  {
    ...perPort,
    portLevelSettings: list(portPolicy),
    tunnel: message({ targetHost: text, targetPort: uint32 }, { protocol: text }),
    proxyProtocol: message({}, { version: oneOf('V1', 'V2') }),
    retryBudget: message({}, { percent: double, budgetInterval: duration, minRetryConcurrency: uint32 }),
  },
);
export type TrafficPolicy = Infer<typeof trafficPolicy>;

/** `namespace`: of the object that holds the policy. */
export function checkTrafficPolicy(
  policy: TrafficPolicy | undefined,
  namespace: string,
  report: Report,
): void {
  if (policy === undefined) return;
  if (setFields(policy, Object.keys(policy)).length === 0) {
    report.error([], 'an empty traffic policy says nothing; set a field or leave it out');
    return;
  }
  if (policy.tunnel !== undefined && policy.proxyProtocol !== undefined)
    report.error('proxyProtocol', 'proxyProtocol cannot be combined with tunnel; keep one of the two');
  checkCommon(policy, namespace, report);
  for (const [i, port] of (policy.portLevelSettings ?? []).entries())
    checkPortPolicy(port, namespace, report.at('portLevelSettings', i));
  checkTunnel(policy.tunnel, report.at('tunnel'));
  const percent = policy.retryBudget?.percent ?? 0;
  if (percent < 0 || percent > 100)
    report.error(['retryBudget', 'percent'], `${percent} is not a percentage; write 0 to 100`);
  checkDurationSyntax(policy.retryBudget?.budgetInterval, report.at('retryBudget'), 'budgetInterval');
}

function checkPortPolicy(policy: PortPolicy, namespace: string, report: Report): void {
  if (policy.port === undefined) report.error('port', 'port is required; write port: {number: 80}');
  if (setFields(policy, Object.keys(perPort)).length === 0)
    report.error(
      [],
      'nothing is set for this port; set loadBalancer, connectionPool, outlierDetection or tls',
    );
  checkCommon(policy, namespace, report);
}

function checkCommon(policy: TrafficPolicy | PortPolicy, namespace: string, report: Report): void {
  checkOutlierDetection(policy.outlierDetection, report.at('outlierDetection'));
  checkConnectionPool(policy.connectionPool, report.at('connectionPool'));
  checkLoadBalancer(policy.loadBalancer, policy.outlierDetection !== undefined, report.at('loadBalancer'));
  checkClientTls(policy.tls, namespace, report.at('tls'));
}

function checkTunnel(tunnel: TrafficPolicy['tunnel'], report: Report): void {
  if (tunnel === undefined) return;
  const { protocol = '', targetHost, targetPort } = tunnel;
  if (!['', 'CONNECT', 'POST'].includes(protocol))
    report.error('protocol', `"${protocol}" cannot tunnel; use CONNECT or POST`);
  const hostProblem = isIpAddress(targetHost) ? undefined : fqdnProblem(targetHost);
  if (hostProblem !== undefined) report.error('targetHost', hostProblem);
  const port = portProblem(targetPort);
  if (port !== undefined) report.error('targetPort', port);
}
