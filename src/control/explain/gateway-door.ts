import { indexHosts, matchHost, withoutPort } from '../../xds/match/virtual-host.ts';
import type { HttpConnectionManager } from '../../xds/resources.ts';
import { accept } from './accept.ts';
import type { Connection } from './connection.ts';
import type { Ending } from './ending.ts';
import type { Request } from './http/request.ts';
import { pickBound } from './pick-listener.ts';
import type { GatewayPlace } from './places.ts';
import type { ExplainedProxy } from './proxy.ts';
import type { Scene } from './scene.ts';

/** A client's connection at the door of a gateway. `port` is the one that the client calls. */
export function atGateway(
  scene: Scene,
  gateway: GatewayPlace,
  port: number,
  connection: Connection,
  request: Request | undefined,
): Ending {
  const proxy = scene.places.routerOf(gateway);
  const own = ownPort(scene, gateway, proxy, port);
  if (own !== port) scene.trace.step(`port ${port} of the gateway's Service is its port ${own}`);
  const destination = { address: proxy.address, port: own };
  return accept(scene, proxy, 'gateway', { ...connection, destination }, request);
}

/** The gateway that a client outside comes to: one that listens at the port, and best one that knows the host. */
export function gatewayFor(scene: Scene, port: number, authority: string): GatewayPlace | undefined {
  const listening = scene.places.gateways.filter((gateway) => {
    const proxy = scene.places.routerOf(gateway);
    return listens(proxy, ownPort(scene, gateway, proxy, port));
  });
  return listening.find((gateway) => knowsHost(scene.places.routerOf(gateway), authority)) ?? listening[0];
}

/** The gateway's own port behind the port that clients call: by a Service, or by the port it has on a shared host. */
export function ownPort(
  scene: Scene,
  { workload }: GatewayPlace,
  proxy: ExplainedProxy,
  port: number,
): number {
  if (workload === undefined) return port;
  for (const service of scene.places.services) {
    const ends = scene.places
      .endpointsOf(service, port)
      .find(({ address }) => workload.ips.includes(address));
    if (ends !== undefined && listens(proxy, ends.port)) return ends.port;
  }
  const bound = workload.explicit?.ports.get(port);
  return bound !== undefined && listens(proxy, bound) ? bound : port;
}

function listens(proxy: ExplainedProxy, port: number): boolean {
  const destination = { address: proxy.address, port };
  const nobody = { address: '', port: 0 };
  return pickBound(proxy, { source: nobody, destination, layers: [], content: 'tcp' }) !== undefined;
}

/** Whether any route of the gateway takes requests for the host. */
function knowsHost(proxy: ExplainedProxy, authority: string): boolean {
  return routeNames(proxy).some((name) => {
    const hosts = proxy.routes(name)?.object.virtual_hosts ?? [];
    const index = indexHosts(
      hosts.map((value) => ({ domains: value.domains ?? [], value, field: '' })),
      () => {},
    );
    return (matchHost(index, withoutPort(authority))?.routes ?? []).length > 0;
  });
}

function routeNames({ listeners }: ExplainedProxy): readonly string[] {
  return listeners
    .flatMap(({ object }) => object.filter_chains ?? [])
    .flatMap(({ filters }) => filters ?? [])
    .map(({ typed_config }) => (typed_config as HttpConnectionManager | undefined)?.rds?.route_config_name)
    .filter((name) => name !== undefined);
}
