import { defined } from '../../../lib/defined.ts';
import { formatProtoDuration } from '../../../lib/duration.ts';
import type { Destination, WeightedDestination } from '../../../mesh/route.ts';
import { type ConsistentHash, policyOfPort } from '../../../mesh/traffic-policy.ts';
import type { RouteAction } from '../../../xds/resources.ts';
import type { HostPolicy } from '../../resolve/destination-rules.ts';

export type HashPolicy = NonNullable<RouteAction['hash_policy']>[number];

/** By what requests to a destination are spread; undefined where that is left to the balancer. */
export type FindHash = (destination: Destination) => ConsistentHash | undefined;

/** Hashing of the destinations of a route. Envoy has it on the route, so the first of each kind counts for all. */
export function hashPolicies(
  destinations: readonly WeightedDestination[],
  find: FindHash,
): readonly HashPolicy[] {
  const all = destinations.map(({ destination }) => find(destination)).filter((hash) => hash !== undefined);
  const texts = new Set<string>();
  return all.map(hashPolicy).filter((policy) => {
    const text = JSON.stringify(policy);
    return texts.has(text) ? false : texts.add(text);
  });
}

/** Hashing that the destination's rules ask for. */
export function hashOfPolicy(policy: HostPolicy, subset: string, port: number): ConsistentHash | undefined {
  const ofSubset = policy.subsets.find(({ name }) => name === subset)?.policy;
  return policyOfPort(policy.policy, ofSubset, port).loadBalancer?.hash;
}

function hashPolicy({ on }: ConsistentHash): HashPolicy {
  if (on.type === 'header') return { header: { header_name: on.name } };
  if (on.type === 'query') return { query_parameter: { name: on.name } };
  if (on.type === 'source-ip') return { connection_properties: { source_ip: true } };
  const ttl = on.ttlMs === undefined ? undefined : formatProtoDuration(on.ttlMs);
  const attributes = on.attributes.length === 0 ? undefined : on.attributes;
  return { cookie: { name: on.name, ...defined({ ttl, path: on.path, attributes }) } };
}
