import type { AddressInfo } from 'node:net';
import { connect, createServer, type Server, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  makeTestCa,
  makeTestLeaf,
  makeWrongLeaf,
  type TestCa,
  type TestLeaf,
  WRONG_KINDS,
} from '../../testing/certificates.ts';
import { type PeerVerdict, verifyLeaf } from './verify-leaf.ts';

// Both ends judge the other as the proxy does: OpenSSL the chain, verifyLeaf the rest.

let ca: TestCa;
let good: TestLeaf;
const servers: Server[] = [];

beforeAll(async () => {
  ca = await makeTestCa('cluster.local', { intermediate: true });
  good = await makeTestLeaf(ca, 'default', 'reviews');
});

afterAll(() => {
  for (const server of servers) server.close();
});

describe('a mutual TLS handshake', () => {
  it('tells both ends who the other is', async () => {
    const { client, server } = await handshake(good, await makeTestLeaf(ca, 'default', 'ratings'));
    expect(client).toMatchObject({ ok: true, id: { path: '/ns/default/sa/ratings' } });
    expect(server).toMatchObject({ ok: true, id: { path: '/ns/default/sa/reviews' } });
  });

  it.each(WRONG_KINDS)('is refused by the server when the client shows: %s', async (kind) => {
    const wrong = await makeWrongLeaf(ca, kind, 'default', 'reviews');
    expect((await handshake(wrong, good)).server).toMatchObject({ ok: false });
  });

  it.each(WRONG_KINDS)('is refused by the client when the server shows: %s', async (kind) => {
    const wrong = await makeWrongLeaf(ca, kind, 'default', 'reviews');
    expect((await handshake(good, wrong)).client).toMatchObject({ ok: false });
  });

  it('is refused by the server when the client shows nothing', async () => {
    expect((await handshake(undefined, good)).server).toMatchObject({ ok: false, code: 'no_certificate' });
  });
});

async function handshake(
  client: TestLeaf | undefined,
  server: TestLeaf,
): Promise<{ client: PeerVerdict; server: PeerVerdict }> {
  const shared = { ca: ca.rootsPem, rejectUnauthorized: false, minVersion: 'TLSv1.3' } as const;
  const listener = createServer({ ...shared, requestCert: true, key: server.keyPem, cert: server.chainPem });
  servers.push(listener);
  const atServer = new Promise<PeerVerdict>((resolve, reject) => {
    listener.on('secureConnection', (socket) => {
      socket.on('error', () => {}); // the client hangs up
      resolve(judge(socket, 'client'));
    });
    listener.on('tlsClientError', reject);
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  const own = client === undefined ? {} : { key: client.keyPem, cert: client.chainPem };
  const socket = connect({
    ...shared,
    ...own,
    host: '127.0.0.1',
    port,
    checkServerIdentity: () => undefined,
  });
  const atClient = new Promise<PeerVerdict>((resolve, reject) => {
    socket.on('secureConnect', () => resolve(judge(socket, 'server')));
    socket.on('error', reject);
  });
  try {
    return { client: await atClient, server: await atServer };
  } finally {
    socket.destroy();
  }
}

function judge(socket: TLSSocket, usage: 'client' | 'server'): PeerVerdict {
  const leaf = socket.getPeerX509Certificate();
  if (leaf === undefined) return { ok: false, code: 'no_certificate', reason: 'none' };
  if (!socket.authorized) return { ok: false, code: 'untrusted', reason: String(socket.authorizationError) };
  return verifyLeaf(leaf.raw, { trustDomains: ['cluster.local'], usage, nowMs: Date.now() });
}
