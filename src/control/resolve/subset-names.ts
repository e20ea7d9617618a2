import { destinationRule } from './destination-rules.ts';
import { listOf, objectKey, step } from './world.ts';

const allSubsetNames = step('all subset names', (read): ReadonlyMap<string, readonly string[]> => {
  const byHost = new Map<string, string[]>();
  for (const resource of listOf(read, 'networking.istio.io/DestinationRule')) {
    const rule = read.of(destinationRule, objectKey(resource)).value;
    if (rule === undefined) continue;
    byHost.set(rule.host, [...(byHost.get(rule.host) ?? []), ...rule.subsets.map(({ name }) => name)]);
  }
  return byHost;
});

/** Names of subsets that anybody defines for a host, sorted. */
export const subsetNames = step('subset names', (read, hostname): readonly string[] =>
  [...new Set(read.of(allSubsetNames, '').get(hostname) ?? [])].sort(),
);
