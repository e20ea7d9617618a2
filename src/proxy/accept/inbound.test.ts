import { connect, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import {
  makeTestCa,
  makeTestLeaf,
  makeWrongLeaf,
  type TestCa,
  type TestLeaf,
  WRONG_KINDS,
} from '../../testing/certificates.ts';
import { freePort } from '../../testing/free-port.ts';
import { network } from '../../wire/net.ts';
import type { FilterChain, Listener as ListenerMessage } from '../../xds/resources.ts';
import { any } from '../../xds/resources.ts';
import type { Listener } from '../configure/listener.ts';
import { lowerListener } from '../configure/lower-listener.ts';
import type { TlsEnvironment } from '../configure/lower-tls.ts';
import { createSecrets } from '../configure/secrets.ts';
import { ListenerStats } from '../observe/envoy-stats.ts';
import type { Downstream, LowerNetworkFilters, Runtime } from '../runtime.ts';
import { AcceptCounts } from './accept-counts.ts';
import { type Acceptor, createAcceptor } from './acceptor.ts';

let ca: TestCa;
let server: TestLeaf;
let client: TestLeaf;
beforeAll(async () => {
  ca = await makeTestCa();
  server = await makeTestLeaf(ca, 'default', 'reviews');
  client = await makeTestLeaf(ca, 'default', 'productpage');
});

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A terminal filter that answers with the name of its chain and the caller's identity, then echoes. */
const echo: LowerNetworkFilters = (_filters, context) => ({
  ok: true,
  value: {
    routeNames: [],
    clusterNames: [],
    openConnections: 0,
    drain() {},
    onConnection(downstream: Downstream) {
      const { connection, tls, firstBytes } = downstream;
      connection.write(`${context.filterChain} ${tls?.peer?.uri ?? '-'}\n`);
      if (firstBytes !== undefined) connection.write(firstBytes);
      connection.handle({
        onData: (bytes) => void connection.write(bytes),
        onEnd: () => connection.end(),
        onDrain() {},
        onClose() {},
      });
    },
  },
});

const mutual = any('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
  require_client_certificate: true,
  common_tls_context: {
    alpn_protocols: ['istio'],
    tls_certificate_sds_secret_configs: [{ name: 'default', sds_config: { ads: {} } }],
    combined_validation_context: {
      default_validation_context: {
        match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { prefix: 'spiffe://cluster.local/' } }],
      },
      validation_context_sds_secret_config: { name: 'ROOTCA', sds_config: { ads: {} } },
    },
  },
});
const chains: Readonly<Record<'mutual' | 'plain', FilterChain>> = {
  mutual: {
    name: 'mutual',
    filter_chain_match: { transport_protocol: 'tls' },
    transport_socket: { name: 'envoy.transport_sockets.tls', typed_config: mutual },
    filters: [],
  },
  plain: { name: 'plain', filter_chain_match: { transport_protocol: 'raw_buffer' }, filters: [] },
};

function listenerMessage(port: number, names: readonly ('mutual' | 'plain')[]): ListenerMessage {
  return {
    name: 'virtualInbound',
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    traffic_direction: 'INBOUND',
    listener_filters: [
      {
        name: 'envoy.filters.listener.tls_inspector',
        typed_config: any('envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector', {}),
      },
    ],
    filter_chains: names.map((name) => chains[name]),
  };
}

interface Inbound {
  readonly port: number;
  readonly acceptor: Acceptor;
  readonly refused: readonly string[];
  change(names: readonly ('mutual' | 'plain')[]): Promise<void>;
}

async function inbound(names: readonly ('mutual' | 'plain')[]): Promise<Inbound> {
  const secrets = createSecrets();
  secrets.setCertificate('default', { chainPem: server.chainPem, privateKeyPem: server.keyPem });
  secrets.setValidation('ROOTCA', { trustedCaPem: ca.rootsPem });
  const tls: TlsEnvironment = {
    secrets,
    createContext: network.createTlsContext,
    readFile: () => '',
    nowMs: Date.now,
  };
  const refused: string[] = [];
  const listenerStats = new ListenerStats();
  let ids = 0;
  const acceptor = createAcceptor(
    {
      network,
      clock: systemClock,
      counts: new AcceptCounts(() => listenerStats),
      originalDestination: () => undefined,
      log: (_level, message) => refused.push(message),
      nextId: () => ++ids,
      localUri: () => 'spiffe://cluster.local/ns/default/sa/reviews',
    },
    { listen: () => Promise.reject(new Error('no DNS here')) },
  );
  cleanups.push(() => acceptor.drain());
  let current: Listener | undefined;
  const lower = (message: ListenerMessage): Listener => {
    const lowered = lowerListener(
      message,
      { runtime: {} as Runtime, tls, lowerNetworkFilters: echo },
      current,
    );
    if (!lowered.ok) throw new Error(JSON.stringify(lowered.refusals));
    current = lowered.value;
    return current;
  };
  const port = await freePort();
  const change = async (to: readonly ('mutual' | 'plain')[]): Promise<void> => {
    expect(await acceptor.apply([lower(listenerMessage(port, to))])).toEqual([]);
  };
  await change(names);
  return { port, acceptor, refused, change };
}

/** What comes back to a client that says `hello`; '' where the connection was cut. */
function talk(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += String(chunk);
      if (text.includes('hello')) socket.end();
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
    socket.write('hello');
  });
}

const plaintext = (port: number): Promise<string> => talk(connect(port, '127.0.0.1'));
const asLeaf = (port: number, leaf: TestLeaf | undefined): Promise<string> =>
  talk(
    tlsConnect({
      port,
      host: '127.0.0.1',
      ALPNProtocols: ['istio'],
      ca: ca.rootsPem,
      checkServerIdentity: () => undefined,
      ...(leaf === undefined ? {} : { cert: leaf.chainPem, key: leaf.keyPem }),
    }),
  );

describe('an inbound listener', () => {
  it('that is PERMISSIVE takes mutual TLS and plaintext, and tells who called', async () => {
    const { port } = await inbound(['mutual', 'plain']);
    expect(await asLeaf(port, client)).toBe('mutual spiffe://cluster.local/ns/default/sa/productpage\nhello');
    expect(await plaintext(port)).toBe('plain -\nhello');
  });

  it('that is STRICT refuses plaintext, TLS without a certificate, and says so in words', async () => {
    const { port, refused } = await inbound(['mutual']);
    expect(await plaintext(port)).toBe('');
    expect(await asLeaf(port, undefined)).toBe('');
    expect(await asLeaf(port, client)).toContain('sa/productpage');
    expect(refused[0]).toContain('plaintext, and no filter chain of listener virtualInbound takes that');
    expect(refused).toHaveLength(2);
  });

  it.each(WRONG_KINDS)('refuses a peer whose certificate is wrong: %s', async (kind) => {
    const { port, refused } = await inbound(['mutual']);
    const leaf = await makeWrongLeaf(ca, kind, 'default', 'productpage');
    expect(await asLeaf(port, leaf)).toBe('');
    expect(refused).toHaveLength(1);
  });

  it('that takes both lets go of a client that leaves without a word', async () => {
    const { port } = await inbound(['mutual', 'plain']);
    const silent = connect(port, '127.0.0.1');
    const answered = await new Promise<string>((resolve) => {
      let text = '';
      silent.on('data', (chunk) => (text += String(chunk)));
      silent.on('close', () => resolve(text));
      silent.end();
    });
    expect(answered).toBe('');
  });

  it('that changes leaves the connections of unchanged chains alone, and new ones follow the change', async () => {
    const { port, change } = await inbound(['mutual', 'plain']);
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => (text += String(chunk)));
    socket.write('one');
    await expect.poll(() => text).toBe('plain -\none');
    await change(['mutual']);
    expect(await plaintext(port)).toBe('');
    socket.write('two');
    await expect.poll(() => text).toBe('plain -\nonetwo');
    socket.destroy();
  });
});
