import { ServerCredentials } from '@grpc/grpc-js';
import { expect, it } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import type { VerifyPeer } from '../connection.ts';
import { network } from '../net.ts';
import { createTestAuthority } from '../test-certificates.ts';
import { createGrpcClient } from './client.ts';
import { GRPC_CODE } from './status.ts';
import { PATHS, startTestServer } from './test-server.ts';

const authority = createTestAuthority();

async function startTlsServer() {
  const leaf = authority.issue({ uris: ['spiffe://cluster.local/ns/istio-system/sa/weft'] });
  const pair = { cert_chain: Buffer.from(leaf.chainPem), private_key: Buffer.from(leaf.privateKeyPem) };
  return startTestServer(ServerCredentials.createSsl(null, [pair]));
}

function tlsClientOf(port: number, verify: VerifyPeer) {
  const context = network.createTlsContext({ certificates: [], trustedCaPem: authority.rootPem });
  if (!context.ok) throw new Error(context.error.message);
  const tls = { context: context.value, sni: 'weft', alpn: ['h2'], verify };
  return createGrpcClient({
    connect: (signal) => network.connect({ host: '127.0.0.1', port, timeoutMs: 5000, signal, tls }),
    authority: 'weft',
    scheme: 'https',
    clock: systemClock,
  });
}

it('calls over TLS with ALPN h2, and knows whom', async () => {
  const peer = await startTlsServer();
  let uris: readonly string[] = [];
  const client = tlsClientOf(peer.port, (shown) => {
    uris = shown.uris;
    return shown.chainError === '' ? undefined : shown.chainError;
  });
  const message = Buffer.alloc(1_000_000, 'tls');
  const result = await client.unary(PATHS.echo, message);
  expect(result.ok && message.equals(Buffer.from(result.message))).toBe(true);
  expect(uris).toEqual(['spiffe://cluster.local/ns/istio-system/sa/weft']);
  client.close();
  peer.server.forceShutdown();
});

it('ends with UNAVAILABLE and the reason when the server is not to be trusted', async () => {
  const peer = await startTlsServer();
  const client = tlsClientOf(peer.port, () => 'this is somebody else');
  const result = await client.unary(PATHS.echo, Buffer.from('secret'));
  expect(result.ok ? undefined : result.error.code).toBe(GRPC_CODE.UNAVAILABLE);
  expect(result.ok ? '' : result.error.message).toContain('somebody else');
  expect(peer.observed.metadata).toEqual([]);
  client.close();
  peer.server.forceShutdown();
});
