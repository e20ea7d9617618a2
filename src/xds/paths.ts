import { typeUrls } from './resources.ts';

/** gRPC methods of xDS, by how and for what. Source: the *ds.proto files under envoy/service. */
export function xdsPath(kind: 'ads' | 'single', delta: boolean, typeUrl: string): string {
  if (kind === 'ads')
    return `/envoy.service.discovery.v3.AggregatedDiscoveryService/${delta ? 'Delta' : 'Stream'}AggregatedResources`;
  const [folder, service, noun] = services[typeUrl] ?? ['', '', ''];
  return `/envoy.service.${folder}.v3.${service}DiscoveryService/${delta ? 'Delta' : 'Stream'}${noun}`;
}

const services: Readonly<Record<string, readonly [folder: string, service: string, noun: string]>> = {
  [typeUrls.listener]: ['listener', 'Listener', 'Listeners'],
  [typeUrls.cluster]: ['cluster', 'Cluster', 'Clusters'],
  [typeUrls.endpoint]: ['endpoint', 'Endpoint', 'Endpoints'],
  [typeUrls.route]: ['route', 'Route', 'Routes'],
  [typeUrls.secret]: ['secret', 'Secret', 'Secrets'],
};
