import { type Cidr, cidrContains, parseCidr } from '../../lib/cidr.ts';

// Addresses that keys are fetched from unless somebody allows more: those of the internet (IANA's registries of
// special-purpose addresses, RFC 6890).

const PRIVATE: readonly Cidr[] = [
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16', '172.16.0.0/12'],
  ...['192.0.0.0/24', '192.0.2.0/24', '192.168.0.0/16', '198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24'],
  ...['224.0.0.0/4', '240.0.0.0/4', '::/128', '::1/128', '64:ff9b::/96', '64:ff9b:1::/48', '100::/64'],
  ...['2001:db8::/32', '2002::/16', 'fc00::/7', 'fe80::/10', 'ff00::/8'],
].map((text) => parseCidr(text) as Cidr);

/** Where clouds keep the credentials of a machine: not even allowed when a range around them is. */
const METADATA: readonly Cidr[] = [
  // AWS, Azure, Google and most others; by IPv6 AWS and Google; Alibaba; the host of Azure's machines.
  ...['169.254.0.0/16', 'fd00:ec2::254/128', 'fd20:ce::254/128', '100.100.100.200/32', '168.63.129.16/32'],
].map((text) => parseCidr(text) as Cidr);

/** Whether keys may be fetched from an address (bytes of parseIpAddress); `allowed` are ranges beside the internet. */
export function isFetchable(address: Uint8Array, allowed: readonly Cidr[]): boolean {
  const within = (range: Cidr): boolean => cidrContains(range, address);
  if (METADATA.some(within)) return false;
  return !PRIVATE.some(within) || allowed.some(within);
}
