import type { Clock } from '../../lib/clock.ts';
import { Deadlines } from '../../lib/deadlines.ts';
import type { Random } from '../../lib/random.ts';
import type { Network } from '../../wire/connection.ts';
import type { Metrics } from '../observe/metrics.ts';
import { Cluster } from './cluster.ts';
import type { ClusterConfig } from './cluster-config.ts';
import { type ClusterDescription, describeCluster } from './describe.ts';
import { DnsEndpoints } from './dns-endpoints.ts';
import type { Endpoint } from './endpoint.ts';
import type { EndpointSet } from './endpoint-set.ts';
import { byLocality, localityName } from './locality.ts';
import type { ResolveName } from './resolve-name.ts';
import type { LocalZone } from './zone-routing.ts';

export interface ClusterEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly metrics: Metrics;
  readonly resolveName: ResolveName;
  /** The proxy's own fleet, for zone aware routing; undefined where it is not told. */
  readonly fleet?: Fleet | undefined;
}

/** cluster_manager.local_cluster_name, and where the proxy itself is (node.locality). */
export interface Fleet {
  readonly clusterName: string;
  readonly own: { readonly region: string; readonly zone: string; readonly subZone: string };
}

/** A cluster and what feeds it. */
interface Fed {
  readonly cluster: Cluster;
  readonly dns: DnsEndpoints | undefined;
}

/**
 * All clusters of the proxy. A changed cluster serves on in its old form until the new one is warm; a removed one, and
 * removed endpoints, finish what they carry. Called by configure/ only; read by filters through `get`.
 */
export class Clusters {
  /** Called whenever a cluster becomes ready for the first time in its present form. */
  onReady: (name: string) => void = () => {};
  readonly #environment: ClusterEnvironment;
  readonly #deadlines: Deadlines;
  readonly #serving = new Map<string, Fed>();
  readonly #warming = new Map<string, Fed>();
  readonly #endpoints = new Map<string, EndpointSet>();
  /** How the proxy's fleet is spread now. */
  #zone: LocalZone | undefined;

  constructor(environment: ClusterEnvironment) {
    this.#environment = environment;
    this.#deadlines = new Deadlines(environment.clock);
  }

  apply(changed: readonly ClusterConfig[], removed: readonly string[]): void {
    for (const name of removed) this.#remove(name);
    for (const config of changed) this.#add(config);
    this.#environment.metrics.clusterManager.cluster_removed += removed.length;
    this.#count();
  }

  /** New endpoints for every cluster whose EDS name this is; kept for clusters that come later. */
  setEndpoints(serviceName: string, endpoints: EndpointSet): void {
    this.#endpoints.set(serviceName, endpoints);
    for (const fed of this.#withEdsName(serviceName)) {
      fed.cluster.setEndpoints(endpoints);
      this.#promote(fed);
    }
  }

  removeEndpoints(serviceName: string): void {
    this.#endpoints.delete(serviceName);
  }

  /** Secrets came: clusters that wait for them look again. */
  secretsChanged(): void {
    for (const fed of [...this.#warming.values()]) this.#promote(fed);
  }

  /** EDS names that the clusters need now. */
  edsNames(): readonly string[] {
    const names = [...this.#serving.values(), ...this.#warming.values()].map(({ cluster }) =>
      edsName(cluster.config),
    );
    return [...new Set(names.filter((name) => name !== undefined))];
  }

  /** A cluster that can serve. */
  get(name: string): Cluster | undefined {
    return this.#serving.get(name)?.cluster;
  }

  /** Whether there is one, be it that it cannot serve yet. */
  has(name: string): boolean {
    return this.#serving.has(name) || this.#warming.has(name);
  }

  /** Names that wait for endpoints or secrets and have no older form that serves. */
  warming(): readonly string[] {
    return [...this.#warming.keys()].filter((name) => !this.#serving.has(name));
  }

  describe(): readonly ClusterDescription[] {
    const names = new Set([...this.#serving.keys(), ...this.#warming.keys()]);
    return [...names].sort().map((name) => {
      const fed = this.#serving.get(name) ?? (this.#warming.get(name) as Fed);
      return describeCluster(fed.cluster, this.#serving.has(name));
    });
  }

  /** Closes idle connections and stops DNS. */
  close(): void {
    for (const fed of [...this.#serving.values(), ...this.#warming.values()]) stop(fed);
    this.#serving.clear();
    this.#warming.clear();
  }

  #add(config: ClusterConfig): void {
    const { clusterManager } = this.#environment.metrics;
    const before = this.#warming.get(config.name);
    if (before === undefined && !this.#serving.has(config.name)) clusterManager.cluster_added++;
    else clusterManager.cluster_modified++;
    if (before !== undefined) stop(before);
    const { clock, random, network, metrics } = this.#environment;
    const stats = metrics.cluster(config.statName);
    const scope = metrics.scope(`cluster.${config.statName}.`);
    const cluster = new Cluster(
      config,
      stats,
      { clock, random, network, deadlines: this.#deadlines, scope },
      { cluster: (name) => this.get(name), resolveName: this.#environment.resolveName },
    );
    cluster.onChecked = () => this.#promote(fed);
    if (config.name === this.#environment.fleet?.clusterName)
      cluster.onMembership = () => this.#fleetChanged(fed);
    else if (this.#zone !== undefined) cluster.setLocalZone(this.#zone);
    const { discovery } = config;
    let fed: Fed = { cluster, dns: undefined };
    if (discovery.kind === 'static') cluster.setEndpoints(discovery.endpoints);
    if (discovery.kind === 'eds') {
      const known = this.#endpoints.get(discovery.serviceName);
      if (known !== undefined) cluster.setEndpoints(known);
    }
    if (discovery.kind === 'dns') {
      const take = (set: EndpointSet): void => {
        stats.update_success++;
        cluster.setEndpoints(set);
        this.#promote(fed);
      };
      fed = {
        cluster,
        dns: new DnsEndpoints(discovery, this.#environment, take, () => void stats.update_failure++),
      };
    }
    this.#warming.set(config.name, fed);
    this.#promote(fed);
  }

  #count(): void {
    const { clusterManager } = this.#environment.metrics;
    clusterManager.active_clusters = this.#serving.size;
    clusterManager.warming_clusters = this.#warming.size;
  }

  /** From waiting to serving, in place of what served before. */
  #promote(fed: Fed): void {
    const { name } = fed.cluster;
    if (this.#warming.get(name) !== fed || !fed.cluster.warmUp()) return;
    this.#warming.delete(name);
    const before = this.#serving.get(name);
    this.#serving.set(name, fed);
    fed.cluster.stats.computed = fed.cluster.breakers;
    this.#count();
    if (before !== undefined) stop(before);
    if (name === this.#environment.fleet?.clusterName) this.#fleetChanged(fed);
    this.onReady(name);
  }

  /** The fleet's cluster has other members, or other health: every other cluster routes by it. */
  #fleetChanged(fed: Fed): void {
    const { fleet } = this.#environment;
    if (fleet === undefined || this.#serving.get(fleet.clusterName) !== fed) return;
    this.#zone = localZone(fed.cluster.endpoints, fleet.own);
    for (const { cluster } of [...this.#serving.values(), ...this.#warming.values()])
      if (cluster.name !== fleet.clusterName) cluster.setLocalZone(this.#zone);
  }

  #remove(name: string): void {
    for (const fed of [this.#serving.get(name), this.#warming.get(name)]) {
      if (fed === undefined) continue;
      stop(fed);
      this.#environment.metrics.dropCluster(fed.cluster.config.statName);
    }
    this.#serving.delete(name);
    this.#warming.delete(name);
  }

  #withEdsName(serviceName: string): Fed[] {
    return [...this.#serving.values(), ...this.#warming.values()].filter(
      ({ cluster }) => edsName(cluster.config) === serviceName,
    );
  }
}

function localZone(members: readonly Endpoint[], own: Fleet['own']): LocalZone {
  const count = (list: readonly Endpoint[]): Map<string, number> =>
    new Map(byLocality(list).map(([name, here]) => [name, here.length]));
  return {
    own: localityName(own),
    members: count(members),
    healthy: count(members.filter(({ health }) => health === 'healthy')),
  };
}

function stop(fed: Fed): void {
  fed.dns?.stop();
  fed.cluster.retire();
}

function edsName({ discovery }: ClusterConfig): string | undefined {
  return discovery.kind === 'eds' ? discovery.serviceName : undefined;
}
