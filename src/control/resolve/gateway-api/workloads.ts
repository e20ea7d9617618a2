import type { Gateway } from '../../../mesh/gateway.ts';
import type { Service } from '../../../mesh/service.ts';
import { kubernetesService } from '../kubernetes-services.ts';
import { selectedWorkloads, selectionKey } from '../workloads.ts';
import { keyOf, objectOf, partsOf, step } from '../world.ts';
import { GROUP } from './route-kinds.ts';

// Which Pods open the listeners of a Gateway.

/** Label of the proxies that were made for a Gateway of the Kubernetes Gateway API. */
export const GATEWAY_NAME = 'gateway.networking.k8s.io/gateway-name';

/**
 * The Pods of a Gateway, by namespace and name: its own where there are any, else those that serve Istio's Gateways,
 * of whatever namespace.
 */
export const gatewayWorkloads = step(
  'workloads of a gateway',
  (read, key): Pick<Gateway, 'selector' | 'workloadNamespace'> => {
    const [namespace = '', name = ''] = partsOf(key);
    const own = { [GATEWAY_NAME]: name };
    const named = read.of(servicesOfAddresses, key)[0];
    if (named?.service !== undefined)
      return { selector: named.service.selector ?? own, workloadNamespace: named.service.namespace };
    if (read.of(hasWorkloads, selectionKey(namespace, own)))
      return { selector: own, workloadNamespace: namespace };
    return { selector: { istio: 'ingressgateway' } };
  },
);

/** A Service that a Gateway names as its address, and whether there is one. */
export interface NamedService {
  readonly address: string;
  readonly service: Service | undefined;
}

/** Services that the addresses of a Gateway name (type Hostname, as Istio has it), by namespace and name. */
export const servicesOfAddresses = step('services of addresses', (read, key): readonly NamedService[] => {
  const [namespace = '', name = ''] = partsOf(key);
  const addresses = objectOf(read, `${GROUP}/Gateway`, namespace, name)?.object.spec.addresses ?? [];
  return addresses
    .filter(({ type, value = '' }) => type === 'Hostname' && value !== '')
    .map(({ value: address = '' }) => {
      const [service = '', own = namespace] = address.split('.');
      return { address, service: read.of(kubernetesService, keyOf(own, service)).value };
    });
});

export const hasWorkloads = step('has workloads', (read, key) => read.of(selectedWorkloads, key).length > 0);
