import { fqdnProblem } from '../check/host.ts';
import { specKind } from '../kind.ts';
import type { ObjectMeta, SpecObject } from '../object.ts';
import type { Report } from '../report.ts';
import { type Infer, list, message, oneOf, text, texts, uint32 } from '../schema.ts';
import { checkConnectionPool, connectionPool } from './shared/connection-pool.ts';
import { checkDestination, destination } from './shared/destination.ts';
import { checkSelector, labelsSelector } from './shared/selector.ts';
import { serverTls } from './shared/server-tls.ts';
import { checkEgress } from './sidecar/egress.ts';
import { checkIngress } from './sidecar/ingress.ts';

const port = message({}, { number: uint32, protocol: text, name: text, targetPort: uint32 });
const captureMode = oneOf('DEFAULT', 'IPTABLES', 'NONE');

const ingress = message(
  {},
  { port, bind: text, captureMode, defaultEndpoint: text, tls: serverTls, connectionPool },
);
const egress = message({}, { port, bind: text, captureMode, hosts: texts });

const outboundTrafficPolicy = message(
  {},
  { mode: oneOf('REGISTRY_ONLY', 'ALLOW_ANY'), egressProxy: destination },
);
type OutboundTrafficPolicy = Infer<typeof outboundTrafficPolicy>;

const spec = message(
  {},
  {
    workloadSelector: labelsSelector,
    ingress: list(ingress),
    inboundConnectionPool: connectionPool,
    egress: list(egress),
    outboundTrafficPolicy,
  },
);

/** Spec of a Sidecar: what the sidecars of a namespace, or of some of its workloads, listen to and know about. */
export type SidecarSpec = Infer<typeof spec>;
export type Sidecar = SpecObject<SidecarSpec>;

/** networking.istio.io Sidecar. */
export const sidecar = specKind(
  { group: 'networking.istio.io', kind: 'Sidecar', versions: ['v1', 'v1beta1', 'v1alpha3'] },
  spec,
  checkSidecar,
);

function checkSidecar(sidecar: SidecarSpec, report: Report, metadata: ObjectMeta): void {
  const listeners = (sidecar.ingress ?? []).length + (sidecar.egress ?? []).length;
  if (
    listeners === 0 &&
    sidecar.outboundTrafficPolicy === undefined &&
    sidecar.inboundConnectionPool === undefined
  )
    report.error(
      [],
      'an empty Sidecar says nothing; set egress, ingress, outboundTrafficPolicy or inboundConnectionPool',
    );
  if (sidecar.workloadSelector !== undefined)
    checkSelector(sidecar.workloadSelector.labels, report, ['workloadSelector', 'labels']);
  checkIngress(sidecar.ingress ?? [], report.at('ingress'));
  checkConnectionPool(sidecar.inboundConnectionPool, report.at('inboundConnectionPool'));
  checkEgress(sidecar.egress ?? [], metadata.namespace, report.at('egress'));
  checkOutbound(sidecar.outboundTrafficPolicy, report.at('outboundTrafficPolicy'));
}

function checkOutbound(policy: OutboundTrafficPolicy | undefined, report: Report): void {
  if (policy?.egressProxy === undefined) return;
  const at = report.at('egressProxy');
  if ((policy.mode ?? 'REGISTRY_ONLY') !== 'ALLOW_ANY') {
    at.error([], 'an egress proxy takes traffic to unknown hosts; it needs mode: ALLOW_ANY');
    return;
  }
  const host = fqdnProblem(policy.egressProxy.host);
  if (host !== undefined) at.error('host', host);
  else checkDestination(policy.egressProxy, at);
  if (policy.egressProxy.port === undefined) at.error('port', 'port is required; write port: {number: 8080}');
}
