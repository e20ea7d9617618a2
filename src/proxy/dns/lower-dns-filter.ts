/** extensions.filters.udp.dns_filter.v3.DnsFilterConfig to a table of names. Services (SRV) and clusters are refused. */
import { parseProtoDurationMs } from '../../lib/duration.ts';
import { parseIpAddress } from '../../lib/ip-address.ts';
import type { DnsVirtualDomain } from '../../xds/listener-types.ts';
import type { DnsFilterConfig, DnsTable as Table } from '../../xds/resources.ts';
import { type DnsRecord, type DnsTable, plainName } from './dns-table.ts';

type Refuse = (field: string, message: string) => void;

const defaultTtlSeconds = 300; // as Envoy's dns_filter
const defaultTimeoutMs = 500;
const defaultMaxPending = 256;

export function lowerDnsFilter(config: DnsFilterConfig, refuse: Refuse): DnsTable {
  const table = config.server_config?.inline_dns_table ?? {};
  if (config.server_config?.external_dns_table !== undefined)
    refuse('external_dns_table', 'is not supported by this proxy');
  const client = config.client_config;
  return {
    ...lowerNames(table, refuse, 'inline_dns_table'),
    upstream: upstreamResolvers(client),
    upstreamTimeoutMs: parseProtoDurationMs(client?.resolver_timeout ?? '') ?? defaultTimeoutMs,
    maxPending: client?.max_pending_lookups ?? defaultMaxPending,
  };
}

/** The names of a table. `field` is where it stands, for refusals. */
export function lowerNames(
  { virtual_domains = [] }: Table,
  refuse: Refuse,
  field: string,
): Pick<DnsTable, 'exact' | 'wildcard'> {
  const exact = new Map<string, DnsRecord>();
  const wildcard = new Map<string, DnsRecord>();
  for (const [i, domain] of virtual_domains.entries()) {
    const record = lowerDomain(domain, `${field}.virtual_domains[${i}]`, refuse);
    const name = plainName(domain.name ?? '');
    if (name.startsWith('*.')) wildcard.set(name.slice(2), record);
    else exact.set(name, record);
  }
  return { exact, wildcard };
}

function lowerDomain(domain: DnsVirtualDomain, field: string, refuse: Refuse): DnsRecord {
  const addresses = domain.endpoint?.address_list?.address;
  if (addresses === undefined) refuse(`${field}.endpoint`, 'must be an address_list');
  const bad = addresses?.find((address) => parseIpAddress(address) === undefined);
  if (bad !== undefined) refuse(`${field}.endpoint.address_list`, `'${bad}' is no IP address`);
  const ttlMs = parseProtoDurationMs(domain.answer_ttl ?? '');
  return {
    addresses: addresses ?? [],
    ttlSeconds: ttlMs === undefined ? defaultTtlSeconds : Math.round(ttlMs / 1000),
  };
}

interface CaresConfig {
  readonly resolvers?: readonly SocketAddressHolder[];
}
interface SocketAddressHolder {
  readonly socket_address?: { readonly address?: string; readonly port_value?: number };
}

/** Resolvers named in any of the three places that Envoy's API has had for them. */
function upstreamResolvers(client: DnsFilterConfig['client_config']): DnsTable['upstream'] {
  const typed = client?.typed_dns_resolver_config?.typed_config as CaresConfig | undefined;
  const list: readonly SocketAddressHolder[] =
    typed?.resolvers ?? client?.dns_resolution_config?.resolvers ?? client?.upstream_resolvers ?? [];
  return list.flatMap(({ socket_address: a }) =>
    a?.address === undefined ? [] : [{ host: a.address, port: a.port_value ?? 53 }],
  );
}
