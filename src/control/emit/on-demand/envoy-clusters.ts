import type { VirtualHost } from '../../../xds/resources.ts';
import { step } from '../../resolve/world.ts';
import { type EmittedCluster, type EmittedListener, sortedByName } from '../emitted.ts';
import { namedKey, proxyListenerParts, proxyRouteNames, proxyRoutes } from '../proxy-resources.ts';
import { isOutbound, TCP_PROXY } from './envoy-listeners.ts';
import { clusterOnDemand, demandKey } from './named.ts';
import { standingProxyClusters } from './standing.ts';

/**
 * Clusters that an Envoy on demand gets unasked, by the proxy's key: those of every sidecar, and all for which nothing
 * waits: of mirrors, logs, tracing, authorisation, of filters that users add.
 */
export const envoyClusters = step(
  'clusters of an envoy on demand',
  (read, key): readonly EmittedCluster[] => {
    const standing = read.of(standingProxyClusters, key);
    const known = new Set(standing.map(({ name }) => name));
    const names = new Set<string>();
    const { shared, own } = read.of(proxyListenerParts, key);
    for (const list of [shared, own]) for (const name of inListeners(list)) names.add(name);
    for (const routes of read.of(proxyRouteNames, key)) {
      const hosts = read.of(proxyRoutes, namedKey(key, routes))?.object.virtual_hosts ?? [];
      for (const name of inHosts(hosts)) names.add(name);
    }
    const named = [...names]
      .filter((name) => !known.has(name))
      .map((name) => read.of(clusterOnDemand, demandKey(key, name)))
      .filter((cluster) => cluster !== undefined);
    return sortedByName([...standing, ...named]);
  },
);

/** Clusters of services, wherever in a text: scripts of users name some. */
const CLUSTER_NAME = /outbound\|\d{1,5}\|[^|\s"']*\|[\w.*-]+/g;

/** Resources, their parts and their lists are the same objects for many proxies, and from change to change. */
const found = new WeakMap<object, readonly string[]>();

function inListeners(list: readonly EmittedListener[]): readonly string[] {
  return once(list, () => list.flatMap(({ object }) => namedIn(object, isOutbound(object))));
}

function inHosts(hosts: readonly VirtualHost[]): readonly string[] {
  return once(hosts, () => hosts.flatMap((host) => namedIn(host, true)));
}

/** Clusters that a listener or virtual host names in passing; `waited`: without those that its traffic goes to. */
function namedIn(part: object, waited: boolean): readonly string[] {
  return once(part, () => {
    const names = new Set<string>();
    collect(part, '', waited, names);
    return [...names];
  });
}

function once(of: object, find: () => readonly string[]): readonly string[] {
  const known = found.get(of) ?? find();
  found.set(of, known);
  return known;
}

function collect(value: unknown, key: string, waited: boolean, names: Set<string>): void {
  if (typeof value === 'string') {
    if (key !== 'stat_prefix') for (const [name] of value.matchAll(CLUSTER_NAME)) names.add(name);
  } else if (Array.isArray(value)) for (const one of value) collect(one, key, waited, names);
  else if (typeof value === 'object' && value !== null) {
    for (const [own, inner] of Object.entries(value))
      if (!(waited && isDestination(key, own, value))) collect(inner, own, waited, names);
  }
}

/** Whether traffic goes there, which waits for it: `route.cluster`, names of weighted clusters, a TCP proxy's cluster. */
function isDestination(parent: string, key: string, owner: object): boolean {
  if (key === 'cluster') return parent === 'route' || (owner as Typed)['@type'] === TCP_PROXY;
  return key === 'name' && parent === 'clusters';
}

interface Typed {
  readonly '@type'?: string;
}
