import type { Service } from '../../../mesh/service.ts';
import { outboundCluster, wellKnownNames } from '../../../xds/names.ts';
import { any, type DnsFilterConfig, type Listener } from '../../../xds/resources.ts';
import { endpoints } from '../../resolve/endpoints.ts';
import { meshSettings } from '../../resolve/mesh-settings.ts';
import { scopedServices } from '../../resolve/scoped-services.ts';
import { serviceByKey, serviceKey } from '../../resolve/services.ts';
import { viewAndParts } from '../../resolve/views.ts';
import { type Read, step } from '../../resolve/world.ts';
import { type EmittedDnsTable, type EmittedListener, emittedDnsTable, emittedListener } from '../emitted.ts';
import { socketAddress } from '../sources.ts';

// Names of services, answered beside the application. Clients in a cluster complete short names themselves (the search
// list of resolv.conf), so full names are all that is asked for in the end.

const DNS_PORT = 15053;
/** Seconds that clients may keep an answer; what it says may change with the mesh. */
const ANSWER_TTL = '30s';

type Domain = NonNullable<
  NonNullable<NonNullable<DnsFilterConfig['server_config']>['inline_dns_table']>['virtual_domains']
>[number];

/** The DNS listener of a view, by its key. */
export const dnsListener = step('dns listener', (read, viewKey): EmittedListener => {
  const { list } = read.of(scopedServices, viewKey);
  const virtual_domains = list.flatMap((service) => read.of(domainsOfService, serviceKey(service)));
  return listenerWith(read, virtual_domains);
});

/** The DNS listener of proxies that ask for names one by one. */
export const bareDnsListener = step('bare dns listener', (read): EmittedListener => listenerWith(read, []));

function listenerWith(read: Read, virtual_domains: readonly Domain[]): EmittedListener {
  const config: DnsFilterConfig = {
    stat_prefix: wellKnownNames.dns,
    server_config: { inline_dns_table: { virtual_domains } },
    ...clientConfig(read.of(meshSettings, '').dnsUpstreams),
  };
  const listener: Listener = {
    name: wellKnownNames.dns,
    address: { socket_address: { protocol: 'UDP', address: '127.0.0.1', port_value: DNS_PORT } },
    listener_filters: [
      {
        name: 'envoy.filters.udp.dns_filter',
        typed_config: any('envoy.extensions.filters.udp.dns_filter.v3.DnsFilterConfig', config),
      },
    ],
  };
  return emittedListener(listener);
}

/** What a name stands for, by view and name in lower case: its own addresses, else those of a wildcard's. */
export const dnsTableNamed = step('dns table of a name', (read, key): EmittedDnsTable | undefined => {
  const { viewKey, parts } = viewAndParts(read, key);
  const [name = ''] = parts;
  const { byHost } = read.of(scopedServices, viewKey);
  for (let asked = name; asked !== ''; asked = wildcardAbove(asked))
    // Pods of headless services have names below the service's.
    for (const service of [byHost.get(asked), byHost.get(asked.slice(asked.indexOf('.') + 1))]) {
      const domains = service === undefined ? [] : read.of(domainsOfService, serviceKey(service));
      const found = domains.find((domain) => domain.name?.toLowerCase() === asked);
      if (service !== undefined && found !== undefined)
        return emittedDnsTable(name, { virtual_domains: [{ ...found, name }, ...portsOf(service, name)] }, [
          service.origin,
        ]);
    }
  return undefined;
});

/** More ports than this are not told of: what is told is fetched before it is called. */
const MAX_PORTS_TOLD = 4;

/** What will be called once the name is known: the service's ports with their clusters, as SRV records have them. */
function portsOf({ ports, hostname, resolution }: Service, name: string): Domain[] {
  const called = ports.filter(({ protocol }) => protocol !== 'udp');
  if (resolution === 'headless' || called.length === 0 || called.length > MAX_PORTS_TOLD) return [];
  const services = called.map((port) => ({
    service_name: port.name,
    protocol: { name: 'tcp' },
    targets: [{ cluster_name: outboundCluster(port.number, '', hostname), port: port.number }],
  }));
  return [{ name, endpoint: { service_list: { services } } }];
}

/** `a.b.c` -> `*.b.c` -> `*.c` -> ``. */
function wildcardAbove(name: string): string {
  const plain = name.startsWith('*.') ? name.slice(2) : name;
  const dot = plain.indexOf('.');
  return dot < 0 ? '' : `*.${plain.slice(dot + 1)}`;
}

/** Resolvers for names of the world outside; without any such names do not exist. */
function clientConfig(upstreams: readonly string[]): Pick<DnsFilterConfig, 'client_config'> {
  if (upstreams.length === 0) return {};
  const resolvers = upstreams.map((upstream) => {
    const [address = '', port = '53'] = /^\[?([\da-fA-F:.]+?)\]?(?::(\d+))?$/.exec(upstream)?.slice(1) ?? [
      upstream,
    ];
    return socketAddress(address, Number(port));
  });
  return {
    client_config: {
      max_pending_lookups: 256,
      typed_dns_resolver_config: {
        name: 'envoy.network.dns_resolver.cares',
        typed_config: any('envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig', {
          resolvers,
        }),
      },
    },
  };
}

/** Names of one service with their addresses, by its key. */
const domainsOfService = step('dns names of a service', (read, key): readonly Domain[] => {
  const service = read.of(serviceByKey, key);
  if (service === undefined) return [];
  if (service.resolution === 'headless') return headlessDomains(read, service);
  const addresses = service.addresses.filter((address) => !address.includes('/'));
  return addresses.length === 0 ? [] : [domain(service.hostname, addresses)];
});

/** A headless service is its ready endpoints; those with names of their own have them below the service's. */
function headlessDomains(read: Read, service: Service): Domain[] {
  const ready = read.of(endpoints, serviceKey(service)).filter((endpoint) => endpoint.ready);
  const named = ready.filter(({ hostname }) => hostname !== '');
  const all = [...new Set(ready.map(({ address }) => address))];
  return [
    ...(all.length === 0 ? [] : [domain(service.hostname, all)]),
    ...named.map(({ hostname, address }) => domain(`${hostname}.${service.hostname}`, [address])),
  ];
}

function domain(name: string, address: readonly string[]): Domain {
  return { name, endpoint: { address_list: { address } }, answer_ttl: ANSWER_TTL };
}
