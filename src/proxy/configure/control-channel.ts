/**
 * The gRPC channel to the control plane, from the bootstrap's own cluster: where it is and how TLS is done stand there,
 * so that the same file tells Envoy and this proxy the same.
 */
import type { Result } from '../../lib/result.ts';
import type {
  Connection,
  ConnectOptions,
  NetError,
  Network,
  TlsContextOptions,
} from '../../wire/connection.ts';
import type { GrpcClient } from '../../wire/grpc/client.ts';
import { createGrpcClient } from '../../wire/grpc/client.ts';
import { postHttp1 } from '../../wire/http1/post.ts';
import type { Cluster } from '../../xds/resources.ts';
import type { UpstreamTlsContext } from '../../xds/tls-types.ts';
import type { ProxyEnvironment } from '../environment.ts';
import type { Lowered } from '../lowered.ts';
import { lowering } from '../lowered.ts';
import type { UpstreamTls } from '../upstream/upstream-tls.ts';
import type { ProxyBootstrap } from './bootstrap.ts';
import type { TlsEnvironment } from './lower-tls.ts';
import { upstreamTlsLowering } from './lower-transport-socket.ts';
import { createSecrets } from './secrets.ts';

const connectTimeoutMs = 5_000;
/** A longer answer of a REST server is refused. */
const maxAnswerBytes = 64 * 1024 * 1024;

export interface ControlChannels {
  /** The channel to a static cluster; one for each. Throws an Error with the reasons where there can be none. */
  open(cluster: string): GrpcClient;
  /** A channel of its own, whose connections show the proxy's certificate as it is when they are made. */
  openProving(cluster: string): GrpcClient;
  /** Posts a JSON text to a static cluster; the answer's body, '' where there is nothing new. Rejects with a sentence. */
  post(cluster: string, path: string, body: string, timeoutMs: number): Promise<string>;
  close(): void;
}

type CertificateWithKey = TlsContextOptions['certificates'][number];

/** Channels to the static clusters of a bootstrap that configuration comes from. */
export function controlChannels(
  { message }: ProxyBootstrap,
  { network, clock, readFile }: Pick<ProxyEnvironment, 'network' | 'clock' | 'readFile'>,
  meshRoots: () => string | undefined = () => undefined,
  ownCertificate: () => CertificateWithKey | undefined = () => undefined,
): ControlChannels {
  const clients = new Map<string, GrpcClient>();
  const tls = (
    rootsFile: string | undefined,
    certificates: readonly CertificateWithKey[],
  ): TlsEnvironment => ({
    secrets: createSecrets(), // the channel's secrets stand in the bootstrap
    createContext: (options) =>
      network.createTlsContext(certificates.length === 0 ? options : { ...options, certificates }),
    readFile: (path) =>
      path === rootsFile && path !== undefined ? `${readFile(path)}\n${meshRoots() ?? ''}` : readFile(path),
    nowMs: clock.nowMs,
  });
  const reach = (name: string, certificates: readonly CertificateWithKey[] = []): Reached => {
    const cluster = message.static_resources?.clusters?.find((c) => c.name === name);
    if (cluster === undefined) throw new Error(`a source of configuration is no static cluster: '${name}'`);
    const reached = reachCluster(cluster, network, tls(rootsFileOf(cluster), certificates));
    if (!reached.ok) throw new Error(reached.refusals.map((r) => `${r.field}: ${r.message}`).join('\n'));
    return reached.value;
  };
  /** As it is now: the files that TLS is made from may have been replaced. What worked is used where that fails. */
  const reachAgain = (
    name: string,
    before: Reached,
    certificates: readonly CertificateWithKey[],
  ): Reached => {
    try {
      return reach(name, certificates);
    } catch {
      return before;
    }
  };
  const make = (name: string, certificates: () => readonly CertificateWithKey[]): GrpcClient => {
    const first = reach(name);
    const { authority, scheme } = first;
    const connect = (signal: AbortSignal) => reachAgain(name, first, certificates()).connect(signal, 'h2');
    return createGrpcClient({ clock, authority, scheme, connect });
  };
  return {
    open(name) {
      const known = clients.get(name);
      if (known !== undefined) return known;
      const client = make(name, () => []);
      clients.set(name, client);
      return client;
    },
    openProving: (name) =>
      make(name, () => {
        const own = ownCertificate();
        return own === undefined ? [] : [own];
      }),
    async post(name, path, body, timeoutMs) {
      const { authority, connect } = reach(name);
      const order = { authority, path, body, timeoutMs, maxBytes: maxAnswerBytes, clock };
      const answer = await postHttp1({ ...order, connect: (signal) => connect(signal, 'http/1.1') });
      if (answer.status === 304) return '';
      if (answer.status !== 200) throw new Error(`answered with status ${answer.status}`);
      return answer.body;
    },
    close() {
      for (const client of clients.values()) client.close();
    },
  };
}

/**
 * The file with the roots that the control plane is verified with. It was given once; the roots that the control plane
 * itself has delivered since are as good, and stay so when the ones of the file are withdrawn.
 */
function rootsFileOf({ transport_socket: socket }: Cluster): string | undefined {
  const tls = socket?.typed_config as UpstreamTlsContext | undefined;
  return tls?.common_tls_context?.validation_context?.trusted_ca?.filename;
}

/** How a static cluster is reached. */
interface Reached {
  readonly authority: string;
  readonly scheme: 'http' | 'https';
  connect(signal: AbortSignal, alpn: string): Promise<Result<Connection, NetError>>;
}

/** The first endpoint of a static cluster. Nothing is connected yet. */
function reachCluster(cluster: Cluster, network: Network, tls: TlsEnvironment): Lowered<Reached> {
  return lowering((refuse) => {
    const address = cluster.load_assignment?.endpoints?.[0]?.lb_endpoints?.[0]?.endpoint?.address;
    const target = targetOf(address);
    if (target === undefined) refuse(`clusters[${cluster.name}].load_assignment`, 'names no endpoint');
    const secured =
      cluster.transport_socket === undefined
        ? undefined
        : upstreamTlsLowering(tls)(cluster.transport_socket, `clusters[${cluster.name}].transport_socket`);
    if (secured?.ok === false) for (const r of secured.refusals) refuse(r.field, r.message);
    const upstream = secured?.ok === true ? secured.value : undefined;
    return {
      authority: upstream?.sni || target?.host || 'control-plane',
      scheme: upstream === undefined ? 'http' : 'https',
      connect: (signal, alpn) =>
        connect(network, { ...target, timeoutMs: connectTimeoutMs, signal }, upstream, alpn),
    };
  });
}

function connect(
  network: Network,
  options: ConnectOptions,
  upstream: UpstreamTls | undefined,
  alpn: string,
): Promise<Result<Connection, NetError>> {
  const tls = upstream === undefined ? {} : { tls: { ...upstream.connectOptions(), alpn: [alpn] } };
  return network.connect({ ...options, ...tls });
}

type SocketOrPipe =
  | {
      readonly pipe?: { readonly path?: string };
      readonly socket_address?: { readonly address?: string; readonly port_value?: number };
    }
  | undefined;

function targetOf(address: SocketOrPipe): { host?: string; port?: number; path?: string } | undefined {
  if (address?.pipe?.path !== undefined) return { path: address.pipe.path };
  const socket = address?.socket_address;
  return socket?.address === undefined ? undefined : { host: socket.address, port: socket.port_value ?? 0 };
}
