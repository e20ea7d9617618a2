import { parseCidr } from '../../lib/cidr.ts';
import { parseIpAddressAsWritten } from '../../lib/ip-address.ts';

/** True for an IPv4 or IPv6 address without port, brackets or prefix. */
export function isIpAddress(text: string): boolean {
  return parseIpAddressAsWritten(text) !== undefined;
}

/** What is wrong with an address, or undefined. */
export function ipAddressProblem(text: string): string | undefined {
  return isIpAddress(text) ? undefined : `"${text}" is not an IP address`;
}

/** What is wrong with an address or a range such as `10.0.0.0/8`, or undefined. */
export function ipRangeProblem(text: string): string | undefined {
  if (!text.includes('/')) return ipAddressProblem(text);
  // A zone makes no sense in a range.
  if (!text.includes('%') && parseCidr(text) !== undefined) return undefined;
  return `"${text}" is not a range of IP addresses; write it as 10.0.0.0/8 or fd00::/8`;
}

/** What is wrong with the path of a Unix socket (without `unix://`), or undefined. `@name` is an abstract socket. */
export function unixPathProblem(path: string): string | undefined {
  if (path.startsWith('@')) return undefined;
  if (path.startsWith('/') && !path.endsWith('/')) return undefined;
  return `"${path}" is not the absolute path of a socket; write it as unix:///dir/name or unix://@name`;
}

/** Addresses of Unix sockets begin so. */
export const UNIX_PREFIX = 'unix://';
