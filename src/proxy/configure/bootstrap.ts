/**
 * Reads an Envoy v3 bootstrap (YAML or JSON): the same file starts Envoy. What this proxy cannot do is refused with
 * the field's name, before anything listens.
 */
import { fromJson } from '../../xds/json.ts';
import { ON_DEMAND } from '../../xds/names.ts';
import type { Address, Bootstrap, Cluster } from '../../xds/resources.ts';
import type { Lowered } from '../lowered.ts';
import { lowering } from '../lowered.ts';
import type { NodeInfo } from '../node-info.ts';
import { readStatsConfig } from '../observe/stats-config.ts';
import type { Fleet } from '../upstream/clusters.ts';
import { type ProcessLimits, readProcessLimits } from './lower-process.ts';
import { readSource, type Source } from './source.ts';
import { readText } from './text.ts';

/** What main.ts starts from. */
export interface ProxyBootstrap {
  readonly message: Bootstrap;
  readonly node: NodeInfo;
  readonly admin: { readonly host: string; readonly port: number } | undefined;
  /** The cluster that carries ADS and metadata to send with it; undefined: static resources only. */
  readonly ads:
    | {
        readonly cluster: Cluster;
        /** Delta xDS; false: state of the world. */
        readonly delta: boolean;
        readonly metadata: readonly (readonly [string, string])[];
      }
    | undefined;
  /** Where listeners and clusters come from that nobody asks for by name; undefined: nowhere. */
  readonly dynamic: { readonly listeners: Source | undefined; readonly clusters: Source | undefined };
  /** cluster_manager.upstream_bind_config: source address of upstream connections. */
  readonly sourceAddress: string | undefined;
  /** cluster_manager.local_cluster_name, and the node's own locality. */
  readonly fleet: Fleet | undefined;
  readonly limits: ProcessLimits;
  /** It holds what its workload uses (on-demand/), not everything. */
  readonly onDemand: boolean;
}

/** Fields that are read here or in lower-process.ts, and below them those that are about Envoy's own process alone. */
const known: readonly string[] = [
  'node',
  'admin',
  'static_resources',
  'dynamic_resources',
  'cluster_manager',
  'layered_runtime',
  'overload_manager',
  'default_regex_engine',
  'typed_dns_resolver_config',
  'dns_resolution_config',
  'stats_config',
  'stats_flush_interval',
  'stats_flush_on_admin',
  'watchdog',
  'watchdogs',
  'use_tcp_for_dns_lookups',
  'deferred_stat_options',
  'application_log_config',
  'enable_dispatcher_stats',
];

/** Switches on a kind of address that is refused by itself where one has it: Istio's bootstrap always names it. */
const internalListeners =
  'type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener';

/** What the command line adds to the file. */
export interface BootstrapFlags {
  readonly configYaml?: string | undefined;
  readonly serviceNode?: string | undefined;
  readonly serviceCluster?: string | undefined;
  readonly serviceZone?: string | undefined;
}

/** Reads the text of a bootstrap file. */
export function readBootstrap(text: string, flags: BootstrapFlags = {}): Lowered<ProxyBootstrap> {
  let document: unknown;
  try {
    document = withFlags(merge(readText(text), readText(flags.configYaml ?? '')), flags);
  } catch (error) {
    return {
      ok: false,
      refusals: [{ field: '', message: `is neither JSON nor YAML: ${(error as Error).message}` }],
    };
  }
  const { value, problems } = fromJson<Bootstrap>('envoy.config.bootstrap.v3.Bootstrap', document);
  if (problems.length > 0)
    return { ok: false, refusals: problems.map((p) => ({ field: p.path, message: p.message })) };
  return lowering((refuse) => lowerBootstrap(value, refuse));
}

/** Protobuf's merge: fields of `over` win, messages are merged, lists are joined (Envoy's --config-yaml). */
function merge(base: unknown, over: unknown): unknown {
  if (over === undefined || over === null) return base ?? {};
  if (Array.isArray(base) && Array.isArray(over)) return [...base, ...over];
  if (!isObject(base) || !isObject(over)) return over;
  const both: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) both[key] = merge(both[key], value);
  return both;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** --service-node and the like fill in what the file leaves out. */
function withFlags(document: unknown, flags: BootstrapFlags): unknown {
  const { serviceNode: id, serviceCluster: cluster, serviceZone: zone } = flags;
  if (!isObject(document) || (id ?? cluster ?? zone) === undefined) return document;
  const node = isObject(document['node']) ? document['node'] : {};
  const locality = isObject(node['locality']) ? node['locality'] : {};
  const named = {
    ...(id === undefined ? {} : { id }),
    ...(cluster === undefined ? {} : { cluster }),
    ...node,
    ...(zone === undefined ? {} : { locality: { zone, ...locality } }),
  };
  return { ...document, node: named };
}

function lowerBootstrap(
  message: Bootstrap,
  refuse: (field: string, message: string) => void,
): ProxyBootstrap {
  for (const key of Object.keys(message)) {
    if (!known.includes(key) && key !== 'bootstrap_extensions') refuse(key, 'is not supported by this proxy');
  }
  for (const [i, { typed_config }] of (message.bootstrap_extensions ?? []).entries())
    if (typed_config?.['@type'] !== internalListeners)
      refuse(`bootstrap_extensions[${i}]`, `${typed_config?.['@type']} is not supported by this proxy`);
  if (message.stats_config !== undefined) readStatsConfig(message.stats_config, refuse, 'stats_config');
  const { dynamic_resources: dynamic } = message;
  const sourceOf = (name: 'lds_config' | 'cds_config'): Source | undefined => {
    const source = dynamic?.[name];
    return source === undefined ? undefined : readSource(source, refuse, `dynamic_resources.${name}`);
  };
  const bind = message.cluster_manager?.upstream_bind_config?.source_address?.address;
  const ads = adsOf(message, refuse);
  const sources = { listeners: sourceOf('lds_config'), clusters: sourceOf('cds_config') };
  return {
    message,
    node: nodeInfo(message),
    admin: hostAndPort(message.admin?.address),
    ads,
    dynamic: sources,
    onDemand: mayAsk(message) && ads?.delta === true && comesOverAds(sources),
    sourceAddress: bind,
    fleet: fleetOf(message),
    limits: readProcessLimits(message, refuse),
  };
}

/** The node says so, to the control plane too; a gateway is called by whom nobody knows, and holds all it may need. */
function mayAsk({ node }: Bootstrap): boolean {
  return node?.metadata?.[ON_DEMAND] === 'true' && node.id?.startsWith('sidecar~') === true;
}

function comesOverAds({ listeners, clusters }: ProxyBootstrap['dynamic']): boolean {
  return listeners?.kind === 'ads' && clusters?.kind === 'ads';
}

function adsOf(message: Bootstrap, refuse: (field: string, message: string) => void): ProxyBootstrap['ads'] {
  const config = message.dynamic_resources?.ads_config;
  if (config === undefined) return undefined;
  const field = 'dynamic_resources.ads_config';
  const delta = config.api_type === 'DELTA_GRPC';
  if (!delta && config.api_type !== 'GRPC') refuse(`${field}.api_type`, 'must be GRPC or DELTA_GRPC');
  const service = config.grpc_services?.[0];
  const name = service?.envoy_grpc?.cluster_name;
  const cluster = message.static_resources?.clusters?.find((c) => c.name === name);
  if (cluster === undefined) {
    refuse(`${field}.grpc_services[0].envoy_grpc.cluster_name`, `'${name ?? ''}' is no static cluster`);
    return undefined;
  }
  const metadata = (service?.initial_metadata ?? []).map((h) => [h.key ?? '', h.value ?? ''] as const);
  return { cluster, delta, metadata };
}

function hostAndPort(address: Address | undefined): { host: string; port: number } | undefined {
  const socket = address?.socket_address;
  return socket === undefined
    ? undefined
    : { host: socket.address ?? '127.0.0.1', port: socket.port_value ?? 0 };
}

/** Istio's node: `sidecar~IP~POD.NS~NS.svc.cluster.local` and metadata in capitals. */
function nodeInfo(message: Bootstrap): NodeInfo {
  const metadata = (message.node?.metadata ?? {}) as Readonly<Record<string, unknown>>;
  const text = (key: string): string => (typeof metadata[key] === 'string' ? metadata[key] : '');
  const labels = typeof metadata['LABELS'] === 'object' ? metadata['LABELS'] : {};
  return {
    id: message.node?.id ?? '',
    cluster: message.node?.cluster ?? '',
    zone: message.node?.locality?.zone ?? '',
    workload: text('WORKLOAD_NAME') || text('NAME'),
    namespace: text('NAMESPACE'),
    serviceAccount: text('SERVICE_ACCOUNT'),
    labels: labels as Readonly<Record<string, string>>,
    metadata,
  };
}

/** Who the proxy's peers are, for zone aware routing. */
function fleetOf({ cluster_manager, node }: Bootstrap): Fleet | undefined {
  const clusterName = cluster_manager?.local_cluster_name ?? '';
  if (clusterName === '') return undefined;
  const { region = '', zone = '', sub_zone = '' } = node?.locality ?? {};
  return { clusterName, own: { region, zone, subZone: sub_zone } };
}
