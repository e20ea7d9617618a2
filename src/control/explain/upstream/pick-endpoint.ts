import type {
  Cluster,
  ClusterLoadAssignment,
  LbEndpoint,
  LocalityLbEndpoints,
} from '../../../xds/resources.ts';
import { addressText, type SocketAddress } from '../connection.ts';
import { NOBODY } from '../explanation.ts';
import type { Request } from '../http/request.ts';
import type { ExplainedProxy, Metadata } from '../proxy.ts';
import type { Scene } from '../scene.ts';
import { shareText } from '../words.ts';

/** Where a cluster sends one request. */
export interface PickedEndpoint {
  readonly at: SocketAddress;
  readonly metadata: Metadata;
  /** For host rewriting, '' for none. */
  readonly hostname: string;
}

/** What is known of a request that decides among endpoints. */
export interface PickWish {
  /** There is something to hash, where the cluster goes by a hash. */
  readonly hashed?: boolean;
  /** `IP:PORT` of endpoints to pass over while there are others; those that are picked are added. */
  readonly tried?: Set<string>;
  /** The endpoint of the client's session; `strict`: it or nobody. */
  readonly wanted?: { readonly address: string; readonly strict: boolean };
}

interface Option {
  readonly endpoint: PickedEndpoint;
  readonly weight: number;
}

/**
 * One endpoint of a cluster; undefined where it has none. `destination` is where the client wanted to go.
 */
export function pickEndpoint(
  scene: Scene,
  proxy: ExplainedProxy,
  cluster: Cluster,
  destination: SocketAddress,
  request: Request | undefined,
  { hashed = false, tried, wanted }: PickWish,
): PickedEndpoint | undefined {
  if (cluster.type === 'ORIGINAL_DST') {
    scene.trace.step(`on to ${addressText(destination)}, the address that was called`);
    return { at: destination, metadata: {}, hostname: '' };
  }
  if (cluster.cluster_type?.name === DYNAMIC_FORWARD_PROXY) return ofRequest(scene, cluster, request);
  const assignment = assignmentOf(proxy, cluster);
  const held = wanted && ofSession(assignment, wanted.address);
  if (held !== undefined) {
    tried?.add(addressText(held.at));
    scene.trace.step(`to ${textOf(scene, held)}, where the client's session is`);
    return held;
  }
  if (wanted?.strict === true) return undefined;
  const options = untried(optionsOf(cluster, assignment), tried);
  if (options.length === 0) return undefined;
  const total = options.reduce((sum, { weight }) => sum + weight, 0);
  const at = scene.chance.pick(options.map(({ weight }) => weight));
  const picked = (options[at] as Option).endpoint;
  tried?.add(addressText(picked.at));
  const sticky = hashed && goesByHash(cluster);
  if (options.length > 1) noteHash(scene, sticky, goesByHash(cluster));
  const instead = options.flatMap(({ endpoint, weight }, i) =>
    i === at || i > MAX_ALTERNATIVES
      ? []
      : [{ what: textOf(scene, endpoint), why: `gets ${shareText(weight / total)}`, because: NOBODY }],
  );
  const how = sticky ? 'by a hash of the request' : `by ${policyText(cluster)}`;
  const all = options.length === 1 ? 'the only endpoint' : `one of ${options.length} endpoints ${how}`;
  scene.trace.step(`to ${textOf(scene, picked)}, ${all}`, NOBODY, instead);
  return picked;
}

/** The endpoint of an address, of whatever priority, unless it is known to be unwell. */
function ofSession({ endpoints = [] }: ClusterLoadAssignment, address: string): PickedEndpoint | undefined {
  return endpoints
    .flatMap((locality) =>
      (locality.lb_endpoints ?? [])
        .filter((endpoint) => isHealthy(endpoint) || endpoint.health_status === 'DEGRADED')
        .map((endpoint) => read(endpoint, locality)),
    )
    .find(({ at }) => addressText(at) === address);
}

const DYNAMIC_FORWARD_PROXY = 'envoy.clusters.dynamic_forward_proxy';

/** The host that a request names, at its port. */
function ofRequest(
  scene: Scene,
  { transport_socket }: Cluster,
  request: Request | undefined,
): PickedEndpoint | undefined {
  const [, host = '', digits] = /^(.+?)(?::(\d+))?$/.exec(request?.authority ?? '') ?? [];
  if (host === '') return undefined;
  const standard = transport_socket === undefined ? 80 : 443;
  const at = { address: host, port: digits === undefined ? standard : Number(digits) };
  scene.trace.step(`to ${addressText(at)}, the host that the request names`);
  return { at, metadata: {}, hostname: '' };
}

const MAX_ALTERNATIVES = 10;

/** A proxy looks a few times for another endpoint than those it tried: that it never finds one is not walked. */
function untried(all: Option[], tried: ReadonlySet<string> | undefined): Option[] {
  const others =
    tried === undefined ? all : all.filter(({ endpoint }) => !tried.has(addressText(endpoint.at)));
  return others.length === 0 ? all : others;
}

/** Without anything to hash chance decides, by parts of the ring that are about as large as the weights say. */
function noteHash({ trace }: Scene, sticky: boolean, byHash: boolean): void {
  trace.sticky ||= sticky;
  if (byHash) trace.unsure.add(sticky ? 'workload' : 'shares');
}

function assignmentOf(proxy: ExplainedProxy, cluster: Cluster): ClusterLoadAssignment {
  if (cluster.type !== 'EDS') return cluster.load_assignment ?? {};
  return proxy.assignment(cluster.eds_cluster_config?.service_name || (cluster.name ?? ''))?.object ?? {};
}

/** Healthy endpoints of the first priority that has any, by the weight with which they are picked. */
function optionsOf(cluster: Cluster, { endpoints = [] }: ClusterLoadAssignment): Option[] {
  const serving = endpoints.filter(({ lb_endpoints = [] }) => lb_endpoints.some(isHealthy));
  const first = Math.min(...serving.map(({ priority = 0 }) => priority));
  const here = serving.filter(({ priority = 0 }) => priority === first);
  const weighted = cluster.common_lb_config?.locality_weighted_lb_config !== undefined;
  return here
    .flatMap((locality) => {
      const healthy = (locality.lb_endpoints ?? []).filter(isHealthy);
      const sum = healthy.reduce((all, endpoint) => all + weightOf(cluster, endpoint), 0);
      return healthy.map((endpoint) => {
        const own = weightOf(cluster, endpoint);
        const weight = weighted ? ((locality.load_balancing_weight ?? 0) * own) / sum : own;
        return { endpoint: read(endpoint, locality), weight };
      });
    })
    .filter(({ weight }) => weight > 0);
}

function isHealthy({ health_status = 'UNKNOWN' }: LbEndpoint): boolean {
  return health_status === 'UNKNOWN' || health_status === 'HEALTHY';
}

/** Where chance alone picks, weights do not count. */
function weightOf({ lb_policy }: Cluster, { load_balancing_weight = 1 }: LbEndpoint): number {
  return lb_policy === 'RANDOM' ? 1 : Math.max(1, load_balancing_weight);
}

function read({ endpoint = {}, metadata }: LbEndpoint, _locality: LocalityLbEndpoints): PickedEndpoint {
  const { address, hostname = '' } = endpoint;
  const { address: host = address?.pipe?.path ?? '', port_value = 0 } = address?.socket_address ?? {};
  return {
    at: { address: host, port: port_value },
    metadata: (metadata?.filter_metadata ?? {}) as Metadata,
    hostname,
  };
}

function goesByHash({ lb_policy }: Cluster): boolean {
  return lb_policy === 'RING_HASH' || lb_policy === 'MAGLEV';
}

function policyText({ lb_policy = 'ROUND_ROBIN' }: Cluster): string {
  return lb_policy.toLowerCase().replaceAll('_', ' ');
}

function textOf(scene: Scene, { at }: PickedEndpoint): string {
  const workload = scene.places.workloadAt(at.address, at.port);
  const text = addressText(at);
  return workload === undefined ? text : `${workload.namespace}/${workload.owner} (${text})`;
}
