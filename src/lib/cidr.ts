import { isIpv4Mapped, parseIpAddress, parseIpAddressAsWritten } from './ip-address.ts';

// Address ranges of both families. Parsed once when configuration is lowered, then asked per connection.

/** A range: `network` has 4 or 16 bytes with the bits after `prefixLength` cleared. */
export interface Cidr {
  readonly network: Uint8Array;
  readonly prefixLength: number;
}

/**
 * `10.0.0.0/8`, `fd00::/8`, or a lone address (its whole length is the prefix). Bits after the prefix are
 * cleared, as Envoy does. Undefined when it is no range. `::ffff:10.0.0.0/104` is the IPv4 range 10.0.0.0/8.
 */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', length, rest] = text.split('/');
  const bytes = parseIpAddressAsWritten(address);
  if (bytes === undefined || rest !== undefined) return undefined;
  if (length !== undefined && !/^(?:0|[1-9]\d{0,2})$/.test(length)) return undefined;
  return cidrOf(bytes, length === undefined ? bytes.length * 8 : Number(length));
}

/** The range of address bytes (4 or 16) and a prefix length, or undefined when the length does not fit. */
export function cidrOf(address: Uint8Array, prefixLength: number): Cidr | undefined {
  if (!Number.isInteger(prefixLength) || prefixLength < 0 || prefixLength > address.length * 8)
    return undefined;
  if (isIpv4Mapped(address) && prefixLength >= 96) return cidrOf(address.slice(12), prefixLength - 96);
  const network = address.map((byte, i) => byte & maskByte(prefixLength - 8 * i));
  return { network, prefixLength };
}

/** Whether the range holds the address (text, or bytes of {@link parseIpAddress}). Families never match each other. */
export function cidrContains(cidr: Cidr, address: string | Uint8Array): boolean {
  const bytes = typeof address === 'string' ? parseIpAddress(address) : address;
  if (bytes === undefined || bytes.length !== cidr.network.length) return false;
  const whole = cidr.prefixLength >> 3;
  for (let i = 0; i < whole; i++) if (bytes[i] !== cidr.network[i]) return false;
  const bits = cidr.prefixLength & 7;
  return bits === 0 || ((bytes[whole] ?? 0) & maskByte(bits)) === cidr.network[whole];
}

function maskByte(bits: number): number {
  if (bits >= 8) return 0xff;
  return bits <= 0 ? 0 : (0xff << (8 - bits)) & 0xff;
}
