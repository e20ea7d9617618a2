import { ON_DEMAND, ON_DEMAND_ENVOY, REPORTS_CLUSTER } from '../xds/names.ts';
import {
  type Address,
  any,
  type Bootstrap,
  type Cluster,
  type Listener,
  type Node,
} from '../xds/resources.ts';
import { PORTS } from './network/plan.ts';
import type { ProxySettings } from './resources/proxy-settings.ts';

// The Envoy v3 bootstrap of a pod's proxy: the same shape starts weft's own proxy and Envoy. Pure. What differs is how
// the control plane is reached: weft's proxy speaks TLS to it, Envoy speaks to the agent beside it on a Unix socket.
// Names and ports are Istio's, so that tools which know its proxies know these.

/** Whose proxy it is. */
export interface BootstrapSubject {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly workload: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  readonly address: string;
  readonly kind: 'sidecar' | 'gateway';
  readonly appPorts: readonly number[];
  readonly settings: ProxySettings;
  /** Source of its connections, where interception tells it by that. */
  readonly sourceAddress?: string;
  /** In place of 15000, 15021 and 15090, where the network is shared. */
  readonly ports?: { readonly admin: number; readonly health: number; readonly metrics: number };
}

/** Where configuration comes from. */
export type ControlPlaneAddress =
  | {
      readonly kind: 'tls';
      readonly address: string;
      readonly port: number;
      /** Sent as SNI and verified in the certificate. */
      readonly serverName: string;
      /** PEM of the roots. */
      readonly rootsFile: string;
    }
  | { readonly kind: 'pipe'; readonly path: string };

export interface MeshIdentity {
  /** `cluster.local` */
  readonly trustDomain: string;
  readonly meshId: string;
}

const XDS_CLUSTER = 'xds-grpc';
const ADMIN_CLUSTER = 'prometheus_stats';
const LOOPBACK = '127.0.0.1';

/** The bootstrap as an object in proto3 JSON. */
export function bootstrapOf(
  subject: BootstrapSubject,
  control: ControlPlaneAddress,
  mesh: MeshIdentity,
): Bootstrap {
  const { sourceAddress } = subject;
  const ports = subject.ports ?? { admin: PORTS.admin, health: PORTS.health, metrics: PORTS.metrics };
  // A pod's own network is for everybody in the mesh to reach; a shared one is the user's.
  const host = subject.ports === undefined ? '0.0.0.0' : LOOPBACK;
  return {
    node: nodeOf(subject, mesh, asks(subject, control)),
    admin: { address: socket(LOOPBACK, ports.admin) },
    dynamic_resources: {
      lds_config: { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' },
      cds_config: { ads: {}, resource_api_version: 'V3', initial_fetch_timeout: '0s' },
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: XDS_CLUSTER } }],
      },
    },
    static_resources: {
      clusters: [controlPlaneCluster(control), reportsCluster(control), adminCluster(ports.admin)],
      listeners: [
        // Exactly one path each: nothing else of the admin's can be reached from outside.
        forwarder('weft-metrics', host, ports.metrics, '/stats/prometheus', '/stats/prometheus'),
        forwarder('weft-health', host, ports.health, '/healthz/ready', '/ready'),
      ],
    },
    ...connectionLimit(subject.settings),
    ...(sourceAddress === undefined
      ? {}
      : {
          cluster_manager: {
            upstream_bind_config: { source_address: { address: sourceAddress, port_value: 0 } },
          },
        }),
  };
}

/** Connections of clients, over all listeners but those for probes and statistics. */
function connectionLimit({ maxConnections }: ProxySettings): Pick<Bootstrap, 'overload_manager'> {
  if (maxConnections === undefined) return {};
  const typed_config = any(
    'envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig',
    { max_active_downstream_connections: `${maxConnections}` },
  );
  return {
    overload_manager: {
      resource_monitors: [
        { name: 'envoy.resource_monitors.global_downstream_max_connections', typed_config },
      ],
    },
  };
}

/** Variables of this prefix are of the proxy's node, too, without it (Istio). */
const META = 'ISTIO_META_';

function ownMetadata({ environment = {} }: ProxySettings): Readonly<Record<string, string>> {
  const entries = Object.entries(environment).filter(([name]) => name.startsWith(META));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(META.length), value]));
}

/** A Pod's annotation: whether its sidecar holds what its workload calls (`true`), or all that it may call (`false`). */
const ON_DEMAND_ANNOTATION = 'weft.dev/on-demand';

/** How the proxy asks for what its workload calls, if it does: weft's own does unless told not to, Envoy where told to. */
function asks({ kind, annotations }: BootstrapSubject, control: ControlPlaneAddress): string | undefined {
  const wanted = annotations[ON_DEMAND_ANNOTATION];
  if (kind !== 'sidecar') return undefined;
  if (control.kind === 'tls') return wanted === 'false' ? undefined : 'true';
  return wanted === 'true' ? ON_DEMAND_ENVOY : undefined;
}

/** Istio's node: the id names type, address and pod; metadata in capitals is what the control plane reads. */
function nodeOf(subject: BootstrapSubject, mesh: MeshIdentity, onDemand: string | undefined): Node {
  const { namespace, pod, address, labels, workload } = subject;
  const domain = `${namespace}.svc.cluster.local`;
  const app = labels['app'] ?? labels['service.istio.io/canonical-name'] ?? workload;
  return {
    id: `${subject.kind === 'gateway' ? 'router' : 'sidecar'}~${address}~${pod}.${namespace}~${domain}`,
    cluster: `${app}.${namespace}`,
    metadata: {
      NAME: pod,
      NAMESPACE: namespace,
      INSTANCE_IPS: address,
      LABELS: labels,
      ANNOTATIONS: subject.annotations,
      SERVICE_ACCOUNT: subject.serviceAccount,
      WORKLOAD_NAME: workload,
      OWNER: `kubernetes://apis/apps/v1/namespaces/${namespace}/deployments/${workload}`,
      APP_CONTAINERS: '',
      CLUSTER_ID: 'Kubernetes',
      MESH_ID: mesh.meshId,
      POD_UID: subject.uid,
      POD_PORTS: JSON.stringify(
        subject.appPorts.map((containerPort) => ({ containerPort, protocol: 'TCP' })),
      ),
      INTERCEPTION_MODE: 'REDIRECT',
      DNS_CAPTURE: 'true',
      TRUST_DOMAIN: mesh.trustDomain,
      ...(onDemand === undefined ? {} : { [ON_DEMAND]: onDemand }),
      ...ownMetadata(subject.settings),
    },
  };
}

function controlPlaneCluster(control: ControlPlaneAddress): Cluster {
  const common = controlPlane(XDS_CLUSTER, control);
  if (control.kind === 'pipe') return common;
  const { rootsFile } = control;
  const trusted_ca = { filename: rootsFile };
  const context = { validation_context: { trusted_ca, ...servedBy(control) } };
  return { ...common, transport_socket: toControlPlane(control, context) };
}

/**
 * The same place, for what proxies tell it on calls of their own: who calls is proven by the certificate that the CA gave
 * the workload, or, beside an agent, by the agent.
 */
function reportsCluster(control: ControlPlaneAddress): Cluster {
  const common = controlPlane(REPORTS_CLUSTER, control);
  if (control.kind === 'pipe') return common;
  const sds_config = { ads: {}, resource_api_version: 'V3' } as const;
  const context = {
    tls_certificate_sds_secret_configs: [{ name: 'default', sds_config }],
    combined_validation_context: {
      default_validation_context: servedBy(control),
      validation_context_sds_secret_config: { name: 'ROOTCA', sds_config },
    },
  };
  return { ...common, transport_socket: toControlPlane(control, context) };
}

function controlPlane(name: string, control: ControlPlaneAddress): Cluster {
  return {
    name,
    type: 'STATIC',
    connect_timeout: '1s',
    typed_extension_protocol_options: {
      'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': any(
        'envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
        { explicit_http_config: { http2_protocol_options: {} } },
      ),
    },
    // A control plane that is gone without a word is noticed, and looked for again.
    upstream_connection_options: { tcp_keepalive: { keepalive_time: 300 } },
    load_assignment: {
      ...assignment(
        control.kind === 'pipe' ? { pipe: { path: control.path } } : socket(control.address, control.port),
      ),
      cluster_name: name,
    },
  };
}

type TlsAddress = Extract<ControlPlaneAddress, { readonly kind: 'tls' }>;

function servedBy({ serverName }: TlsAddress) {
  return { match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: serverName } }] } as const;
}

/** TLS to the control plane; `context` says who we are and whom we trust. */
function toControlPlane(
  { serverName }: TlsAddress,
  context: object,
): NonNullable<Cluster['transport_socket']> {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: any('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
      sni: serverName,
      common_tls_context: {
        alpn_protocols: ['h2'],
        tls_params: { tls_minimum_protocol_version: 'TLSv1_3', tls_maximum_protocol_version: 'TLSv1_3' },
        ...context,
      },
    }),
  };
}

function adminCluster(port: number): Cluster {
  return {
    name: ADMIN_CLUSTER,
    type: 'STATIC',
    connect_timeout: '0.250s',
    load_assignment: { ...assignment(socket(LOOPBACK, port)), cluster_name: ADMIN_CLUSTER },
  };
}

/** A listener that answers one path with one path of the admin, and 404 to everything else. */
function forwarder(name: string, host: string, port: number, path: string, adminPath: string): Listener {
  const connectionManager = any(
    'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    {
      codec_type: 'AUTO',
      stat_prefix: name,
      route_config: {
        virtual_hosts: [
          {
            name,
            domains: ['*'],
            routes: [{ match: { path }, route: { cluster: ADMIN_CLUSTER, prefix_rewrite: adminPath } }],
          },
        ],
      },
      http_filters: [
        {
          name: 'envoy.filters.http.router',
          typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}),
        },
      ],
    },
  );
  return {
    name,
    address: socket(host, port),
    ignore_global_conn_limit: true,
    filter_chains: [
      {
        filters: [{ name: 'envoy.filters.network.http_connection_manager', typed_config: connectionManager }],
      },
    ],
  };
}

function assignment(address: Address): NonNullable<Cluster['load_assignment']> {
  return { cluster_name: XDS_CLUSTER, endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] };
}

function socket(
  address: string,
  port: number,
): { readonly socket_address: { address: string; port_value: number } } {
  return { socket_address: { address, port_value: port } };
}
