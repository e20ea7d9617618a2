import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type TLSSocket, connect as tlsConnect } from 'node:tls';
import { any } from '../xds/resources.ts';
import type { DownstreamTlsContext } from '../xds/tls-types.ts';
import { startTestDataPlane } from './test-data-plane.ts';

// A data plane for tests that proxies TCP, with TLS on either side, and clients of it.

const TLS = 'envoy.extensions.transport_sockets.tls.v3';

export interface ShownLeaf {
  readonly chainPem: string;
  readonly keyPem: string;
}

const cleanups: (() => unknown)[] = [];
/** Ends whatever was started since the last call; for afterEach. */
export async function closePlanes(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

/** A port that answers `hello` and ends. */
export async function greeter(): Promise<number> {
  const upstream = createServer((socket: Socket) => void socket.on('error', () => {}).end('hello'));
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => upstream.close());
  return (upstream.address() as AddressInfo).port;
}

/** A DataSource. */
export const pem = (text: string) => ({ inline_string: text });
/** A certificate of one's own, as tls_certificates. */
export const shows = ({ chainPem, keyPem }: ShownLeaf) => [
  { certificate_chain: pem(chainPem), private_key: pem(keyPem) },
];

export interface PlaneOptions {
  readonly down?: DownstreamTlsContext;
  readonly up?: object;
  readonly ticketSeed?: string;
  /** Fields of the bootstrap. */
  readonly bootstrap?: object;
}

async function unusedPort(): Promise<number> {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const { port } = taken.address() as AddressInfo;
  await new Promise((resolve) => taken.close(resolve));
  return port;
}

/** A proxy of TCP to `to`. */
export async function proxyTo(to: number, { down, up, ticketSeed = 'seed', bootstrap: more }: PlaneOptions) {
  const port = await unusedPort();
  const address = (port_value: number) => ({ socket_address: { address: '127.0.0.1', port_value } });
  const socket = (kind: string, context: object) => ({
    transport_socket: { name: 'tls', typed_config: any(`${TLS}.${kind}`, context) },
  });
  const tcp = any('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
    stat_prefix: 'tcp',
    cluster: 'next',
  });
  const plane = await startTestDataPlane(
    {
      ...more,
      static_resources: {
        listeners: [
          {
            name: 'in',
            address: address(port),
            filter_chains: [
              {
                filters: [{ name: 'tcp', typed_config: tcp }],
                ...(down === undefined ? {} : socket('DownstreamTlsContext', down)),
              },
            ],
          },
        ],
        clusters: [
          {
            name: 'next',
            load_assignment: {
              cluster_name: 'next',
              endpoints: [{ lb_endpoints: [{ endpoint: { address: address(to) } }] }],
            },
            ...(up === undefined ? {} : socket('UpstreamTlsContext', up)),
          },
        ],
      },
    },
    ticketSeed,
  );
  cleanups.push(() => plane.stop());
  return { port, stat: plane.stat };
}

export interface Call {
  /** '' where the connection was cut. */
  readonly heard: string;
  readonly resumed: boolean;
  /** The last ticket that came. */
  readonly ticket: Buffer | undefined;
}

/** One connection of a client that goes on with `ticket`. */
export function call(
  port: number,
  version: 'TLSv1.2' | 'TLSv1.3',
  leaf: ShownLeaf,
  ticket?: Buffer,
): Promise<Call> {
  return new Promise((resolve) => {
    let heard = '';
    let resumed = false;
    let last: Buffer | undefined;
    const socket: TLSSocket = tlsConnect({
      ...{ port, host: '127.0.0.1', minVersion: version, maxVersion: version },
      ...{ cert: leaf.chainPem, key: leaf.keyPem, rejectUnauthorized: false },
      ...(ticket === undefined ? {} : { session: ticket }),
    });
    socket.on('secureConnect', () => (resumed = socket.isSessionReused()));
    socket.on('session', (fresh: Buffer) => (last = fresh));
    socket.on('data', (data) => (heard += String(data)));
    socket.on('error', () => {});
    socket.on('close', () => resolve({ heard, resumed, ticket: last }));
  });
}
