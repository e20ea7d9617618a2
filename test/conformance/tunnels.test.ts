/**
 * TCP in CONNECT over HTTP/2 with mutual TLS, as Istio's HBONE has it: weft and Envoy at either end, in all four pairs.
 * Both are started from the same bootstraps.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTestCa, makeTestLeaf } from '../../src/testing/certificates.ts';
import { any } from '../../src/xds/resources.ts';
import { type Pair, startPair } from '../differential/harness.ts';
import { address } from '../differential/http-bootstrap.ts';

const authority = await makeTestCa();

async function certificate(name: string): Promise<object> {
  const uris = [`spiffe://cluster.local/ns/default/sa/${name}`];
  const leaf = await makeTestLeaf(authority, 'default', name, { uris, dnsNames: ['peer.test'] });
  const shown = {
    certificate_chain: { inline_string: leaf.chainPem },
    private_key: { inline_string: leaf.keyPem },
  };
  return {
    tls_certificates: [shown],
    validation_context: { trusted_ca: { inline_string: authority.rootsPem } },
    alpn_protocols: ['h2'],
  };
}
const [CLIENT, SERVER] = await Promise.all([certificate('client'), certificate('server')]);
const TLS = 'envoy.extensions.transport_sockets.tls.v3';

const cluster = (name: string, port: number, more: object = {}) => ({
  name,
  connect_timeout: '5s',
  load_assignment: {
    cluster_name: name,
    endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
  },
  ...more,
});

interface Ports {
  readonly admin: number;
  readonly listeners: readonly number[];
}

/** The end that takes CONNECT: TLS with a client certificate, HTTP/2, and TCP behind it. */
function terminating(echoPort: number) {
  const route = {
    match: { connect_matcher: {} },
    route: { cluster: 'echo', upgrade_configs: [{ upgrade_type: 'CONNECT', connect_config: {} }] },
  };
  const manager = any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'connect',
    codec_type: 'HTTP2',
    http2_protocol_options: { allow_connect: true },
    upgrade_configs: [{ upgrade_type: 'CONNECT' }],
    route_config: { virtual_hosts: [{ name: 'all', domains: ['*'], routes: [route] }] },
    http_filters: [
      { name: 'router', typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}) },
    ],
  });
  const transport_socket = {
    name: 'envoy.transport_sockets.tls',
    typed_config: any(`${TLS}.DownstreamTlsContext`, {
      require_client_certificate: true,
      common_tls_context: SERVER,
    }),
  };
  return ({ admin, listeners }: Ports) => ({
    node: { id: 'terminating', cluster: 'test' },
    admin: { address: address(admin) },
    static_resources: {
      listeners: listeners.map((port, i) => ({
        name: `connect-${i}`,
        address: address(port),
        filter_chains: [{ transport_socket, filters: [{ name: 'http', typed_config: manager }] }],
      })),
      clusters: [cluster('echo', echoPort)],
    },
  });
}

/** The end that sends: a listener for each of the ends that take CONNECT. */
function sending(peers: readonly number[]) {
  const options = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
  const more = {
    transport_socket: {
      name: 'envoy.transport_sockets.tls',
      typed_config: any(`${TLS}.UpstreamTlsContext`, {
        common_tls_context: CLIENT,
        sni: 'peer.test',
      }),
    },
    typed_extension_protocol_options: {
      [options]: any(options, { explicit_http_config: { http2_protocol_options: {} } }),
    },
  };
  const proxyTo = (name: string) =>
    any('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
      stat_prefix: 'tcp',
      cluster: name,
      tunneling_config: { hostname: '10.0.0.1:5432' },
    });
  return ({ admin, listeners }: Ports) => ({
    node: { id: 'sending', cluster: 'test' },
    admin: { address: address(admin) },
    static_resources: {
      listeners: listeners.map((port, i) => ({
        name: `tcp-${i}`,
        address: address(port),
        filter_chains: [{ filters: [{ name: 'tcp', typed_config: proxyTo(`peer-${i}`) }] }],
      })),
      clusters: peers.map((port, i) => cluster(`peer-${i}`, port, more)),
    },
  });
}

const closers: (() => void)[] = [];
let takers: Pair | undefined;
let senders: Pair | undefined;

/** Sends back what it gets, and after its end how much it was; `die` ends it by a reset. */
async function startEcho(): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let bytes = 0;
    socket.on('error', () => {});
    socket.on('data', (part: Buffer) => {
      bytes += part.length;
      if (part.toString('latin1', 0, 4) === 'die!') socket.resetAndDestroy();
      else if (!socket.write(part)) {
        socket.pause();
        socket.once('drain', () => socket.resume());
      }
    });
    socket.on('end', () => socket.end(`|${bytes}`));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  takers = await startPair(terminating(await startEcho()));
  if (takers === undefined) return;
  const peers = [takers.envoy, takers.weft].map(({ ports }) => ports.listeners[0] as number);
  senders = await startPair(sending(peers), 2);
});

afterAll(async () => {
  await senders?.stop();
  await takers?.stop();
  for (const close of closers) close();
});

/** Everything that comes back until the other side ends, and how it ended. */
function talk(
  port: number,
  send: (socket: Socket) => void,
): Promise<{ readonly bytes: Buffer; readonly cut: boolean }> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const parts: Buffer[] = [];
    const end = (cut: boolean): void => {
      resolve({ bytes: Buffer.concat(parts), cut });
      socket.destroy();
    };
    socket.on('data', (part: Buffer) => parts.push(part));
    socket.on('end', () => end(false));
    socket.on('error', () => end(true));
    send(socket);
  });
}

const ENDS = ['envoy', 'weft'] as const;
const PAIRS = ENDS.flatMap((from) => ENDS.map((to) => [from, to] as const));

describe.each(PAIRS)('a tunnel from %s to %s', (from, to) => {
  const portOf = (): number | undefined => senders?.[from].ports.listeners[ENDS.indexOf(to)];

  it('carries bytes both ways, and each half ends by itself', async ({ skip }) => {
    const port = portOf();
    if (port === undefined) return skip('there is no Envoy');
    const small = await talk(port, (socket) => socket.end('hello'));
    expect([small.bytes.toString(), small.cut]).toEqual(['hello|5', false]);
    const large = Buffer.alloc(32 * 1024 * 1024, 'tunnel');
    const { bytes } = await talk(port, (socket) => socket.end(large));
    expect(bytes.subarray(0, large.length).equals(large)).toBe(true);
    expect(bytes.subarray(large.length).toString()).toBe(`|${large.length}`);
  });

  it('does not hide that the far end was cut', async ({ skip }) => {
    const port = portOf();
    if (port === undefined) return skip('there is no Envoy');
    const { bytes } = await talk(port, (socket) => socket.write('die!'));
    expect(bytes.toString()).not.toMatch(/\|/);
  });

  it('carries many at once', async ({ skip }) => {
    const port = portOf();
    if (port === undefined) return skip('there is no Envoy');
    const texts = Array.from({ length: 50 }, (_, i) => `tunnel ${i}`);
    const heard = await Promise.all(texts.map((text) => talk(port, (socket) => socket.end(text))));
    expect(heard.map(({ bytes }) => bytes.toString())).toEqual(texts.map((text) => `${text}|${text.length}`));
  });
});
