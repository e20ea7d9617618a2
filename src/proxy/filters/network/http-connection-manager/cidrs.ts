import { type Cidr, cidrOf } from '../../../../lib/cidr.ts';
import { parseIpAddress } from '../../../../lib/ip-address.ts';
import type { Refuse } from '../../../../xds/match/refuse.ts';

/** config.core.v3.CidrRange. */
export interface CidrMessage {
  readonly address_prefix?: string;
  readonly prefix_len?: number;
}

/** `field` is that of the list. What is no range is refused and left out. */
export function readCidrs(
  messages: readonly CidrMessage[] | undefined,
  refuse: Refuse,
  field: string,
): readonly Cidr[] {
  return (messages ?? []).flatMap(({ address_prefix = '', prefix_len = 0 }, i) => {
    const bytes = parseIpAddress(address_prefix);
    const range = bytes === undefined ? undefined : cidrOf(bytes, prefix_len);
    if (range === undefined)
      refuse(`${field}[${i}]`, `'${address_prefix}/${prefix_len}' is no address range`);
    return range ?? [];
  });
}
