import type { Endpoint } from '../../../mesh/endpoint.ts';
import { localityMatches } from '../../../mesh/locality.ts';
import type { Service } from '../../../mesh/service.ts';
import { type Labels, matchesLabels } from '../../../mesh/workload.ts';
import { outboundCluster } from '../../../xds/names.ts';
import type { ClusterLoadAssignment, LbEndpoint, LocalityLbEndpoints } from '../../../xds/resources.ts';
import { endpoints } from '../../resolve/endpoints.ts';
import { networks } from '../../resolve/networks.ts';
import { serviceByKey, serviceKey } from '../../resolve/services.ts';
import { keyOf, partsOf, step } from '../../resolve/world.ts';
import { type EmittedEndpoints, emittedEndpoints } from '../emitted.ts';
import { socketAddress } from '../sources.ts';
import { reachable } from './networks.ts';
import { asPeersTakeThem } from './peer-tls.ts';
import { distance, type Preference } from './preference.ts';

/** By service, port, subset and its labels: the same for all views that mean the same by a cluster's name. */
export const sharedAssignment = step('shared load assignment', (read, key): EmittedEndpoints => {
  const service = read.of(serviceByKey, serviceKeyOf(key));
  return emittedEndpoints(read.of(inlineAssignment, key), service === undefined ? [] : [service.origin]);
});

/** The same for a cluster of another name, by its name and the key of {@link sharedAssignment}. */
export const renamedAssignment = step('renamed load assignment', (read, key): EmittedEndpoints => {
  const [name = '', ...rest] = partsOf(key);
  const { object, provenance } = read.of(sharedAssignment, keyOf(...rest));
  return emittedEndpoints({ ...object, cluster_name: name }, provenance);
});

/** The assignment as a mere object, for clusters that carry their endpoints themselves. */
export const inlineAssignment = step('assignment', (read, key): ClusterLoadAssignment => {
  const [port = '', subset = '', labels = '{}', wish = '', way = ''] = partsOf(key).slice(SERVICE_KEY_PARTS);
  const preference = wish === '' ? undefined : (JSON.parse(wish) as Preference);
  const wanted = JSON.parse(labels) as Labels;
  const chosen = read
    .of(endpoints, serviceKeyOf(key))
    .filter((endpoint) => endpoint.ready && matchesLabels(wanted, endpoint.labels))
    .filter(({ node }) => preference?.onlyNode === undefined || node === preference.onlyNode);
  const usable = asPeersTakeThem(read, chosen, Number(port))
    // What is already within TLS of the mesh can go on to those alone who take it.
    .filter((endpoint) => way !== WITHIN_TLS || endpoint.mtls);
  const hostname = read.of(serviceByKey, serviceKeyOf(key))?.hostname ?? '';
  return {
    cluster_name: outboundCluster(Number(port), subset, hostname),
    endpoints: preferred(
      reachable(read.of(networks, ''), preference?.network ?? '', usable, Number(port)),
      Number(port),
      preference,
    ),
  };
});

/** Key of {@link inlineAssignment}. */
export function assignmentKey(
  service: Service,
  port: number,
  subset: string,
  labels: Labels,
  preference: Preference | undefined,
  way: typeof WITHIN_TLS | '' = '',
): string {
  const wish = preference === undefined ? '' : JSON.stringify(preference);
  return keyOf(serviceKey(service), port, subset, JSON.stringify(labels), wish, way);
}

/** The last part of a key whose assignment is for what comes within TLS of the mesh. */
export const WITHIN_TLS = 'within-tls';

const SERVICE_KEY_PARTS = 4;

function serviceKeyOf(key: string): string {
  return keyOf(...partsOf(key).slice(0, SERVICE_KEY_PARTS));
}

/** The groups in the order, or with the shares, that the caller prefers. */
function preferred(
  usable: readonly Endpoint[],
  port: number,
  preference: Preference | undefined,
): LocalityLbEndpoints[] {
  if (preference === undefined) return localities(usable, port);
  if (preference.shares !== undefined) return shared(localities(usable, port), preference.shares);
  const byDistance = new Map<string, { readonly far: readonly number[]; readonly endpoints: Endpoint[] }>();
  for (const endpoint of usable) {
    if (!endpoint.ports.has(port)) continue;
    const far = distance(endpoint, preference);
    const group = byDistance.get(far.join()) ?? { far, endpoints: [] };
    group.endpoints.push(endpoint);
    byDistance.set(far.join(), group);
  }
  return [...byDistance.values()]
    .sort((a, b) => (a.far[0] ?? 0) - (b.far[0] ?? 0) || (a.far[1] ?? 0) - (b.far[1] ?? 0))
    .flatMap(({ endpoints }, priority) =>
      localities(endpoints, port).map((group) => (priority === 0 ? group : { ...group, priority })),
    );
}

/** Localities with the shares of the first pattern that means them, divided by weight; those of no pattern get nothing. */
function shared(
  groups: readonly LocalityLbEndpoints[],
  shares: Readonly<Record<string, number>>,
): LocalityLbEndpoints[] {
  const patterns = Object.entries(shares);
  const chosen = groups.map((group) => {
    const { region = '', zone = '', sub_zone = '' } = group.locality ?? {};
    return patterns.findIndex(([pattern]) => localityMatches(pattern, [region, zone, sub_zone].join('/')));
  });
  return groups.flatMap((group, i) => {
    const pattern = chosen[i] ?? -1;
    const [, share = 0] = patterns[pattern] ?? [];
    if (pattern < 0) return [];
    const total = groups.reduce((sum, other, j) => (chosen[j] === pattern ? sum + weightOf(other) : sum), 0);
    return [{ ...group, load_balancing_weight: Math.max(1, Math.round((share * weightOf(group)) / total)) }];
  });
}

function weightOf({ load_balancing_weight = 1 }: LocalityLbEndpoints): number {
  return load_balancing_weight;
}

/** One group for each locality, by name; the weight of a group is what its endpoints weigh together. */
function localities(endpoints: readonly Endpoint[], port: number): LocalityLbEndpoints[] {
  const groups = new Map<string, LbEndpoint[]>();
  for (const endpoint of endpoints) {
    const number = endpoint.ports.get(port);
    if (number === undefined) continue;
    groups.set(endpoint.locality, [...(groups.get(endpoint.locality) ?? []), lbEndpoint(endpoint, number)]);
  }
  return [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([locality, lb_endpoints]) => ({
      locality: localityOf(locality),
      lb_endpoints,
      load_balancing_weight: lb_endpoints.reduce(
        (sum, endpoint) => sum + (endpoint.load_balancing_weight ?? 1),
        0,
      ),
    }));
}

function localityOf(text: string) {
  const [region = '', zone = '', sub_zone = ''] = text.split('/');
  return { ...(region && { region }), ...(zone && { zone }), ...(sub_zone && { sub_zone }) };
}

function lbEndpoint(endpoint: Endpoint, port: number): LbEndpoint {
  const address = endpoint.address.startsWith('unix://')
    ? { pipe: { path: endpoint.address.slice('unix://'.length) } }
    : socketAddress(endpoint.address, port);
  return {
    endpoint: { address },
    health_status: 'HEALTHY',
    metadata: {
      filter_metadata: {
        istio: { workload: workloadText(endpoint) },
        ...(endpoint.mtls ? { 'envoy.transport_socket_match': { tlsMode: 'istio' } } : {}),
      },
    },
    load_balancing_weight: Math.max(1, endpoint.weight),
  };
}

/** `reviews-v1;default;reviews;v1;Kubernetes`: workload, namespace, canonical name and revision, cluster. */
function workloadText(endpoint: Endpoint): string {
  const { workload, namespace, canonicalName, canonicalRevision } = endpoint;
  return [workload, namespace, canonicalName, canonicalRevision, 'Kubernetes'].join(';');
}
