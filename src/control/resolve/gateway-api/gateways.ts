import type { Gateway, GatewayServer } from '../../../mesh/gateway.ts';
import type { Protocol } from '../../../mesh/protocol.ts';
import { meshSettings } from '../mesh-settings.ts';
import { selectionKey } from '../workloads.ts';
import { ageOf, keyOf, objectOf, type Read, step } from '../world.ts';
import { allListeners, type Listener, listenersBeside } from './listeners.ts';
import { GROUP } from './route-kinds.ts';
import { gatewayWorkloads, hasWorkloads } from './workloads.ts';

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
