import { parseCidr } from '../../../lib/cidr.ts';
import { formatIpAddress } from '../../../lib/ip-address.ts';
import type { ConnectionMatch } from '../../../mesh/route.ts';
import type { FilterChainMatch } from '../../../xds/resources.ts';

/** `10.0.0.0/8` and lone addresses as Envoy's ranges; what is no address is left out. */
export function cidrRanges(texts: readonly string[]): NonNullable<FilterChainMatch['prefix_ranges']> {
  return texts.flatMap((text) => {
    const cidr = parseCidr(text);
    return cidr === undefined
      ? []
      : [{ address_prefix: formatIpAddress(cidr.network), prefix_len: cidr.prefixLength }];
  });
}

/** The addresses that a match wants, of who is called and of who calls. */
export function addressMatch({
  destinationSubnets,
  sourceSubnet,
}: Pick<ConnectionMatch, 'destinationSubnets' | 'sourceSubnet'>): FilterChainMatch {
  return {
    ...(destinationSubnets.length === 0 ? {} : { prefix_ranges: cidrRanges(destinationSubnets) }),
    ...(sourceSubnet === undefined ? {} : { source_prefix_ranges: cidrRanges([sourceSubnet]) }),
  };
}
