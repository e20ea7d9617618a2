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

/**
 * The addresses that a match wants, of who is called and of who calls. A range of all addresses says nothing: to Envoy it
 * is as wide as no range, and which of the two counts is not said anywhere.
 */
export function addressMatch({
  destinationSubnets,
  sourceSubnet,
}: Pick<ConnectionMatch, 'destinationSubnets' | 'sourceSubnet'>): FilterChainMatch {
  const called = cidrRanges(destinationSubnets);
  const calling = cidrRanges(sourceSubnet === undefined ? [] : [sourceSubnet]);
  return {
    ...(isNarrow(called) ? { prefix_ranges: called } : {}),
    ...(isNarrow(calling) ? { source_prefix_ranges: calling } : {}),
  };
}

function isNarrow(ranges: ReturnType<typeof cidrRanges>): boolean {
  return ranges.length > 0 && ranges.every(({ prefix_len }) => prefix_len !== 0);
}
