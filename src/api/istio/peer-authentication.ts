import { portProblem } from '../check/port.ts';
import { specKind } from '../kind.ts';
import type { SpecObject } from '../object.ts';
import type { Report } from '../report.ts';
import { type Infer, mapOrEmpty, message, oneOf } from '../schema.ts';
import { checkSelector, matchLabelsSelector } from './shared/selector.ts';

const mtls = message({}, { mode: oneOf('UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT') });

const spec = message({}, { selector: matchLabelsSelector, mtls, portLevelMtls: mapOrEmpty(mtls) });

/** Spec of a PeerAuthentication: whether workloads take only mutual TLS. Keys of portLevelMtls are ports of the workload. */
export type PeerAuthenticationSpec = Infer<typeof spec>;
export type PeerAuthentication = SpecObject<PeerAuthenticationSpec>;

/** security.istio.io PeerAuthentication. */
export const peerAuthentication = specKind(
  { group: 'security.istio.io', kind: 'PeerAuthentication', versions: ['v1', 'v1beta1'] },
  spec,
  checkPeerAuthentication,
);

function checkPeerAuthentication(policy: PeerAuthenticationSpec, report: Report): void {
  if (policy.selector !== undefined)
    checkSelector(policy.selector.matchLabels, report, ['selector', 'matchLabels']);
  const ports = Object.keys(policy.portLevelMtls ?? {});
  const selects = Object.keys(policy.selector?.matchLabels ?? {}).length > 0;
  if (ports.length > 0 && !selects)
    report.error(
      'portLevelMtls',
      'ports belong to workloads: add a selector with matchLabels, or drop portLevelMtls',
    );
  if (policy.portLevelMtls !== undefined && ports.length === 0)
    report.error('portLevelMtls', 'portLevelMtls is empty; name a port, or leave it out');
  for (const port of ports) {
    const problem = /^\d+$/.test(port)
      ? portProblem(Number(port))
      : `"${port}" is not a port; write its number`;
    if (problem !== undefined) report.error(['portLevelMtls', port], problem);
  }
}
