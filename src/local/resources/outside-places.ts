import { parseIpAddress } from '../../lib/ip-address.ts';

/** A pod without proxy may stand for places outside of the cluster: addresses, and names that lead to them. */
export const OUTSIDE_ANNOTATION = 'weft.dev/outside';

export interface OutsidePlaces {
  /** IPv4, each once. */
  readonly addresses: readonly string[];
  /** Lower-case name, or `*` for every other one -> address. */
  readonly names: ReadonlyMap<string, string>;
  readonly problems: readonly string[];
}

const NOWHERE: OutsidePlaces = { addresses: [], names: new Map(), problems: [] };

/** `1.2.3.4, 198.51.100.7=api.example.com, 198.51.100.8=*`. */
export function outsidePlaces(annotations: Readonly<Record<string, string>>): OutsidePlaces {
  const text = annotations[OUTSIDE_ANNOTATION];
  if (text === undefined) return NOWHERE;
  const names = new Map<string, string>();
  const addresses = new Set<string>();
  const problems: string[] = [];
  for (const entry of text.split(',').map((part) => part.trim())) {
    const [address = '', name] = entry.split('=');
    if (parseIpAddress(address) === undefined || address.includes(':')) {
      problems.push(
        `annotation ${OUTSIDE_ANNOTATION}: "${entry}" is neither ADDRESS nor ADDRESS=NAME with an IPv4 address`,
      );
      continue;
    }
    addresses.add(address);
    if (name !== undefined) names.set(name.toLowerCase(), address);
  }
  return { addresses: [...addresses], names, problems };
}
