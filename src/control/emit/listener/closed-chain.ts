import type { MeshSettings } from '../../../mesh/settings.ts';
import { wellKnownNames } from '../../../xds/names.ts';
import type { FilterChain } from '../../../xds/resources.ts';
import { closedAddresses } from '../../resolve/authorization/unenforced.ts';
import type { Read } from '../../resolve/world.ts';
import { cidrRanges } from './cidr-ranges.ts';
import { tcpFilter } from './tcp-proxy.ts';

/** Calls to the addresses of workloads whose policies nobody can enforce lead nowhere; no chain where there are none. */
export function closedChains(read: Read, settings: MeshSettings): readonly FilterChain[] {
  const prefix_ranges = cidrRanges(read.of(closedAddresses, ''));
  if (prefix_ranges.length === 0) return [];
  const { blackHoleCluster } = wellKnownNames;
  return [
    {
      name: 'unenforced-policy',
      filter_chain_match: { prefix_ranges },
      filters: [tcpFilter(blackHoleCluster, blackHoleCluster, settings)],
    },
  ];
}
