import { parseIpAddress } from '../../lib/ip-address.ts';
import type { Origin } from '../../mesh/origin.ts';
import type { Service } from '../../mesh/service.ts';
import type { DnsVirtualDomain } from '../../xds/listener-types.ts';
import type { DnsFilterConfig } from '../../xds/resources.ts';
import type { Places } from './places.ts';
import type { ExplainedProxy } from './proxy.ts';

/** What a name stands for. */
export interface Resolved {
  readonly addresses: readonly string[];
  /** Of these the client takes any; else always the first. */
  readonly anyOf: boolean;
  /** The full name it was found under. */
  readonly name: string;
  readonly from: 'address' | 'proxy' | 'cluster' | 'outside';
  readonly origin: Origin | undefined;
}

/** Stands for a place outside of the mesh whose address nobody here knows (TEST-NET-1, RFC 5737). */
const SOMEWHERE = '192.0.2.1';

/**
 * The addresses of a name for a client in a namespace: what its proxy answers, else the cluster's own DNS, else the
 * world's, which is taken to know every name.
 */
export function resolveName(
  places: Places,
  host: string,
  namespace: string,
  proxy: ExplainedProxy | undefined,
): Resolved {
  if (parseIpAddress(host) !== undefined)
    return { addresses: [host], anyOf: false, name: host, from: 'address', origin: undefined };
  const candidates = searched(host, namespace, places.clusterDomain);
  return (
    (proxy && fromProxy(places, proxy, candidates)) ??
    fromCluster(places, candidates) ?? {
      addresses: [SOMEWHERE],
      anyOf: false,
      name: host,
      from: 'outside',
      origin: undefined,
    }
  );
}

/** The names that a client's resolver tries, in order: a cluster's search list. */
function searched(host: string, namespace: string, domain: string): readonly string[] {
  const plain = host.replace(/\.$/, '');
  if (host.endsWith('.') || plain.split('.').length > NDOTS) return [plain];
  return [
    ...[`${namespace}.svc.${domain}`, `svc.${domain}`, domain].map((suffix) => `${plain}.${suffix}`),
    plain,
  ];
}

/** Names with so many dots are tried as they stand. */
const NDOTS = 5;

function fromProxy(
  places: Places,
  proxy: ExplainedProxy,
  candidates: readonly string[],
): Resolved | undefined {
  const domains = tableOf(proxy);
  for (const name of candidates) {
    const found = domains.find((one) => one.name === name) ?? domains.find((one) => isBelow(name, one.name));
    const addresses = found?.endpoint?.address_list?.address ?? [];
    if (addresses.length === 0) continue;
    const service = places.serviceNamed(found?.name ?? '');
    const anyOf = service === undefined || service.resolution === 'headless';
    return { addresses, anyOf, name, from: 'proxy', origin: service?.origin };
  }
  return undefined;
}

/** The emitted table of the proxy's DNS listener. */
function tableOf({ listeners }: ExplainedProxy): readonly DnsVirtualDomain[] {
  return listeners.flatMap(({ object }) =>
    (object.listener_filters ?? []).flatMap(({ typed_config }) => {
      if (typed_config?.['@type'].endsWith('.DnsFilterConfig') !== true) return [];
      return (typed_config as DnsFilterConfig).server_config?.inline_dns_table?.virtual_domains ?? [];
    }),
  );
}

function isBelow(name: string, pattern: string | undefined): boolean {
  return pattern?.startsWith('*.') === true && name.endsWith(pattern.slice(1));
}

/** Kubernetes' own DNS knows every Service, whoever may see it. */
function fromCluster(places: Places, candidates: readonly string[]): Resolved | undefined {
  const known = places.services.filter(({ registry }) => registry === 'kubernetes');
  for (const name of candidates) {
    const service = known.find(({ hostname }) => hostname === name);
    const found = service && addressesOf(places, known, service);
    if (service !== undefined && found !== undefined && found.length > 0) {
      const anyOf = service.resolution === 'headless';
      return { addresses: found, anyOf, name, from: 'cluster', origin: service.origin };
    }
  }
  return undefined;
}

function addressesOf(places: Places, known: readonly Service[], service: Service): readonly string[] {
  if (service.resolution === 'headless')
    return service.ports.flatMap(({ number }) =>
      places.endpointsOf(service, number).map(({ address }) => address),
    );
  if (service.resolution !== 'alias') return service.addresses.filter((address) => !address.includes('/'));
  return known.find(({ hostname }) => hostname === service.externalName)?.addresses ?? [];
}
