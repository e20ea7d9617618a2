import type { Gateway, GatewayServer } from '../../../mesh/gateway.ts';
import type { Protocol } from '../../../mesh/protocol.ts';
import type { Service } from '../../../mesh/service.ts';
import { kubernetesService } from '../kubernetes-services.ts';
import { meshSettings } from '../mesh-settings.ts';
import { GATEWAY_NAME } from '../policy-attachment.ts';
import { selectedWorkloads, selectionKey } from '../workloads.ts';
import { ageOf, keyOf, objectOf, partsOf, type Read, step } from '../world.ts';
import { allListeners, type Listener, listenersBeside } from './listeners.ts';
import { GROUP } from './route-kinds.ts';

/** Listeners as gateways of the model: each one by itself, since routes attach to listeners. */
export const kubernetesGateways = step('kubernetes gateways', (read): readonly Gateway[] =>
  read
    .of(allListeners, '')
    .filter(({ usable }) => usable)
    .map((listener, _, all) => gatewayOf(read, listener, all)),
);

function gatewayOf(read: Read, listener: Listener, all: readonly Listener[]): Gateway {
  const { gateway, owner, id, origin } = listener;
  const object = objectOf(read, `${GROUP}/Gateway`, gateway.namespace, gateway.name);
  return {
    namespace: owner.namespace,
    name: id.slice(owner.namespace.length + 1),
    ...read.of(gatewayWorkloads, keyOf(gateway.namespace, gateway.name)),
    servers: [serverOf(listener, all)],
    age: object === undefined ? { created: '', name: '' } : ageOf(object),
    origin,
  };
}

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

const hasWorkloads = step('has workloads', (read, key) => read.of(selectedWorkloads, key).length > 0);

/** Whether somebody runs who opens the listeners of a Gateway, by namespace and name. */
export const isServed = step('is served', (read, key): boolean => {
  const { selector, workloadNamespace } = read.of(gatewayWorkloads, key);
  const namespaces = [workloadNamespace ?? read.of(meshSettings, '').rootNamespace];
  return namespaces.some((namespace) => read.of(hasWorkloads, selectionKey(namespace, selector)));
});

const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  HTTP: 'http',
  HTTPS: 'https',
  TLS: 'tls',
  TCP: 'tcp',
};

function serverOf(listener: Listener, all: readonly Listener[]): GatewayServer {
  const { spec, hostname, tls, origin } = listener;
  const misdirected = listenersBeside(listener, all).map((other) => other.hostname);
  return {
    port: spec.port,
    // Istio's name for the ports of its converted Gateways: it is part of the names of routes.
    portName: 'default',
    protocol: PROTOCOLS[spec.protocol] ?? 'tcp',
    bind: '',
    hosts: [{ namespace: '*', host: hostname }],
    httpsRedirect: false,
    origin,
    ...(tls === undefined ? {} : { tls }),
    ...(spec.protocol === 'HTTPS' && misdirected.length > 0 ? { misdirected } : {}),
  };
}
