import { isIP } from 'node:net';

/**
 * Whether a Host header is one that we are reached by. A page of another site can make its own name resolve to this
 * machine and then read what we answer as if it were its own; it cannot do so for an address or for `localhost`.
 */
export function isOwnHost(host: string | undefined, allowed: readonly string[]): boolean {
  const name = nameOf(host ?? '');
  if (name === undefined) return false;
  return isIP(name) !== 0 || name === 'localhost' || name.endsWith('.localhost') || allowed.includes(name);
}

/** The name or address of `HOST`, `HOST:PORT` or `[IPv6]:PORT`, in lower case. */
function nameOf(host: string): string | undefined {
  const [, bracketed, plain] = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]/@]+))(?::\d{1,5})?$/.exec(host) ?? [];
  return (bracketed ?? plain)?.toLowerCase();
}
