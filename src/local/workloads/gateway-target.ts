import type { SocketTarget } from '../network/pod-networks.ts';
import type { ServiceObject } from '../resources/objects.ts';
import type { RunningPod } from './pod.ts';
import { podLabels } from './pod-object.ts';
import { selects, targetPort } from './service-view.ts';

/** Ports of the gateway's Service that the machine offers: for HTTP and for TLS. */
export type GatewayPort = 80 | 443;

/** Where gateways listen if no Service of theirs says otherwise. */
const USUAL_PORT: Readonly<Record<GatewayPort, number>> = { 80: 8080, 443: 8443 };

/** What the machine's gateway port leads to: a port of the ingress gateway; undefined while none is ready. */
export function gatewayTarget(
  pods: readonly RunningPod[],
  services: readonly ServiceObject[],
  port: GatewayPort,
): SocketTarget | undefined {
  const ready = pods.filter((pod) => pod.ready && pod.workload.proxy === 'gateway');
  const pod = ready.find((one) => one.workload.template.labels['istio'] === 'ingressgateway') ?? ready[0];
  if (pod?.place === undefined) return undefined;
  const target = pod.place.target(portBehind(pod, services, port) ?? USUAL_PORT[port]);
  return { host: target.host, port: target.port }; // without the probes' source address: this is traffic
}

function portBehind(
  { workload }: RunningPod,
  services: readonly ServiceObject[],
  wanted: GatewayPort,
): number | undefined {
  const backend = { namespace: workload.namespace, labels: podLabels(workload) };
  const found = services
    .filter((service) => selects(service, backend))
    .flatMap((service) => service.spec.ports)
    .find((port) => port.port === wanted);
  return found === undefined ? undefined : targetPort(found, workload.template.container?.ports ?? []);
}
