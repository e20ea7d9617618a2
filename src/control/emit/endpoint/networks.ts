import type { Endpoint } from '../../../mesh/endpoint.ts';
import { gatewaysBetween, type NetworkGateway, type Networks, weightScale } from '../../../mesh/network.ts';

/**
 * Endpoints as a caller in a network can reach them: those of other networks are replaced by the gateways there, which
 * weigh what is behind them. Behind a gateway only mutual TLS tells what is meant: endpoints without it are left out.
 */
export function reachable(
  networks: Networks,
  from: string,
  endpoints: readonly Endpoint[],
  port: number,
): readonly Endpoint[] {
  const scale = weightScale(networks);
  if (Object.keys(networks.gateways).length === 0) return endpoints;
  const doors = new Map<string, Endpoint>();
  const direct: Endpoint[] = [];
  for (const endpoint of endpoints) {
    const weight = Math.max(1, endpoint.weight) * scale;
    const gateways = gatewaysBetween(networks, from, endpoint.network);
    if (gateways.length === 0) direct.push(scale === 1 ? endpoint : { ...endpoint, weight });
    else if (endpoint.mtls && endpoint.ports.has(port))
      for (const gateway of gateways) addDoor(doors, endpoint, gateway, port, weight / gateways.length);
  }
  return [...direct, ...[...doors].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, door]) => door)];
}

/** A gateway counts once for each locality behind it. */
function addDoor(
  doors: Map<string, Endpoint>,
  behind: Endpoint,
  { address, port: number }: NetworkGateway,
  port: number,
  weight: number,
): void {
  const key = `${address} ${number} ${behind.locality}`;
  const known = doors.get(key);
  doors.set(key, {
    ...behind,
    address,
    ports: new Map([[port, number]]),
    labels: {},
    node: '',
    weight: (known?.weight ?? 0) + weight,
    workload: '',
    canonicalName: '',
    canonicalRevision: '',
    hostname: '',
  });
}
