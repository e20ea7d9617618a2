import { lookup } from 'node:dns/promises';
import type { DnsFamily } from './cluster-config.ts';
import type { ResolveName } from './resolve-name.ts';

/** The system's resolver, hosts file included. It tells no time to live. */
export const systemResolver: ResolveName = async (host, family) => {
  try {
    const found = await lookup(host, {
      all: true,
      verbatim: true,
      family: family === 'v4' ? 4 : family === 'v6' ? 6 : 0,
    });
    return { ok: true, addresses: preferred(found, family), ttlMs: undefined };
  } catch (error) {
    return { ok: false, message: `${host} has no address: ${(error as Error).message}` };
  }
};

/** AUTO prefers IPv6, as Envoy does; ALL takes everything. */
function preferred(
  found: readonly { readonly address: string; readonly family: number }[],
  family: DnsFamily,
): string[] {
  const of = (wanted: number): string[] =>
    found.filter((one) => one.family === wanted).map(({ address }) => address);
  if (family === 'all') return found.map(({ address }) => address);
  const [first, second] = family === 'v4-preferred' || family === 'v4' ? [of(4), of(6)] : [of(6), of(4)];
  return first.length > 0 ? first : second;
}
