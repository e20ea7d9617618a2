import type { Destination } from '../../../mesh/route.ts';
import type { Service } from '../../../mesh/service.ts';
import { outboundCluster } from '../../../xds/names.ts';

/** Looks a hostname up among the services that the proxy knows. */
export type FindService = (hostname: string) => Service | undefined;

/**
 * The cluster of a destination. Its port: as written, else the only one of the service, else the port that was called.
 * The cluster need not exist: requests to it are then answered as such, and the author has a finding.
 */
export function destinationCluster(destination: Destination, calledPort: number, find: FindService): string {
  const service = find(destination.host);
  const host =
    service?.resolution === 'alias' ? (service.externalName ?? destination.host) : destination.host;
  const target = service?.resolution === 'alias' ? find(host) : service;
  const only = target?.ports.length === 1 ? target.ports[0]?.number : undefined;
  return outboundCluster(destination.port ?? only ?? calledPort, destination.subset, host);
}
