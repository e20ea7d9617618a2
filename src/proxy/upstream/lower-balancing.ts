import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { AnyMessage, Cluster } from '../../xds/resources.ts';
import { readChoice } from '../fields.ts';
import type { Balancing } from './cluster-config.ts';
import {
  type ConsistentFields,
  type LeastRequestFields,
  type LocalityFields,
  type MaglevFields,
  NO_ZONES,
  type RingFields,
  readLeastRequest,
  readLocality,
  readMaglev,
  readRingHash,
  readSlowStart,
} from './lower-balancer.ts';
import { readSubsets, type SubsetFields } from './lower-subsets.ts';

/** The fields of a cluster that say how an endpoint is picked. */
export type BalancingFields = {
  readonly [K in
    | 'lb_policy'
    | 'load_balancing_policy'
    | 'least_request_lb_config'
    | 'round_robin_lb_config'
    | 'ring_hash_lb_config'
    | 'maglev_lb_config'
    | 'lb_subset_config'
    | 'common_lb_config']: Cluster[K] | undefined;
};

/** CLUSTER_PROVIDED is what an original destination cluster says: there is nothing to pick. */
const POLICIES = [
  'ROUND_ROBIN',
  'LEAST_REQUEST',
  'RANDOM',
  'RING_HASH',
  'MAGLEV',
  'CLUSTER_PROVIDED',
  'LOAD_BALANCING_POLICY_CONFIG',
] as const;
const EXTENSIONS = 'envoy.extensions.load_balancing_policies';
/** A policy within a policy within a policy, and no further. */
const MAX_DEPTH = 3;

/** What a policy says, in either form; the rest of Balancing is the cluster's. */
type Policy = Omit<Balancing, 'panicThreshold' | 'ignoreUnchecked' | 'overrideHealth' | 'renewsOnChange'>;

const ROUND_ROBIN: Policy = {
  policy: 'round-robin',
  ...readLeastRequest({}, () => {}, ''),
  slowStart: undefined,
  hashing: readRingHash({}, undefined, () => {}, ''),
  localityWeighted: false,
  zoneAware: NO_ZONES,
  subsets: undefined,
};

export function readBalancing(fields: BalancingFields, refuse: Refuse): Balancing {
  const chosen = readChoice(fields.lb_policy, 'ROUND_ROBIN', POLICIES, refuse, 'lb_policy');
  const common = readCommon(fields.common_lb_config, refuse);
  if (fields.load_balancing_policy === undefined) {
    if (chosen === 'LOAD_BALANCING_POLICY_CONFIG') refuse('load_balancing_policy', 'is missing');
    return { ...readByName(chosen, fields, refuse), ...common };
  }
  const field = 'load_balancing_policy';
  return { ...readExtension(fields.load_balancing_policy, refuse, field, 0), ...common };
}

/** The enum with its configuration beside it. Configurations of policies that are not chosen say nothing. */
function readByName(chosen: (typeof POLICIES)[number], fields: BalancingFields, refuse: Refuse): Policy {
  const { common_lb_config: common, lb_subset_config } = fields;
  const rest = {
    ...readLocality(common ?? {}, refuse, 'common_lb_config'),
    subsets: lb_subset_config && readSubsets(lb_subset_config, refuse, 'lb_subset_config'),
  };
  const consistent = common?.consistent_hashing_lb_config;
  switch (chosen) {
    case 'LEAST_REQUEST':
      return {
        ...ROUND_ROBIN,
        policy: 'least-request',
        ...readLeastRequest(fields.least_request_lb_config ?? {}, refuse, 'least_request_lb_config'),
        ...rest,
      };
    case 'RANDOM':
      return { ...ROUND_ROBIN, policy: 'random', ...rest };
    case 'RING_HASH':
      return {
        ...ROUND_ROBIN,
        policy: 'ring-hash',
        hashing: readRingHash(fields.ring_hash_lb_config ?? {}, consistent, refuse, 'ring_hash_lb_config'),
        ...rest,
      };
    case 'MAGLEV':
      return {
        ...ROUND_ROBIN,
        policy: 'maglev',
        hashing: readMaglev(fields.maglev_lb_config ?? {}, consistent, refuse, 'maglev_lb_config'),
        ...rest,
      };
    default:
      return {
        ...ROUND_ROBIN,
        ...readRoundRobin(fields.round_robin_lb_config ?? {}, refuse, 'round_robin_lb_config'),
        ...rest,
      };
  }
}

function readRoundRobin(
  { slow_start_config, ...rest }: NonNullable<Cluster['round_robin_lb_config']>,
  refuse: Refuse,
  field: string,
): Pick<Policy, 'slowStart'> {
  refuseRest(refuse, field, rest);
  return { slowStart: readSlowStart(slow_start_config, refuse, fieldIn(field, 'slow_start_config')) };
}

/** A list of policies: the first that is known here is taken, as the control plane expects. */
function readExtension(
  message: NonNullable<Cluster['load_balancing_policy']>,
  refuse: Refuse,
  field: string,
  depth: number,
): Policy {
  const configs = (message.policies ?? []).map(
    ({ typed_extension_config }) => typed_extension_config?.typed_config,
  );
  const i = configs.findIndex((config) => config !== undefined && READERS[kindOf(config)] !== undefined);
  const config = configs[i];
  if (config === undefined || depth > MAX_DEPTH) {
    const named = configs.map((one) => one?.['@type'] ?? 'nothing').join(', ');
    refuse(fieldIn(field, 'policies'), `has no policy that this proxy supports (${named})`);
    return ROUND_ROBIN;
  }
  const { '@type': _type, ...fields } = config;
  const place = fieldIn(field, `policies[${i}].typed_extension_config.typed_config`);
  return READERS[kindOf(config)]!(fields, refuse, place, depth);
}

/** `round_robin` of a type URL of a policy. */
function kindOf(config: AnyMessage): string {
  const [, kind = ''] = new RegExp(`${EXTENSIONS}\\.(\\w+)\\.v3\\.\\w+$`).exec(config['@type']) ?? [];
  return kind;
}

/** The fields that the messages of the policies have; none has them all. */
interface PolicyFields extends LeastRequestFields, SubsetFields, RingFields, MaglevFields {
  readonly locality_lb_config?: LocalityFields;
  readonly locality_weighted_lb_config?: object;
  readonly consistent_hashing_lb_config?: ConsistentFields;
  readonly use_hostname_for_hashing?: boolean;
  readonly hash_balance_factor?: number;
  readonly subset_lb_policy?: NonNullable<Cluster['load_balancing_policy']>;
  readonly endpoint_picking_policy?: NonNullable<Cluster['load_balancing_policy']>;
}

const READERS: Readonly<
  Record<string, (fields: PolicyFields, refuse: Refuse, field: string, depth: number) => Policy>
> = {
  round_robin: ({ locality_lb_config, ...fields }, refuse, field) => ({
    ...ROUND_ROBIN,
    ...readRoundRobin(fields, refuse, field),
    ...readLocality(locality_lb_config ?? {}, refuse, fieldIn(field, 'locality_lb_config')),
  }),
  least_request: ({ locality_lb_config, ...fields }, refuse, field) => ({
    ...ROUND_ROBIN,
    policy: 'least-request',
    ...readLeastRequest(fields, refuse, field),
    ...readLocality(locality_lb_config ?? {}, refuse, fieldIn(field, 'locality_lb_config')),
  }),
  random: ({ locality_lb_config, ...fields }, refuse, field) => {
    refuseRest(refuse, field, fields);
    const locality = readLocality(locality_lb_config ?? {}, refuse, fieldIn(field, 'locality_lb_config'));
    return { ...ROUND_ROBIN, policy: 'random', ...locality };
  },
  ring_hash: (message, refuse, field) => {
    const { consistent_hashing_lb_config, use_hostname_for_hashing, hash_balance_factor, ...more } = message;
    const { locality_weighted_lb_config, ...fields } = more;
    const own = {
      ...(use_hostname_for_hashing === undefined ? {} : { use_hostname_for_hashing }),
      ...(hash_balance_factor === undefined ? {} : { hash_balance_factor }),
    };
    const consistent = consistent_hashing_lb_config ?? own;
    return {
      ...ROUND_ROBIN,
      policy: 'ring-hash',
      hashing: readRingHash(fields, consistent, refuse, field),
      localityWeighted: locality_weighted_lb_config !== undefined,
    };
  },
  maglev: ({ consistent_hashing_lb_config, locality_weighted_lb_config, ...fields }, refuse, field) => ({
    ...ROUND_ROBIN,
    policy: 'maglev',
    hashing: readMaglev(fields, consistent_hashing_lb_config, refuse, field),
    localityWeighted: locality_weighted_lb_config !== undefined,
  }),
  subset: ({ subset_lb_policy, ...fields }, refuse, field, depth) => ({
    ...readExtension(subset_lb_policy ?? {}, refuse, fieldIn(field, 'subset_lb_policy'), depth + 1),
    subsets: readSubsets(fields, refuse, field),
  }),
  wrr_locality: ({ endpoint_picking_policy, ...rest }, refuse, field, depth) => {
    refuseRest(refuse, field, rest);
    const place = fieldIn(field, 'endpoint_picking_policy');
    return {
      ...readExtension(endpoint_picking_policy ?? {}, refuse, place, depth + 1),
      localityWeighted: true,
    };
  },
  cluster_provided: () => ROUND_ROBIN,
};

const OVERRIDABLE = ['UNKNOWN', 'HEALTHY', 'DEGRADED'] as const;

function readCommon(
  message: Cluster['common_lb_config'],
  refuse: Refuse,
): Pick<Balancing, 'panicThreshold' | 'ignoreUnchecked' | 'overrideHealth' | 'renewsOnChange'> {
  const {
    healthy_panic_threshold,
    ignore_new_hosts_until_first_hc = false,
    override_host_status,
    ...more
  } = message ?? {};
  const {
    zone_aware_lb_config: _zones,
    locality_weighted_lb_config: _localities,
    consistent_hashing_lb_config: _hashing,
    // About how fast a change is seen: here at once.
    update_merge_window: _merge,
    close_connections_on_host_set_change = false,
    ...rest
  } = more;
  refuseRest(refuse, 'common_lb_config', rest);
  const threshold = healthy_panic_threshold === undefined ? 50 : (healthy_panic_threshold.value ?? 0);
  return {
    panicThreshold: Math.min(100, Math.round(threshold)),
    ignoreUnchecked: ignore_new_hosts_until_first_hc,
    overrideHealth: new Set(override_host_status?.statuses ?? OVERRIDABLE),
    renewsOnChange: close_connections_on_host_set_change,
  };
}
