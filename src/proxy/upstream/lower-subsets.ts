import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { Json } from '../../xds/resources.ts';
import { readChoice } from '../fields.ts';
import type { SubsetSelector, Subsets } from './cluster-config.ts';

/** Cluster.LbSubsetConfig and the Subset policy: the same fields. */
export interface SubsetFields {
  readonly fallback_policy?: string;
  readonly default_subset?: { readonly [key: string]: Json };
  readonly subset_selectors?: readonly SelectorFields[];
  readonly allow_redundant_keys?: boolean;
  readonly locality_weight_aware?: boolean;
  readonly scale_locality_weight?: boolean;
  readonly panic_mode_any?: boolean;
  readonly list_as_any?: boolean;
  readonly metadata_fallback_policy?: string;
}

interface SelectorFields {
  readonly keys?: readonly string[];
  readonly single_host_per_subset?: boolean;
  readonly fallback_policy?: string;
  readonly fallback_keys_subset?: readonly string[];
}

const FALLBACK = { NO_FALLBACK: 'none', ANY_ENDPOINT: 'any', DEFAULT_SUBSET: 'default' } as const;
const SELECTOR_FALLBACK = { ...FALLBACK, NOT_DEFINED: undefined, KEYS_SUBSET: 'keys' } as const;

/** Undefined where there are no subsets. Like Envoy, subsets without a selector are none. */
export function readSubsets(
  message: SubsetFields | undefined,
  refuse: Refuse,
  field: string,
): Subsets | undefined {
  const {
    fallback_policy,
    default_subset = {},
    subset_selectors = [],
    metadata_fallback_policy,
    ...more
  } = message ?? {};
  const { locality_weight_aware = false, scale_locality_weight = false, ...afterLocality } = more;
  const {
    panic_mode_any = false,
    list_as_any = false,
    allow_redundant_keys = false,
    ...rest
  } = afterLocality;
  refuseRest(refuse, field, rest);
  if (subset_selectors.length === 0) return undefined;
  const metadataFallback = readChoice(
    metadata_fallback_policy,
    'METADATA_NO_FALLBACK',
    ['METADATA_NO_FALLBACK', 'FALLBACK_LIST'] as const,
    refuse,
    fieldIn(field, 'metadata_fallback_policy'),
  );
  return {
    selectors: subset_selectors.map((one, i) =>
      readSelector(one, refuse, fieldIn(field, `subset_selectors[${i}]`)),
    ),
    fallback: FALLBACK[readFallback(fallback_policy, 'NO_FALLBACK', FALLBACK, refuse, field)],
    defaultSubset: default_subset,
    localityWeightAware: locality_weight_aware,
    scaleLocalityWeight: scale_locality_weight,
    panicModeAny: panic_mode_any,
    listAsAny: list_as_any,
    fallbackList: metadataFallback === 'FALLBACK_LIST',
    allowRedundantKeys: allow_redundant_keys,
  };
}

function readSelector(message: SelectorFields, refuse: Refuse, field: string): SubsetSelector {
  const {
    keys = [],
    single_host_per_subset = false,
    fallback_policy,
    fallback_keys_subset = [],
    ...rest
  } = message;
  refuseRest(refuse, field, rest);
  const sorted = [...new Set(keys)].sort();
  const fallback =
    SELECTOR_FALLBACK[readFallback(fallback_policy, 'NOT_DEFINED', SELECTOR_FALLBACK, refuse, field)];
  if (single_host_per_subset && sorted.length !== 1)
    refuse(fieldIn(field, 'keys'), 'must be one where single_host_per_subset is set');
  const fewer =
    fallback_keys_subset.length < sorted.length && fallback_keys_subset.every((key) => sorted.includes(key));
  if (fallback === 'keys' && (fallback_keys_subset.length === 0 || !fewer))
    refuse(fieldIn(field, 'fallback_keys_subset'), 'must be some of the keys, and fewer');
  if (fallback !== 'keys' && fallback_keys_subset.length > 0)
    refuse(fieldIn(field, 'fallback_keys_subset'), 'is only for fallback_policy KEYS_SUBSET');
  return { keys: sorted, singleHost: single_host_per_subset, fallback, fallbackKeys: fallback_keys_subset };
}

function readFallback<T extends object>(
  value: string | undefined,
  absent: keyof T & string,
  known: T,
  refuse: Refuse,
  field: string,
): keyof T & string {
  const names = Object.keys(known) as (keyof T & string)[];
  return readChoice(value, absent, names, refuse, fieldIn(field, 'fallback_policy'));
}
