import type { Endpoint } from '../../../mesh/endpoint.ts';
import { localityMatches, type Place, topologyValue } from '../../../mesh/locality.ts';
import type { View } from '../../../mesh/proxy.ts';
import type { Service } from '../../../mesh/service.ts';
import type { MeshSettings } from '../../../mesh/settings.ts';
import type { LocalityPreference, TrafficPolicy } from '../../../mesh/traffic-policy.ts';

/**
 * Which endpoints a caller prefers, worked out from its side: plain data, equal for callers that prefer alike, so that
 * they share one assignment.
 */
export interface Preference {
  /** Shares of localities, by pattern; endpoints that no pattern means get nothing. */
  readonly shares?: Readonly<Record<string, number>>;
  /** Labels and the values to have, the most important first. */
  readonly labels: readonly (readonly [label: string, value: string])[];
  /** Compared part by part: region, zone, subzone; only the region where zones are filled by their sizes. */
  readonly locality: readonly string[];
  /** The caller's own network, from which others are reached by their gateways. */
  readonly network?: string;
  /** Endpoints of this node alone may be called. */
  readonly onlyNode?: string;
  /** The region to go to when the own one is lost. */
  readonly failover?: string;
}

/** What the caller of a view prefers at a destination with a policy; undefined: nothing. */
export function preferenceOf(
  view: Pick<View, 'place' | 'labels'>,
  service: Service,
  policy: TrafficPolicy,
  settings: Pick<MeshSettings, 'locality' | 'outlier'>,
): Preference | undefined {
  const near = nearnessOf(view, service, policy, settings);
  const { network, node } = view.place;
  const limits = {
    ...(network === '' ? {} : { network }),
    ...(service.nodeLocal === true ? { onlyNode: node } : {}),
  };
  return Object.keys(limits).length === 0 ? near : { labels: [], locality: [], ...near, ...limits };
}

function nearnessOf(
  view: Pick<View, 'place' | 'labels'>,
  service: Service,
  policy: TrafficPolicy,
  settings: Pick<MeshSettings, 'locality' | 'outlier'>,
): Preference | undefined {
  const spread = nearness(service.trafficDistribution);
  const written = policy.loadBalancer?.locality;
  const wanted = written ?? spread ?? settings.locality;
  if (!wanted.enabled) return undefined;
  if (wanted.distribute.length > 0) return shares(wanted, view.place.locality);
  // Without ejection nothing is ever known to be lost; nearness by itself is what a Service asks for, and balancing by
  // zones, which is of one region only.
  const byZones = wanted.zoneAwareFrom !== undefined;
  const ejects = (policy.outlier ?? settings.outlier) !== undefined;
  const near = byZones || (written === undefined && spread !== undefined);
  if (!ejects && !near) return undefined;
  const labels = wanted.failoverPriority.map((label) => labelValue(label, view));
  if (labels.length > 0 && wanted.failover.length === 0 && !byZones) return { labels, locality: [] };
  const locality = view.place.locality === '' ? [] : threeParts(view.place.locality);
  if (locality.length === 0 && labels.length === 0) return undefined;
  const failover = wanted.failover.find(({ from }) => from === locality[0])?.to;
  return {
    labels,
    locality: byZones ? locality.slice(0, 1) : locality,
    ...(failover === undefined ? {} : { failover }),
  };
}

/** Region, zone and subzone; '' for what is not known, which only its like is near to. */
function threeParts(locality: string): readonly string[] {
  const [region = '', zone = '', subzone = ''] = locality.split('/');
  return [region, zone, subzone];
}

function shares({ distribute }: LocalityPreference, locality: string): Preference | undefined {
  const found = distribute.find(({ from }) => locality !== '' && localityMatches(from, locality));
  return found === undefined ? undefined : { shares: found.to, labels: [], locality: [] };
}

const NETWORK = 'topology.istio.io/network';

const NEAR = [
  NETWORK,
  'topology.kubernetes.io/region',
  'topology.kubernetes.io/zone',
  'topology.istio.io/subzone',
];

/** Kubernetes' traffic distribution: the own zone first (PreferClose is its old name), or the own node before it. */
function nearness(distribution: string | undefined): LocalityPreference | undefined {
  const labels: Readonly<Record<string, readonly string[]>> = {
    PreferClose: NEAR,
    PreferSameZone: NEAR,
    PreferSameNode: [...NEAR, 'kubernetes.io/hostname'],
  };
  const failoverPriority = labels[distribution ?? ''];
  return failoverPriority && { enabled: true, distribute: [], failover: [], failoverPriority };
}

/** `label` compares with the caller's own value, `label=value` with that one. */
function labelValue(
  label: string,
  { place, labels }: Pick<View, 'place' | 'labels'>,
): readonly [string, string] {
  const at = label.indexOf('=');
  if (at >= 0) return [label.slice(0, at), label.slice(at + 1)];
  return [label, topologyValue(label, place) ?? labels[label] ?? ''];
}

/** How far an endpoint is from what is preferred: 0 the nearest, each number a reason to prefer others. */
export function distance(endpoint: Endpoint, preference: Preference): readonly number[] {
  const { labels, locality } = preference;
  const place: Place = endpoint;
  const isAlike = ([label, value]: readonly [string, string]) =>
    (topologyValue(label, place) ?? endpoint.labels[label] ?? '') === value;
  const parts = endpoint.locality.split('/');
  const near = prefix(locality, (part, i) => part === (parts[i] ?? ''));
  const lost = near > 0 || preference.failover === undefined || parts[0] === preference.failover ? 0 : 1;
  return [labelDistance(labels, isAlike), locality.length - near + lost];
}

/** How many labels are behind the first that differs; beyond another network the others still tell who is nearer. */
function labelDistance(
  labels: Preference['labels'],
  isAlike: (label: readonly [string, string]) => boolean,
): number {
  const [first, ...others] = labels;
  if (first?.[0] !== NETWORK || isAlike(first)) return labels.length - prefix(labels, isAlike);
  return labels.length + others.length - prefix(others, isAlike);
}

/** How many items from the first on hold. */
function prefix<T>(items: readonly T[], holds: (item: T, index: number) => boolean): number {
  const at = items.findIndex((item, i) => !holds(item, i));
  return at < 0 ? items.length : at;
}
