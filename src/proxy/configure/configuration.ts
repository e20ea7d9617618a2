/**
 * The configuration of the proxy: resources come in, runtime objects go out.
 *
 * In: static resources of the bootstrap, and updates of ADS (or of the last good configuration). Out: clusters,
 * endpoints, routes, listeners and secrets in use, an answer for each update (which resources are refused and why), and
 * the names to subscribe to. Called by control-plane.ts and main.ts. What never happens: one bad resource hurting
 * another; a resource in use being replaced by one that cannot be lowered.
 */
import type { Clock } from '../../lib/clock.ts';
import { decode } from '../../xds/decode.ts';
import type { DeltaResource } from '../../xds/delta-messages.ts';
import type * as messages from '../../xds/resources.ts';
import { messageOf, typeUrls } from '../../xds/resources.ts';
import type { Secret } from '../../xds/tls-types.ts';
import type { Acceptor } from '../accept/acceptor.ts';
import type { Lowered } from '../lowered.ts';
import { refusalText } from '../lowered.ts';
import type { OnDemand } from '../on-demand/on-demand.ts';
import { lowerRouteConfiguration } from '../stream/lower-route.ts';
import type { RouteTable } from '../stream/route-table.ts';
import type { ClusterConfig } from '../upstream/cluster-config.ts';
import type { Clusters } from '../upstream/clusters.ts';
import { lowerCluster } from '../upstream/lower-cluster.ts';
import { lowerEndpoints } from '../upstream/lower-endpoint.ts';
import { shareLimits } from '../workers/share-limits.ts';
import { createDemanded, type Demanded, type DemandedNames } from './demanded.ts';
import type { Listener } from './listener.ts';
import { createListenerStates, isListenerWarm } from './listener-states.ts';
import type { ListenerEnvironment } from './lower-listener.ts';
import { lowerListener } from './lower-listener.ts';
import { applySecret } from './lower-secret.ts';
import { upstreamTlsLowering } from './lower-transport-socket.ts';
import { createResourceTable, type ResourceTable } from './resource-table.ts';
import { createRouteTables } from './route-tables.ts';
import { namedSources, type SourcedName } from './source.ts';

/** A resource that is not used, with the reason for the person who wrote it. */
export interface RefusedResource {
  readonly name: string;
  readonly reason: string;
}

/** Names to hold subscriptions to, by type. */
export interface NeededNames {
  readonly endpoints: readonly string[];
  readonly routes: readonly string[];
  readonly secrets: readonly string[];
  /** Those that come from elsewhere than ADS. */
  readonly elsewhere: readonly SourcedName[];
  /** Of a proxy on demand: what it wants of the types that others hold whole. */
  readonly onDemand?: DemandedNames | undefined;
}

export interface Configuration {
  /** Puts an update to use. Resolves when its listeners listen (or wait for routes); the resources that are refused. */
  apply(
    typeUrl: string,
    resources: readonly DeltaResource[],
    removed: readonly string[],
  ): Promise<readonly RefusedResource[]>;
  /** Static resources of the bootstrap; the reasons why it cannot start, none where it can. */
  applyStatic(bootstrap: messages.Bootstrap): Promise<readonly string[]>;
  routes(name: string): RouteTable | undefined;
  needed(): NeededNames;
  /** Listeners, clusters and route tables that still wait for something. */
  warming(): readonly string[];
  readonly accepted: ResourceTable;
  /** Looks again at what waits: a cluster became ready, a secret came. */
  settle(): Promise<readonly RefusedResource[]>;
  /** Of a proxy on demand: gives back what nobody used for a while. */
  sweep(): void;
  /** What a VHDS name or a DNS name stands for now. */
  readonly demanded: Pick<Demanded, 'host' | 'record'>;
}

export interface ConfigurationEnvironment {
  readonly clock: Clock;
  readonly clusters: Clusters;
  readonly acceptor: Acceptor;
  readonly listeners: Omit<ListenerEnvironment, 'runtime'>;
  readonly runtime: ListenerEnvironment['runtime'];
  /** Limits of a cluster are for the whole proxy: each of so many workers takes its share (workers/share-limits.ts). */
  readonly workers: number;
  /** Undefined: everything is held. */
  readonly onDemand?: OnDemand | undefined;
  /** What waits, and what is needed, may have changed. */
  readonly onSettled: () => void;
  readonly log: (level: 'info' | 'warning', message: string) => void;
}

type Outcome =
  | { readonly ok: true; readonly value: () => void }
  | { readonly ok: false; readonly reason: string };

export function createConfiguration(environment: ConfigurationEnvironment): Configuration {
  const { clock, clusters, acceptor, runtime, log } = environment;
  const { listenerManager, clusterManager } = runtime.metrics;
  const accepted = createResourceTable();
  const { secrets } = environment.listeners.tls;
  const lowerUpstreamTls = upstreamTlsLowering(environment.listeners.tls);
  const retiring = new Set<string>();
  const clusterSecrets = new Map<string, readonly string[]>();
  const elsewhere = new Map<string, readonly SourcedName[]>();
  const settleLater = (): void => void settle();
  const { onDemand } = environment;
  const demanded = onDemand === undefined ? undefined : createDemanded(onDemand, accepted);
  const canServe = (name: string): boolean =>
    clusters.get(name) !== undefined || demanded?.lacksCluster(name) === true;
  const tables = createRouteTables(clock, canServe, settleLater);
  const hasRoutes = (name: string): boolean => tables.get(name) !== undefined;
  const hasCluster = demanded === undefined ? undefined : canServe;
  const listeners = createListenerStates(clock, (l) => isListenerWarm(l, hasRoutes, hasCluster), settleLater);
  let lastBindFailures: readonly RefusedResource[] = [];

  /** Clusters of the bootstrap: nobody is asked for them, and nobody takes them away. */
  const fixedClusters = new Set<string>();

  const lowerers: Readonly<Record<string, (message: never, name: string) => Outcome>> = {
    [typeUrls.cluster]: (message: messages.Cluster, name) =>
      outcome(
        lowerCluster(shareLimits(message, environment.workers), lowerUpstreamTls),
        (config: ClusterConfig) => {
          retiring.delete(name);
          clusterSecrets.set(name, sdsNames(message));
          clusters.apply([config], []);
        },
      ),
    [typeUrls.endpoint]: (message: messages.ClusterLoadAssignment, name) =>
      outcome(lowerEndpoints(message), (set) => clusters.setEndpoints(name, set)),
    [typeUrls.route]: (message: messages.RouteConfiguration) =>
      outcome(lowerRouteConfiguration(message, demanded !== undefined), (t) => {
        if (demanded === undefined || !t.vhds) tables.put(t);
        else for (const table of demanded.takeRoutes(message, t)) tables.put(table);
      }),
    [typeUrls.listener]: (message: messages.Listener) =>
      outcome(
        lowerListener(message, { ...environment.listeners, runtime }, listeners.latest(message.name ?? '')),
        (l: Listener) => {
          demanded?.took(l);
          listeners.put(l);
        },
      ),
    [typeUrls.virtualHost]: (message: messages.VirtualHost, name) =>
      outcome(demanded!.lowerHost(message, name), (t) => tables.put(t)),
    [typeUrls.dnsTable]: (message: messages.DnsTable, name) =>
      outcome(demanded!.lowerNames(message, name), (put) => put()),
    [typeUrls.secret]: (message: Secret, name) =>
      outcome(applySecret(message, name, environment.listeners.tls), (put) => put()),
  };
  const removers: Readonly<Record<string, (name: string) => void>> = {
    [typeUrls.cluster]: (name) => void (fixedClusters.has(name) || retiring.add(name)),
    [typeUrls.endpoint]: (name) => clusters.removeEndpoints(name),
    [typeUrls.route]: (name) => tables.remove(name),
    [typeUrls.listener]: (name) => listeners.remove(name),
    [typeUrls.secret]: (name) => secrets.remove(name),
    [typeUrls.virtualHost]: (name) => tables.remove(name),
    [typeUrls.dnsTable]: (name) => demanded?.forgetNames(name),
  };

  const noteSources = (typeUrl: string, name: string, message: unknown): void => {
    const found = namedSources(message, name);
    if (found.length > 0) elsewhere.set(`${typeUrl} ${name}`, found);
    else elsewhere.delete(`${typeUrl} ${name}`);
  };

  const count = (typeUrl: string, known: boolean, ok: boolean): void => {
    if (typeUrl !== typeUrls.listener) return;
    if (!ok) listenerManager.listener_create_failure++;
    else if (known) listenerManager.listener_modified++;
    else listenerManager.listener_added++;
    if (ok) listenerManager.listener_create_success++;
  };

  /** One resource: its message and what to do with it, or why not. */
  const judge = (typeUrl: string, resource: DeltaResource): RefusedResource | undefined => {
    const unknown: string[] = [];
    try {
      const message = decode<never>(messageOf(typeUrl), resource.value, (path) => unknown.push(path));
      if (unknown.length > 0)
        return { name: resource.name, reason: `unknown to this proxy: ${unknown.join(', ')}` };
      const result = lowerers[typeUrl]!(message, resource.name);
      count(typeUrl, accepted.get(typeUrl, resource.name) !== undefined, result.ok);
      if (!result.ok) return { name: resource.name, reason: result.reason };
      noteSources(typeUrl, resource.name, message);
      result.value();
      demanded?.noteMessage(typeUrl, resource.name, message);
      if (typeUrl !== typeUrls.secret) accepted.set(resource, message, clock.nowMs());
      return undefined;
    } catch (error) {
      return { name: resource.name, reason: (error as Error).message };
    }
  };

  const retire = (): void => {
    const gone = [...retiring].filter((name) => !tables.references(name) && !listeners.references(name));
    for (const name of gone) {
      retiring.delete(name);
      clusterSecrets.delete(name);
    }
    if (gone.length > 0) clusters.apply([], gone);
  };

  const settle = async (): Promise<readonly RefusedResource[]> => {
    tables.settle();
    const running = listeners.settle();
    retire();
    if (running === undefined) {
      environment.onSettled();
      onDemand?.settled();
      return [];
    }
    const failures = await acceptor.apply(running);
    for (const { listener, message } of failures) {
      listeners.fail(listener);
      log('warning', `listener ${listener}: ${message}`);
    }
    lastBindFailures = failures.map(({ listener, message }) => ({ name: listener, reason: message }));
    environment.onSettled();
    onDemand?.settled();
    return lastBindFailures;
  };

  const needed = (): NeededNames => {
    const all = demanded?.names([...listeners.clusterNames(), ...tables.clusterNames()]);
    const wanted = all && { ...all, clusters: all.clusters.filter((name) => !fixedClusters.has(name)) };
    // Endpoints mostly have the cluster's name: asked for in one go with it.
    const onTheirWay = (wanted?.clusters ?? []).filter((name) => !clusters.has(name) && !canServe(name));
    return {
      endpoints: [...clusters.edsNames(), ...onTheirWay],
      routes: [...listeners.routeNames()],
      secrets: [...new Set([...listeners.secretNames(), ...[...clusterSecrets.values()].flat()])],
      elsewhere: [...elsewhere.values()].flat(),
      onDemand: wanted,
    };
  };

  /** What nothing needs any more of the types that nobody tells the end of: unsubscribed, they are just not sent. */
  const prune = (): void => {
    const { endpoints, routes, onDemand: wanted } = needed();
    const kept = [
      [typeUrls.endpoint, endpoints],
      [typeUrls.route, routes],
      [typeUrls.virtualHost, wanted?.virtualHosts ?? []],
      [typeUrls.dnsTable, wanted?.dnsTables ?? []],
    ] as const;
    for (const [typeUrl, names] of kept) {
      const wants = new Set(names);
      for (const { resource } of accepted.list(typeUrl)) {
        if (wants.has(resource.name)) continue;
        removers[typeUrl]!(resource.name);
        accepted.delete(typeUrl, resource.name);
        demanded?.forgetMessage(typeUrl, resource.name);
      }
    }
  };

  return {
    accepted,
    settle,
    demanded: {
      host: (name) => tables.get(name)?.hosts.any,
      record: (name) => demanded?.record(name),
    },
    sweep() {
      if (onDemand === undefined) return;
      onDemand.sweep();
      prune();
      void settle();
    },
    routes: (name) => tables.get(name),
    async apply(typeUrl, resources, gone) {
      const isOfDemand = typeUrl === typeUrls.virtualHost || typeUrl === typeUrls.dnsTable;
      if (lowerers[typeUrl] === undefined || (isOfDemand && demanded === undefined))
        return resources.map(({ name }) => ({ name, reason: `${typeUrl} is unknown to this proxy` }));
      const refused = resources.map((resource) => judge(typeUrl, resource)).filter((r) => r !== undefined);
      const { lds } = listenerManager;
      const discovery =
        typeUrl === typeUrls.listener ? lds : typeUrl === typeUrls.cluster ? clusterManager.cds : undefined;
      if (discovery !== undefined) discovery[refused.length > 0 ? 'rejections' : 'successes']++;
      const removed = demanded === undefined ? gone : demanded.told(typeUrl, resources, refused, gone);
      const held = (names: readonly string[]): number =>
        names.filter((name) => accepted.get(typeUrl, name) !== undefined).length;
      if (typeUrl === typeUrls.listener) listenerManager.listener_removed += held(removed);
      for (const name of removed) {
        demanded?.forgetMessage(typeUrl, name);
        removers[typeUrl]!(name);
        elsewhere.delete(`${typeUrl} ${name}`);
        accepted.delete(typeUrl, name);
      }
      if (typeUrl === typeUrls.secret) clusters.secretsChanged();
      const failed = await settle();
      for (const { name, reason } of refused) log('warning', `refused ${typeUrl} ${name}: ${reason}`);
      const names = new Set(resources.map((r) => r.name));
      return typeUrl === typeUrls.listener
        ? [...refused, ...failed.filter((f) => names.has(f.name))]
        : refused;
    },
    async applyStatic(bootstrap) {
      const reasons: string[] = [];
      const take = (typeUrl: string, message: { readonly name?: string }, what: string): void => {
        const name = message.name ?? '';
        const result = lowerers[typeUrl]!(message as never, name);
        if (!result.ok) {
          reasons.push(`static_resources.${what} ${name}: ${result.reason}`);
          return;
        }
        noteSources(typeUrl, name, message);
        count(typeUrl, false, true);
        result.value();
      };
      const { clusters: fixed, listeners: open, secrets: given } = bootstrap.static_resources ?? {};
      for (const secret of given ?? []) take(typeUrls.secret, secret, 'secrets');
      for (const { name = '' } of fixed ?? []) fixedClusters.add(name);
      for (const cluster of fixed ?? []) take(typeUrls.cluster, cluster, 'clusters');
      for (const listener of open ?? []) take(typeUrls.listener, listener, 'listeners');
      if (reasons.length > 0) return reasons;
      return (await settle()).map(({ name, reason }) => `listener ${name}: ${reason}`);
    },
    needed,
    warming: () => [...listeners.warming(), ...clusters.warming()],
  };
}

function outcome<T>(lowered: Lowered<T>, use: (value: T) => void): Outcome {
  return lowered.ok
    ? { ok: true, value: () => use(lowered.value) }
    : { ok: false, reason: refusalText(lowered.refusals) };
}

/** SDS names in a cluster's transport sockets, wherever they stand. */
function sdsNames(message: messages.Cluster): readonly string[] {
  const sockets = [
    message.transport_socket,
    ...(message.transport_socket_matches ?? []).map((m) => m.transport_socket),
  ];
  return sockets.flatMap((socket) => {
    const common = (socket?.typed_config as { common_tls_context?: messages.CommonTlsContext } | undefined)
      ?.common_tls_context;
    const configs = [
      ...(common?.tls_certificate_sds_secret_configs ?? []),
      common?.validation_context_sds_secret_config,
      common?.combined_validation_context?.validation_context_sds_secret_config,
    ];
    return configs.flatMap((config) => (config?.name === undefined ? [] : [config.name]));
  });
}
