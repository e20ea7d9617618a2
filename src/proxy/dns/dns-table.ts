/**
 * The names this proxy answers, and how it answers them: made from a dns_filter's table, asked by dns-server.ts.
 * Pure: a question in, an answer out.
 */

/** What is known of a name. Addresses of both families, as text. */
export interface DnsRecord {
  readonly addresses: readonly string[];
  readonly ttlSeconds: number;
  /** Of names on demand: what is behind them, to be fetched before it is called. */
  readonly ports?: readonly { readonly port: number; readonly cluster: string }[];
}

export interface DnsTable {
  /** Names without the dot at the end, lower case. */
  readonly exact: ReadonlyMap<string, DnsRecord>;
  /** `*.example.com` under `example.com`: the longest suffix wins. */
  readonly wildcard: ReadonlyMap<string, DnsRecord>;
  /** Resolvers asked for other names, as `address` and `port`; none: such names do not exist. */
  readonly upstream: readonly { readonly host: string; readonly port: number }[];
  readonly upstreamTimeoutMs: number;
  /** Questions that may wait for an upstream resolver at a time. */
  readonly maxPending: number;
}

/** Names that come when they are asked for. */
export interface NamesOnDemand {
  /** `none`: the mesh has no such name; undefined: it is not known yet, and asked for. Lower case, without final dot. */
  find(name: string): DnsRecord | 'none' | undefined;
  /** Waits until it is known, for a bounded time: undefined then. */
  until(name: string): Promise<DnsRecord | 'none' | undefined>;
}

/** A name as tables have it. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/** The record of a name, exact before wildcard; undefined where the table does not know it. Any case, any final dot. */
export function lookUp(table: DnsTable, name: string): DnsRecord | undefined {
  const plain = plainName(name);
  const exact = table.exact.get(plain);
  if (exact !== undefined) return exact;
  for (let dot = plain.indexOf('.'); dot >= 0; dot = plain.indexOf('.', dot + 1)) {
    const record = table.wildcard.get(plain.slice(dot + 1));
    if (record !== undefined) return record;
  }
  return undefined;
}
