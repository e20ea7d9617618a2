import type { Service } from '../../../mesh/service.ts';
import { wellKnownNames } from '../../../xds/names.ts';
import { any, type DnsFilterConfig, type Listener } from '../../../xds/resources.ts';
import { endpoints } from '../../resolve/endpoints.ts';
import { meshSettings } from '../../resolve/mesh-settings.ts';
import { scopedServices } from '../../resolve/scoped-services.ts';
import { serviceByKey, serviceKey } from '../../resolve/services.ts';
import { type Read, step } from '../../resolve/world.ts';
import { type EmittedListener, emittedListener } from '../emitted.ts';
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
});

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
