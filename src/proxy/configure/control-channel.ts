/**
 * The gRPC channel to the control plane, from the bootstrap's own cluster: where it is and how TLS is done stand there,
 * so that the same file tells Envoy and this proxy the same.
 */
import type { Clock } from '../../lib/clock.ts';
import type { Result } from '../../lib/result.ts';
import type { Connection, ConnectOptions, NetError, Network } from '../../wire/connection.ts';
import type { GrpcClient } from '../../wire/grpc/client.ts';
import { createGrpcClient } from '../../wire/grpc/client.ts';
import type { Cluster } from '../../xds/resources.ts';
import type { ProxyEnvironment } from '../environment.ts';
import type { Lowered } from '../lowered.ts';
import { lowering } from '../lowered.ts';
import type { UpstreamTls } from '../upstream/upstream-tls.ts';
import type { ProxyBootstrap } from './bootstrap.ts';
import type { TlsEnvironment } from './lower-tls.ts';
import { upstreamTlsLowering } from './lower-transport-socket.ts';
import { createSecrets } from './secrets.ts';

const connectTimeoutMs = 5_000;

export interface ControlChannels {
  /** The channel to a static cluster; one for each. Throws an Error with the reasons where there can be none. */
  open(cluster: string): GrpcClient;
  close(): void;
}

/** Channels to the static clusters of a bootstrap that configuration comes from. */
export function controlChannels(
  { message }: ProxyBootstrap,
  { network, clock, readFile }: Pick<ProxyEnvironment, 'network' | 'clock' | 'readFile'>,
): ControlChannels {
  const clients = new Map<string, GrpcClient>();
  const tls: TlsEnvironment = {
    secrets: createSecrets(), // the channel's secrets stand in the bootstrap
    createContext: network.createTlsContext,
    readFile,
    nowMs: clock.nowMs,
  };
  return {
    open(name) {
      const known = clients.get(name);
      if (known !== undefined) return known;
      const cluster = message.static_resources?.clusters?.find((c) => c.name === name);
      if (cluster === undefined) throw new Error(`a source of configuration is no static cluster: '${name}'`);
      const channel = openControlChannel(cluster, network, tls, clock);
      if (!channel.ok) throw new Error(channel.refusals.map((r) => `${r.field}: ${r.message}`).join('\n'));
      clients.set(name, channel.value);
      return channel.value;
    },
    close() {
      for (const client of clients.values()) client.close();
    },
  };
}

/** A channel to the first endpoint of a static cluster. Nothing is connected yet. */
function openControlChannel(
  cluster: Cluster,
  network: Network,
  tls: TlsEnvironment,
  clock: Clock,
): Lowered<GrpcClient> {
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
    return createGrpcClient({
      clock,
      authority: upstream?.sni || target?.host || 'control-plane',
      scheme: upstream === undefined ? 'http' : 'https',
      connect: (signal) => connect(network, { ...target, timeoutMs: connectTimeoutMs, signal }, upstream),
    });
  });
}

function connect(
  network: Network,
  options: ConnectOptions,
  upstream: UpstreamTls | undefined,
): Promise<Result<Connection, NetError>> {
  const tls = upstream === undefined ? {} : { tls: { ...upstream.connectOptions(), alpn: ['h2'] } };
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
