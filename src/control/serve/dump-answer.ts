import { parseVirtualHostResource } from '../../xds/names.ts';
import type { AnyMessage } from '../../xds/resources.ts';
import { typeUrls } from '../../xds/resources.ts';
import { standing } from '../../xds/served-type.ts';
import type { ProxyNode, WorkloadSummary } from '../compile.ts';
import { type ConfigDump, configDump } from '../emit/config-dump.ts';
import type { Emitted, EmittedRoutes, EmittedVirtualHost } from '../emit/emitted.ts';
import { policiesDump } from '../emit/policies-dump.ts';
import type { AdsStream } from './ads-stream.ts';
import { resourcesOf } from './delivery.ts';
import type { Fleet } from './fleet.ts';

/** Envoy's ClientResourceStatus. */
const CLIENT_STATUS = { live: 'ACKED', pending: 'REQUESTED', refused: 'NACKED' } as const;

/**
 * The configuration of a proxy as Envoy's config_dump: of one that is connected what it was sent, and whether it took it;
 * of a workload whose proxy is away what it would get. Undefined where there is neither.
 */
export function dumpAnswer(proxy: string, parts: readonly string[], fleet: Fleet): ConfigDump | undefined {
  const stream = streamOf(proxy, fleet);
  const whole = stream === undefined ? dumpOfAbsent(proxy, fleet) : dumpOfStream(stream, fleet);
  if (whole === undefined) return undefined;
  // Envoy's tools know Envoy's parts only: what is weft's own comes where it is asked for.
  return {
    configs: whole.configs.filter((one) => (parts.length === 0 ? isEnvoys(one) : isPart(one, parts))),
  };
}

function isEnvoys(config: AnyMessage): boolean {
  return config['@type'].includes('envoy.admin.');
}

/** `envoy.admin.v3.ListenersConfigDump` is the part `listeners`. */
function isPart(config: AnyMessage, parts: readonly string[]): boolean {
  const [, name = ''] = /\.(\w+)ConfigDump$/.exec(config['@type']) ?? [];
  return parts.includes(name.toLowerCase());
}

/** The newest stream of `NAME.NAMESPACE`, `NAMESPACE/NAME` or a node id. */
function streamOf(proxy: string, fleet: Fleet): AdsStream | undefined {
  const name = dotted(proxy);
  return fleet.streams().findLast((stream) => {
    const { node, id } = stream.proxy ?? {};
    return id !== undefined && (node?.id === proxy || `${id.name}.${id.namespace}` === name);
  });
}

function dotted(proxy: string): string {
  const [namespace, inNamespace] = proxy.split('/');
  return inNamespace === undefined ? proxy : `${inNamespace}.${namespace}`;
}

function dumpOfStream(stream: AdsStream, fleet: Fleet): ConfigDump | undefined {
  const { compiled, bytes } = fleet.state();
  const { id: nodeId = '', metadata } = stream.proxy?.node ?? {};
  const view = compiled.forProxy({ id: nodeId, ...(metadata && { metadata }) });
  if (view === undefined) return undefined;
  const of = <T extends Emitted>(typeUrl: string): readonly T[] => {
    const type = stream.types.get(typeUrl);
    return type === undefined ? [] : (resourcesOf(view, typeUrl, type.wildcard, type.names) as readonly T[]);
  };
  const routes = of<EmittedRoutes>(typeUrls.route);
  const clientStatus = (emitted: Emitted): string | undefined => {
    const type = stream.types.get(emitted.typeUrl);
    const sent =
      emitted.typeUrl === typeUrls.route ? routes.find(({ name }) => name === emitted.name) : emitted;
    const resource = sent && bytes.of(sent);
    return type && resource && CLIENT_STATUS[standing(type, resource)];
  };
  const resources = {
    listeners: of<ReturnType<typeof view.listeners>[number]>(typeUrls.listener),
    clusters: of(typeUrls.cluster),
    routes: withHosts(routes, of<EmittedVirtualHost>(typeUrls.virtualHost)),
    endpoints: of(typeUrls.endpoint),
  };
  const dump = configDump({ nodeId, version: String(compiled.revision), ...resources, clientStatus });
  return { configs: [...dump.configs, policiesDump(resources.listeners)] };
}

/** Route configurations with the virtual hosts that the proxy has of them on demand, as Envoy shows them. */
function withHosts(
  routes: readonly EmittedRoutes[],
  hosts: readonly EmittedVirtualHost[],
): readonly EmittedRoutes[] {
  if (hosts.length === 0) return routes;
  const byRoutes = Map.groupBy(hosts, ({ name }) => parseVirtualHostResource(name)?.routes ?? '');
  return routes.map((one) => {
    const own = [...new Set((byRoutes.get(one.name) ?? []).map(({ object }) => object))];
    const virtual_hosts = [...(one.object.virtual_hosts ?? []), ...own];
    return own.length === 0 ? one : { ...one, object: { ...one.object, virtual_hosts } };
  });
}

/** What a workload gets that has no proxy now. */
function dumpOfAbsent(proxy: string, fleet: Fleet): ConfigDump | undefined {
  const { compiled } = fleet.state();
  const name = dotted(proxy);
  const workloads = compiled.workloads();
  const found =
    workloads.find((one) => `${one.name}.${one.namespace}` === name) ??
    workloads.find((one) => `${one.workload}.${one.namespace}` === name);
  // A workload's name stands for its first Pod.
  const stream = found && streamOf(`${found.name}.${found.namespace}`, fleet);
  if (stream !== undefined) return dumpOfStream(stream, fleet);
  const node: ProxyNode | undefined = found && { id: nodeIdOf(found) };
  const view = node && compiled.forProxy(node);
  if (node === undefined || view === undefined) return undefined;
  const listeners = view.listeners();
  const dump = configDump({
    nodeId: node.id,
    version: String(compiled.revision),
    listeners,
    clusters: view.clusters(),
    routes: view.routes(),
    endpoints: view.endpoints(),
  });
  return { configs: [...dump.configs, policiesDump(listeners)] };
}

function nodeIdOf({ gateway, ip, name, namespace }: WorkloadSummary): string {
  return `${gateway ? 'router' : 'sidecar'}~${ip}~${name}.${namespace}~${namespace}.svc.cluster.local`;
}
