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
  const port = destinationPort(destination, calledPort, find);
  return outboundCluster(port, destination.subset, realHost(destination, find));
}

/** The port of a destination, see {@link destinationCluster}. */
export function destinationPort(destination: Destination, calledPort: number, find: FindService): number {
  const ports = find(realHost(destination, find))?.ports;
  const only = ports?.length === 1 ? ports[0]?.number : undefined;
  return destination.port ?? only ?? calledPort;
}

/** What an ExternalName stands for, else the host itself. */
function realHost({ host }: Destination, find: FindService): string {
  const service = find(host);
  return service?.resolution === 'alias' ? (service.externalName ?? host) : host;
}
