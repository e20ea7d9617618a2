import { durationMs } from '../../../api/check/duration.ts';
import type { LoadBalancer as LoadBalancerSpec } from '../../../api/istio/shared/load-balancer.ts';
import type { LocalityLb, ZoneAwareLb } from '../../../api/istio/shared/locality.ts';
import { defined } from '../../../lib/defined.ts';
import type {
  ConsistentHash,
  LoadBalancer,
  LocalityPreference,
  SimpleBalancer,
  Warmup,
} from '../../../mesh/traffic-policy.ts';

const SIMPLE: Readonly<Record<string, SimpleBalancer>> = {
  ROUND_ROBIN: 'round-robin',
  LEAST_REQUEST: 'least-request',
  LEAST_CONN: 'least-request',
  RANDOM: 'random',
  PASSTHROUGH: 'passthrough',
};

/** Envoy's default of the smallest ring is 1024, and that is what Istio writes. */
const DEFAULT_RING_SIZE = 1024;

export function loadBalancer(spec: LoadBalancerSpec): LoadBalancer {
  return defined({
    simple: SIMPLE[spec.simple ?? ''],
    hash: spec.consistentHash === undefined ? undefined : consistentHash(spec.consistentHash),
    locality: localityOf(spec),
    warmup: warmup(spec),
  });
}

type HashSpec = NonNullable<LoadBalancerSpec['consistentHash']>;

function consistentHash(spec: HashSpec): ConsistentHash | undefined {
  const on = hashedPart(spec);
  if (on === undefined) return undefined;
  if (spec.maglev !== undefined)
    return { on, table: { type: 'maglev', size: spec.maglev.tableSize ?? 65537 } };
  const minimumSize = spec.ringHash?.minimumRingSize ?? spec.minimumRingSize ?? 0;
  return { on, table: { type: 'ring', minimumSize: minimumSize === 0 ? DEFAULT_RING_SIZE : minimumSize } };
}

function hashedPart(spec: HashSpec): ConsistentHash['on'] | undefined {
  if (spec.httpHeaderName !== undefined) return { type: 'header', name: spec.httpHeaderName };
  if (spec.httpQueryParameterName !== undefined) return { type: 'query', name: spec.httpQueryParameterName };
  if (spec.useSourceIp === true) return { type: 'source-ip' };
  const cookie = spec.httpCookie;
  if (cookie === undefined) return undefined;
  const attributes = (cookie.attributes ?? []).map(({ name, value = '' }) => ({ name, value }));
  const ttlMs = cookie.ttl === undefined ? undefined : durationMs(cookie.ttl);
  return { type: 'cookie', name: cookie.name, attributes, ...defined({ path: cookie.path, ttlMs }) };
}

/** The preference that a policy or the mesh configuration says, if it says one. */
export function localityOf(
  spec: Pick<LoadBalancerSpec, 'localityLbSetting' | 'zoneAwareLbSetting'>,
): LocalityPreference | undefined {
  if (spec.localityLbSetting !== undefined) return localityPreference(spec.localityLbSetting);
  if (spec.zoneAwareLbSetting === undefined) return undefined;
  return {
    ...localityPreference(spec.zoneAwareLbSetting),
    zoneAwareFrom: spec.zoneAwareLbSetting.minClusterSize ?? 0,
  };
}

/** Which localities are preferred; on unless it is turned off. */
export function localityPreference(spec: LocalityLb | ZoneAwareLb): LocalityPreference {
  const distribute = 'distribute' in spec ? (spec.distribute ?? []) : [];
  return {
    enabled: spec.enabled !== false,
    distribute: distribute.map(({ from = '', to = {} }) => ({ from, to })),
    failover: (spec.failover ?? []).map(({ from = '', to = '' }) => ({ from, to })),
    failoverPriority: spec.failoverPriority ?? [],
  };
}

function warmup(spec: LoadBalancerSpec): Warmup | undefined {
  if (spec.warmup !== undefined)
    return {
      durationMs: durationMs(spec.warmup.duration ?? '0s'),
      ...defined({ minimumPercent: spec.warmup.minimumPercent, aggression: spec.warmup.aggression }),
    };
  return spec.warmupDurationSecs === undefined
    ? undefined
    : { durationMs: durationMs(spec.warmupDurationSecs) };
}
