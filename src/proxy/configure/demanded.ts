/** What a proxy on demand makes of what it asked for, and what it has to ask for because of what it holds. */
import { parseVirtualHostResource, virtualHostResource } from '../../xds/names.ts';
import { type DnsTable, type RouteConfiguration, typeUrls, type VirtualHost } from '../../xds/resources.ts';
import type { DnsRecord } from '../dns/dns-table.ts';
import { lowerNames } from '../dns/lower-dns-filter.ts';
import { type Lowered, lowering } from '../lowered.ts';
import { namedClusters } from '../on-demand/named-clusters.ts';
import type { OnDemand } from '../on-demand/on-demand.ts';
import { lowerRouteConfiguration } from '../stream/lower-route.ts';
import type { RouteTable, VirtualHostRoutes } from '../stream/route-table.ts';
import type { Listener } from './listener.ts';
import type { ResourceTable } from './resource-table.ts';

/** Types of which single names are asked for. */
const byName: ReadonlySet<string> = new Set([typeUrls.listener, typeUrls.virtualHost, typeUrls.dnsTable]);

type Named = { readonly name: string };

/** Names to subscribe to on demand. */
export interface DemandedNames {
  readonly listeners: readonly string[];
  readonly clusters: readonly string[];
  readonly virtualHosts: readonly string[];
  readonly dnsTables: readonly string[];
}

export interface Demanded {
  /** A route configuration whose virtual hosts come one by one: its table, and anew those of hosts that are here. */
  takeRoutes(message: RouteConfiguration, table: RouteTable): readonly RouteTable[];
  /** A virtual host, as a table of its own under the resource's name. */
  lowerHost(message: VirtualHost, name: string): Lowered<RouteTable>;
  lowerNames(message: DnsTable, name: string): Lowered<() => void>;
  forgetNames(name: string): void;
  record(name: string): DnsRecord | undefined;
  host(name: string): VirtualHostRoutes | undefined;
  /** A listener arrived. */
  took(listener: Listener): void;
  noteMessage(typeUrl: string, name: string, message: unknown): void;
  forgetMessage(typeUrl: string, name: string): void;
  /** An update was judged; the removals of it that hold. */
  told(
    typeUrl: string,
    resources: readonly Named[],
    refused: readonly Named[],
    removed: readonly string[],
  ): readonly string[];
  /** The control plane has said that there is no such cluster. */
  lacksCluster(name: string): boolean;
  /** What to subscribe to; `clusters`: what listeners and routes lead to. */
  names(clusters: readonly string[]): DemandedNames;
}

type DnsService = NonNullable<
  NonNullable<
    NonNullable<NonNullable<DnsTable['virtual_domains']>[number]['endpoint']>['service_list']
  >['services']
>[number];

function targetsOf({ targets = [] }: DnsService): readonly { port: number; cluster: string }[] {
  return targets.map(({ port = 0, cluster_name: cluster = '' }) => ({ port, cluster }));
}

export function createDemanded(onDemand: OnDemand, accepted: ResourceTable): Omit<Demanded, 'host'> {
  const { demand } = onDemand;
  /** Route configurations without hosts, by name. */
  const bases = new Map<string, RouteConfiguration>();
  const records = new Map<string, DnsRecord>();
  /** Clusters that messages name, by type and name of the message. */
  const mentioned = new Map<string, readonly string[]>();
  const missingClusters = new Set<string>();

  const lowerHost = (message: VirtualHost, name: string): Lowered<RouteTable> => {
    const base = bases.get(parseVirtualHostResource(name)?.routes ?? '') ?? {};
    const { vhds: _vhds, ...rest } = base;
    return lowerRouteConfiguration({ ...rest, name, virtual_hosts: [{ ...message, domains: ['*'] }] });
  };

  return {
    lowerHost,
    takeRoutes(message, table) {
      const { name } = table;
      const before = bases.get(name);
      bases.set(name, message);
      const own = { ...table, onDemand: onDemand.hosts(name, table.ignorePort) };
      if (before !== undefined && JSON.stringify(before) === JSON.stringify(message)) return [own];
      const prefix = virtualHostResource(name, '');
      const held = accepted.list(typeUrls.virtualHost).filter((r) => r.resource.name.startsWith(prefix));
      const again = held.map((r) => lowerHost(r.message as VirtualHost, r.resource.name));
      return [own, ...again.flatMap((lowered) => (lowered.ok ? [lowered.value] : []))];
    },
    lowerNames: (message, name) =>
      lowering((refuse) => {
        const domains = message.virtual_domains ?? [];
        const named = domains.filter(({ endpoint }) => endpoint?.service_list === undefined);
        const record = lowerNames({ virtual_domains: named }, refuse, '').exact.get(name);
        const ports = domains
          .flatMap(({ endpoint }) => endpoint?.service_list?.services ?? [])
          .flatMap(targetsOf);
        return () => {
          if (record !== undefined) records.set(name, { ...record, ports });
        };
      }),
    forgetNames: (name) => void records.delete(name),
    record: (name) => records.get(name),
    took({ name, binds }) {
      if (binds.length === 0) demand.restore(typeUrls.listener, name, 'present');
    },
    noteMessage(typeUrl, name, message) {
      if (typeUrl === typeUrls.virtualHost || typeUrl === typeUrls.dnsTable)
        demand.restore(typeUrl, name, 'present');
      if (typeUrl !== typeUrls.listener && typeUrl !== typeUrls.virtualHost) return;
      const found = namedClusters(message);
      if (found.length > 0) mentioned.set(`${typeUrl} ${name}`, found);
      else mentioned.delete(`${typeUrl} ${name}`);
    },
    forgetMessage(typeUrl, name) {
      mentioned.delete(`${typeUrl} ${name}`);
      if (typeUrl === typeUrls.route) bases.delete(name);
    },
    told(typeUrl, resources, refused, removed) {
      const bad = new Set(refused.map(({ name }) => name));
      for (const { name } of resources) {
        if (typeUrl === typeUrls.cluster) missingClusters.delete(name);
        // What cannot be used is as good as none, where none was held before.
        if (bad.has(name) && accepted.get(typeUrl, name) === undefined) demand.absent(typeUrl, name);
        else demand.present(typeUrl, name);
      }
      const gone = removed.filter((name) => {
        // Another worker asked for it, or an earlier run.
        const isNews = byName.has(typeUrl) && accepted.get(typeUrl, name) === undefined;
        if (isNews) demand.restore(typeUrl, name, 'absent');
        return demand.absent(typeUrl, name);
      });
      if (typeUrl === typeUrls.cluster) for (const name of gone) missingClusters.add(name);
      return gone;
    },
    lacksCluster: (name) => missingClusters.has(name),
    names(led) {
      const clusters = new Set([
        ...led,
        ...[...mentioned.values()].flat(),
        ...demand.names(typeUrls.cluster),
      ]);
      for (const name of missingClusters) if (!clusters.has(name)) missingClusters.delete(name);
      return {
        listeners: demand.names(typeUrls.listener),
        clusters: [...clusters],
        virtualHosts: demand.names(typeUrls.virtualHost),
        dnsTables: demand.names(typeUrls.dnsTable),
      };
    },
  };
}
