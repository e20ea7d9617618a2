import { NOWHERE, type Place, topologyValue } from '../../mesh/locality.ts';
import type { MeshProxy } from '../../mesh/proxy.ts';
import type { LocalityPreference, PortPolicy, TrafficPolicy } from '../../mesh/traffic-policy.ts';
import { destinationRules } from './destination-rules.ts';
import { meshSettings } from './mesh-settings.ts';
import { networkOf, networks } from './networks.ts';
import { services } from './services.ts';
import { type Read, step } from './world.ts';

/** What of a caller's place and labels decides where its calls go, anywhere in the mesh. */
interface PlaceUse {
  readonly place: boolean;
  /** Labels that orders of failover name, other than those of places. */
  readonly labels: readonly string[];
}

/** Proxies are told apart by their place only where some policy does so: else all share one configuration. */
export const placeUse = step('use of places', (read): PlaceUse => {
  const { locality, outlier } = read.of(meshSettings, '');
  const policies = read
    .of(destinationRules, '')
    .flatMap(({ policy, subsets }) => [policy, ...subsets.map((subset) => subset.policy)])
    .flatMap(levelsOf);
  const preferences = [locality, ...policies.flatMap((policy) => policy.loadBalancer?.locality ?? [])];
  const spread = read
    .of(services, '')
    .some(({ trafficDistribution, nodeLocal }) => trafficDistribution !== undefined || nodeLocal === true);
  const ejects = outlier !== undefined || policies.some((policy) => policy.outlier !== undefined);
  return {
    place: spread || ejects || preferences.some(looksAtPlaces),
    labels: labelsOf(preferences),
  };
});

/** Also while nothing is ever known to be lost. */
function looksAtPlaces({ distribute, zoneAwareFrom }: LocalityPreference): boolean {
  return distribute.length > 0 || zoneAwareFrom !== undefined;
}

function levelsOf(policy: TrafficPolicy | undefined): readonly PortPolicy[] {
  return policy === undefined ? [] : [policy, ...policy.ports.values()];
}

function labelsOf(preferences: readonly LocalityPreference[]): readonly string[] {
  const keys = preferences
    .flatMap(({ failoverPriority }) => failoverPriority)
    .filter((label) => !label.includes('=') && topologyValue(label, NOWHERE) === undefined);
  return [...new Set(keys)].sort();
}

/** The place of a proxy, as far as it matters to anybody. */
export function placeOf(read: Read, { workload }: MeshProxy): Place {
  if (workload === undefined) return NOWHERE;
  const several = Object.keys(read.of(networks, '').gateways).length > 0;
  const { place } = read.of(placeUse, '');
  if (!place && !several) return NOWHERE;
  const network = networkOf(read, workload.ips[0] ?? '', workload.network);
  if (!place) return { ...NOWHERE, network };
  const byNode = read
    .of(services, '')
    .some(
      ({ trafficDistribution, nodeLocal }) => trafficDistribution === 'PreferSameNode' || nodeLocal === true,
    );
  return { locality: workload.locality, network, node: byNode ? workload.node : '' };
}
