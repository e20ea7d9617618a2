import { MESH_CONFIG_MAP, meshNetworksOf } from '../../api/istio/mesh-config/config-map.ts';
import type { Service as ServiceObject } from '../../api/kubernetes/service.ts';
import type { Resource } from '../../api/resources.ts';
import { parseIpAddress } from '../../lib/ip-address.ts';
import { kubernetesHost } from '../../mesh/hostname.ts';
import { type NetworkGateway, type Networks, networkAt } from '../../mesh/network.ts';
import { kubernetesService } from './kubernetes-services.ts';
import { meshSettings } from './mesh-settings.ts';
import { keyOf, listOf, objectOf, type Read, step } from './world.ts';

// Networks come from `meshNetworks` of the ConfigMap `istio`, and, as in Istio's installations of several clusters, from
// labels: of the root namespace (the network of all who say nothing) and of the Services of gateways between networks.

const NETWORK_LABEL = 'topology.istio.io/network';
const PORT_LABEL = 'networking.istio.io/gatewayPort';
const STANDARD_PORT = 15443;

/** The networks of the mesh. */
export const networks = step('networks', (read): Networks => {
  const { rootNamespace } = read.of(meshSettings, '');
  const configMap = objectOf(read, '/ConfigMap', rootNamespace, MESH_CONFIG_MAP);
  const written = Object.entries((configMap && meshNetworksOf(configMap.object).networks) ?? {});
  const gateways: Record<string, readonly NetworkGateway[]> = {};
  const add = (network: string, more: readonly NetworkGateway[]): void => {
    if (more.length > 0) gateways[network] = distinct([...(gateways[network] ?? []), ...more]);
  };
  for (const [network, { gateways: list = [] }] of written)
    for (const { address = '', registryServiceName = '', port = 0 } of list)
      add(network, address === '' ? atService(read, registryServiceName, port) : placesOf([address], port));
  for (const resource of listOf(read, '/Service')) {
    const network = resource.object.metadata.labels?.[NETWORK_LABEL];
    const port = resource.object.metadata.labels?.[PORT_LABEL] ?? '';
    if (network !== undefined && isGatewayService(resource, port))
      add(network, addressesOf(read, resource, Number(port) || STANDARD_PORT));
  }
  return {
    gateways,
    ranges: written.flatMap(([network, { endpoints = [] }]) =>
      endpoints.flatMap(({ fromCidr = '' }) => (fromCidr === '' ? [] : [{ range: fromCidr, network }])),
    ),
    standard: objectOf(read, '/Namespace', '', rootNamespace)?.object.metadata.labels?.[NETWORK_LABEL] ?? '',
  };
});

/** The network of an address of which its workload says `own`. */
export function networkOf(read: Read, address: string, own: string): string {
  return networkAt(read.of(networks, ''), address, own);
}

/** A labelled Service is a gateway's where it says a port for that, or has the usual one. */
function isGatewayService({ object }: Resource<ServiceObject>, port: string): boolean {
  return port !== '' || (object.spec?.ports ?? []).some((one) => one.port === STANDARD_PORT);
}

function atService(read: Read, hostname: string, port: number): readonly NetworkGateway[] {
  const { clusterDomain } = read.of(meshSettings, '');
  const found = listOf(read, '/Service').find(
    ({ key }) => kubernetesHost(key.name, key.namespace, clusterDomain) === hostname,
  );
  return found === undefined ? [] : addressesOf(read, found, port);
}

/** Where others reach a Service: the addresses of its load balancer, else those outside, else its own. */
function addressesOf(
  read: Read,
  { object, key }: Resource<ServiceObject>,
  port: number,
): readonly NetworkGateway[] {
  const balanced = (object.status?.loadBalancer?.ingress ?? []).flatMap(({ ip = '' }) =>
    ip === '' ? [] : [ip],
  );
  const outer = [...balanced, ...(object.spec?.externalIPs ?? [])];
  if (outer.length > 0) return placesOf(outer, port);
  return placesOf(read.of(kubernetesService, keyOf(key.namespace, key.name)).value?.addresses ?? [], port);
}

/** Endpoints are addresses: names of gateways are not resolved here. */
function placesOf(addresses: readonly string[], port: number): readonly NetworkGateway[] {
  return addresses
    .filter((address) => parseIpAddress(address) !== undefined)
    .map((address) => ({ address, port }));
}

function distinct(gateways: readonly NetworkGateway[]): readonly NetworkGateway[] {
  const byText = new Map(gateways.map((one) => [`${one.address} ${one.port}`, one]));
  return [...byText].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
}
