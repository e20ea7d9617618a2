import { formatIpAddress, parseIpAddress } from '../../lib/ip-address.ts';

// The names under which addresses are looked up (RFC 1035 §3.5, RFC 3596 §2.5).

const IPV4_ZONE = '.in-addr.arpa';
const IPV6_ZONE = '.ip6.arpa';

/** `10.244.0.7` -> `7.0.244.10.in-addr.arpa`; undefined when the text is no address. */
export function reverseNameOf(address: string): string | undefined {
  const bytes = parseIpAddress(address);
  if (bytes === undefined) return undefined;
  if (bytes.length === 4) return `${[...bytes].reverse().join('.')}${IPV4_ZONE}`;
  const nibbles = [...bytes].flatMap((byte) => [byte >> 4, byte & 15]);
  return `${nibbles
    .reverse()
    .map((nibble) => nibble.toString(16))
    .join('.')}${IPV6_ZONE}`;
}

/** The address a PTR query asks for, undefined when its name (lower case) is not the whole name of an address. */
export function addressOfReverseName(name: string): string | undefined {
  if (name.endsWith(IPV4_ZONE)) {
    const bytes = parseIpAddress(name.slice(0, -IPV4_ZONE.length).split('.').reverse().join('.'));
    return bytes?.length === 4 ? formatIpAddress(bytes) : undefined;
  }
  if (!name.endsWith(IPV6_ZONE)) return undefined;
  const nibbles = name.slice(0, -IPV6_ZONE.length).split('.').reverse();
  if (nibbles.length !== 32 || !nibbles.every((nibble) => /^[0-9a-f]$/.test(nibble))) return undefined;
  const hex = nibbles.join('');
  return formatIpAddress(
    Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)),
  );
}
