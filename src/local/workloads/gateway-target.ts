import type { SocketTarget } from '../network/pod-networks.ts';
import type { ServiceObject } from '../resources/objects.ts';
import type { RunningPod } from './pod.ts';
import { podLabels } from './pod-object.ts';
import { selects, targetPort } from './service-view.ts';

/** Where gateways listen if no Service of theirs says otherwise. */
const USUAL_PORT = 8080;

/** What the machine's gateway port leads to: port 80 of the ingress gateway; undefined while none is ready. */
export function gatewayTarget(
  pods: readonly RunningPod[],
  services: readonly ServiceObject[],
): SocketTarget | undefined {
  const ready = pods.filter((pod) => pod.ready && pod.workload.proxy === 'gateway');
  const pod = ready.find((one) => one.workload.template.labels['istio'] === 'ingressgateway') ?? ready[0];
  if (pod?.place === undefined) return undefined;
  const { host, port } = pod.place.target(portBehind80(pod, services) ?? USUAL_PORT);
  return { host, port }; // without the probes' source address: this is traffic
}

function portBehind80({ workload }: RunningPod, services: readonly ServiceObject[]): number | undefined {
  const backend = { namespace: workload.namespace, labels: podLabels(workload) };
  const http = services
    .filter((service) => selects(service, backend))
    .flatMap((service) => service.spec.ports)
    .find((port) => port.port === 80);
  return http === undefined ? undefined : targetPort(http, workload.template.container?.ports ?? []);
}
