import { destinationRules } from './destination-rules.ts';
import { step } from './world.ts';

const allSubsetNames = step('all subset names', (read): ReadonlyMap<string, readonly string[]> => {
  const byHost = new Map<string, string[]>();
  for (const { host, subsets } of read.of(destinationRules, ''))
    byHost.set(host, [...(byHost.get(host) ?? []), ...subsets.map(({ name }) => name)]);
  return byHost;
});

/** Names of subsets that anybody defines for a host, sorted. */
export const subsetNames = step('subset names', (read, hostname): readonly string[] =>
  [...new Set(read.of(allSubsetNames, '').get(hostname) ?? [])].sort(),
);
