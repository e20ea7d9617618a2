import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import { readChoice, readDurationMs } from '../fields.ts';
import type { Balancing, Hashing, SlowStart, ZoneAware } from './cluster-config.ts';

// The parts that both forms of a load-balancing policy have, the enum with messages beside it and the extension.

/** Envoy's defaults of zone aware routing: it is done wherever the local cluster is known. */
export const NO_ZONES: ZoneAware = { enabledPercent: 100, minClusterSize: 6, failOnPanic: false };

const RING_SIZE = { minimum: 1024, maximum: 8 * 1024 * 1024 };
const TABLE_SIZE = 65_537;
const MAX_TABLE_SIZE = 5_000_011;

export interface LeastRequestFields {
  readonly choice_count?: number;
  readonly active_request_bias?: { readonly default_value?: number; readonly runtime_key?: string };
  readonly slow_start_config?: SlowStartFields;
  readonly enable_full_scan?: boolean;
  readonly selection_method?: string;
}

export function readLeastRequest(
  message: LeastRequestFields,
  refuse: Refuse,
  field: string,
): Pick<Balancing, 'choiceCount' | 'activeRequestBias' | 'fullScan' | 'slowStart'> {
  const { choice_count = 2, active_request_bias, slow_start_config, ...more } = message;
  const { enable_full_scan = false, selection_method, ...rest } = more;
  refuseRest(refuse, field, rest);
  if (choice_count < 2) refuse(fieldIn(field, 'choice_count'), 'must be 2 or more');
  const bias = active_request_bias === undefined ? 1 : (active_request_bias.default_value ?? 0);
  if (bias < 0) refuse(fieldIn(field, 'active_request_bias'), 'must not be negative');
  return {
    choiceCount: choice_count,
    activeRequestBias: bias,
    fullScan: enable_full_scan || selection_method === 'FULL_SCAN',
    slowStart: readSlowStart(slow_start_config, refuse, fieldIn(field, 'slow_start_config')),
  };
}

export interface SlowStartFields {
  readonly slow_start_window?: string;
  readonly aggression?: { readonly default_value?: number; readonly runtime_key?: string };
  readonly min_weight_percent?: { readonly value?: number };
}

export function readSlowStart(
  message: SlowStartFields | undefined,
  refuse: Refuse,
  field: string,
): SlowStart | undefined {
  const { slow_start_window, aggression, min_weight_percent, ...rest } = message ?? {};
  refuseRest(refuse, field, rest);
  const windowMs = readDurationMs(slow_start_window, 0, refuse, fieldIn(field, 'slow_start_window'));
  if (windowMs === 0) return undefined;
  const growth = aggression === undefined ? 1 : (aggression.default_value ?? 0);
  if (growth <= 0) refuse(fieldIn(field, 'aggression'), 'must be more than 0');
  const percent = min_weight_percent === undefined ? 10 : (min_weight_percent.value ?? 0);
  return { windowMs, aggression: growth, minShare: percent / 100 };
}

export interface ConsistentFields {
  readonly use_hostname_for_hashing?: boolean;
  readonly hash_balance_factor?: number;
}

export interface RingFields {
  readonly minimum_ring_size?: number;
  readonly maximum_ring_size?: number;
  readonly hash_function?: string;
}

export interface MaglevFields {
  readonly table_size?: number;
}

export function readRingHash(
  message: RingFields,
  consistent: ConsistentFields | undefined,
  refuse: Refuse,
  field: string,
): Hashing {
  const { minimum_ring_size, maximum_ring_size, hash_function, ...rest } = message;
  refuseRest(refuse, field, rest);
  const KNOWN = ['XX_HASH', 'MURMUR_HASH_2', 'DEFAULT_HASH'] as const;
  const hash = readChoice(hash_function, 'XX_HASH', KNOWN, refuse, fieldIn(field, 'hash_function'));
  const minimumRingSize = minimum_ring_size ?? RING_SIZE.minimum;
  const maximumRingSize = maximum_ring_size ?? RING_SIZE.maximum;
  if (Math.max(minimumRingSize, maximumRingSize) > RING_SIZE.maximum)
    refuse(field, `a ring has at most ${RING_SIZE.maximum} places`);
  if (minimumRingSize > maximumRingSize)
    refuse(
      fieldIn(field, 'minimum_ring_size'),
      `${minimumRingSize} is more than maximum_ring_size ${maximumRingSize}`,
    );
  return {
    ...readConsistent(consistent, refuse, fieldIn(field, 'consistent_hashing_lb_config')),
    hashFunction: hash === 'MURMUR_HASH_2' ? 'murmur2' : 'xx',
    minimumRingSize,
    maximumRingSize,
    tableSize: TABLE_SIZE,
  };
}

export function readMaglev(
  message: MaglevFields,
  consistent: ConsistentFields | undefined,
  refuse: Refuse,
  field: string,
): Hashing {
  const { table_size = TABLE_SIZE, ...rest } = message;
  refuseRest(refuse, field, rest);
  if (!isPrime(table_size) || table_size > MAX_TABLE_SIZE)
    refuse(fieldIn(field, 'table_size'), `must be a prime number up to ${MAX_TABLE_SIZE}`);
  return {
    ...readConsistent(consistent, refuse, fieldIn(field, 'consistent_hashing_lb_config')),
    hashFunction: 'xx',
    minimumRingSize: RING_SIZE.minimum,
    maximumRingSize: RING_SIZE.maximum,
    tableSize: table_size,
  };
}

function readConsistent(
  message: ConsistentFields | undefined,
  refuse: Refuse,
  field: string,
): Pick<Hashing, 'useHostname' | 'balanceFactor'> {
  const { use_hostname_for_hashing = false, hash_balance_factor, ...rest } = message ?? {};
  refuseRest(refuse, field, rest);
  if (hash_balance_factor !== undefined && hash_balance_factor < 100)
    refuse(fieldIn(field, 'hash_balance_factor'), 'must be 100 or more');
  return { useHostname: use_hostname_for_hashing, balanceFactor: hash_balance_factor ?? 0 };
}

function isPrime(number: number): boolean {
  for (let factor = 2; factor * factor <= number; factor++) if (number % factor === 0) return false;
  return number > 1;
}

export interface LocalityFields {
  readonly locality_weighted_lb_config?: object;
  readonly zone_aware_lb_config?: {
    readonly routing_enabled?: { readonly value?: number };
    readonly min_cluster_size?: number;
    readonly fail_traffic_on_panic?: boolean;
  };
}

/** The two ways to look at localities; other fields of the message are the caller's. */
export function readLocality(
  { locality_weighted_lb_config, zone_aware_lb_config }: LocalityFields,
  refuse: Refuse,
  field: string,
): Pick<Balancing, 'localityWeighted' | 'zoneAware'> {
  const {
    routing_enabled,
    min_cluster_size,
    fail_traffic_on_panic = false,
    ...rest
  } = zone_aware_lb_config ?? {};
  refuseRest(refuse, fieldIn(field, 'zone_aware_lb_config'), rest);
  const enabled = routing_enabled === undefined ? 100 : (routing_enabled.value ?? 0);
  return {
    localityWeighted: locality_weighted_lb_config !== undefined,
    zoneAware: {
      enabledPercent: Math.round(enabled),
      minClusterSize: min_cluster_size ?? NO_ZONES.minClusterSize,
      failOnPanic: fail_traffic_on_panic,
    },
  };
}
