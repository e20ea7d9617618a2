import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { Client, credentials, Metadata, type ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../lib/clock.ts';
import { openssl, opensslMissing, temporaryFolder } from '../testing/openssl.ts';
import { GRPC_CODE } from '../wire/grpc/status.ts';
import {
  CREATE_CERTIFICATE_PATH,
  decodeCertificateResponse,
  encodeCertificateRequest,
} from '../wire/identity/certificate-messages.ts';
import { makeKeyAndRequest } from '../wire/identity/csr.ts';
import { type RunningCa, runCa } from './main.ts';
import { openTokenIssuer, type TokenIssuer } from './token-issuer.ts';

// The CA over real sockets: what a proxy or Istio's agent meets.

const ID = 'spiffe://cluster.local/ns/default/sa/reviews';
const folder = temporaryFolder();
const log: string[] = [];
let tokens: TokenIssuer;
let ca: RunningCa;

beforeAll(async () => {
  tokens = await openTokenIssuer(join(folder.path, 'tokens'), Date.now);
  writeFileSync(join(folder.path, 'jwks.json'), tokens.jwks);
  ca = await runCa({
    trustDomain: 'cluster.local',
    keyDir: join(folder.path, 'ca'),
    tokenJwksFile: join(folder.path, 'jwks.json'),
    rootsFile: join(folder.path, 'roots.pem'),
    host: '127.0.0.1',
    port: 0,
    clock: systemClock,
    random: Math.random,
    log: (line) => log.push(line),
  });
});

afterAll(async () => {
  await ca.close();
  folder[Symbol.dispose]();
});

describe('the CA on its port', () => {
  it('issues for a token, and renews for the certificate it issued', async () => {
    const first = makeKeyAndRequest(ID);
    const chain = await create(first.csrPem, { token: await makeToken() });
    expect(chain.at(-1)).toBe(ca.rootsPem);
    const second = makeKeyAndRequest(ID);
    const own = { keyPem: first.privateKeyPem, chainPem: chain.slice(0, -1).join('') };
    const renewed = await create(second.csrPem, { own });
    expect(renewed[0]).not.toBe(chain[0]);
    expect(renewed.at(-1)).toBe(ca.rootsPem);
  });

  it('refuses the renewal of another identity, a stranger certificate, and nobody', async () => {
    const first = makeKeyAndRequest(ID);
    const chain = await create(first.csrPem, { token: await makeToken() });
    const own = { keyPem: first.privateKeyPem, chainPem: chain.slice(0, -1).join('') };
    const other = makeKeyAndRequest('spiffe://cluster.local/ns/default/sa/ratings');
    await expect(create(other.csrPem, { own })).rejects.toMatchObject({
      code: GRPC_CODE.PERMISSION_DENIED,
    });
    await expect(create(first.csrPem, {})).rejects.toMatchObject({ code: GRPC_CODE.UNAUTHENTICATED });
    const stranger = await otherCa(async () => create(first.csrPem, { own }));
    expect(stranger).toMatchObject({ code: GRPC_CODE.UNAUTHENTICATED });
  });

  it('speaks TLS 1.3 and nothing older', async () => {
    expect(await handshake({ minVersion: 'TLSv1.3' })).toBe('TLSv1.3');
    expect(await handshake({ maxVersion: 'TLSv1.2' })).toMatch(/protocol|alert/i);
  });

  it('is verified by openssl under the names of a control plane', async ({ skip }) => {
    skip(opensslMissing !== undefined, opensslMissing);
    writeFileSync(join(folder.path, 'leaf.pem'), await servingCertificate());
    for (const host of ['istiod.istio-system.svc', 'weft', 'localhost']) {
      expect(verifyServing(['-verify_hostname', host]), host).toBe(true);
    }
    expect(verifyServing(['-verify_ip', '127.0.0.1'])).toBe(true);
    expect(verifyServing(['-verify_hostname', 'example.org'])).toBe(false);
    expect(verifyServing(['-purpose', 'sslclient'])).toBe(false);
  });

  it('follows the file with the keys for tokens', async () => {
    const next = await openTokenIssuer(join(folder.path, 'next'), Date.now);
    const token = await makeToken(next);
    const { csrPem } = makeKeyAndRequest(ID);
    await expect(create(csrPem, { token })).rejects.toMatchObject({ code: GRPC_CODE.UNAUTHENTICATED });
    const keys = [tokens, next].flatMap((issuer) => JSON.parse(issuer.jwks).keys);
    writeFileSync(join(folder.path, 'jwks.json'), JSON.stringify({ keys }));
    expect(await create(csrPem, { token })).toHaveLength(2);
  });

  it('writes one audit line for each answer, without secrets', async () => {
    log.length = 0;
    const token = await makeToken();
    await create(makeKeyAndRequest(ID).csrPem, { token });
    expect(log.map((line) => JSON.parse(line))).toMatchObject([
      { event: 'certificate_issued', client: '127.0.0.1', spiffeId: ID, by: 'token', pod: 'reviews-1' },
    ]);
    expect(log.join()).not.toContain(token.split('.')[2]);
  });

  it('leaves the roots in a file, and says when its port is taken', async () => {
    expect(readFileSync(join(folder.path, 'roots.pem'), 'utf8')).toBe(ca.rootsPem);
    const again = {
      trustDomain: 'cluster.local',
      keyDir: join(folder.path, 'ca'),
      host: '127.0.0.1',
      port: ca.port,
    };
    const common = { clock: systemClock, random: Math.random, log: () => {} };
    await expect(runCa({ ...again, ...common })).rejects.toThrow();
  });
});

interface CallOptions {
  readonly token?: string;
  readonly own?: { readonly keyPem: string; readonly chainPem: string };
}

/** Calls CreateCertificate as any gRPC client would; rejects with grpc-js' ServiceError. */
async function create(csr: string, options: CallOptions): Promise<readonly string[]> {
  const { own } = options;
  const tls = credentials.createSsl(
    Buffer.from(ca.rootsPem),
    own === undefined ? null : Buffer.from(own.keyPem),
    own === undefined ? null : Buffer.from(own.chainPem),
  );
  const client = new Client(`127.0.0.1:${ca.port}`, tls, { 'grpc.use_local_subchannel_pool': 1 });
  const metadata = new Metadata();
  if (options.token !== undefined) metadata.add('authorization', `Bearer ${options.token}`);
  const request = Buffer.from(encodeCertificateRequest({ csr, validityDurationS: 3600 }));
  try {
    return await new Promise((resolve, reject) => {
      const done = (error: ServiceError | null, chain?: readonly string[]) =>
        error === null ? resolve(chain ?? []) : reject(error);
      const read = (bytes: Buffer) => decodeCertificateResponse(bytes).certChain;
      const deadline = Date.now() + 10_000;
      client.makeUnaryRequest(
        CREATE_CERTIFICATE_PATH,
        (bytes: Buffer) => bytes,
        read,
        request,
        metadata,
        { deadline },
        done,
      );
    });
  } finally {
    client.close();
  }
}

/** Points `ca` to a second CA of the same trust domain for one call; gives its error. */
async function otherCa(act: () => Promise<unknown>): Promise<unknown> {
  const before = ca;
  const options = {
    trustDomain: 'cluster.local',
    keyDir: join(folder.path, 'other'),
    host: '127.0.0.1',
    port: 0,
  };
  ca = await runCa({ ...options, clock: systemClock, random: Math.random, log: () => {} });
  try {
    return await act().catch((error: unknown) => error);
  } finally {
    await ca.close();
    ca = before;
  }
}

function makeToken(issuer = tokens): Promise<string> {
  const order = { namespace: 'default', serviceAccount: 'reviews', pod: 'reviews-1', audience: 'istio-ca' };
  return issuer.issueToken({ ...order, ttlSeconds: 600 });
}

/** The agreed version, or the error's text. */
function handshake(versions: { minVersion?: 'TLSv1.3'; maxVersion?: 'TLSv1.2' }): Promise<string> {
  return new Promise((resolve) => {
    const options = {
      host: '127.0.0.1',
      servername: 'localhost',
      port: ca.port,
      ca: ca.rootsPem,
      ALPNProtocols: ['h2'],
      ...versions,
    };
    const socket = connect(options, () => {
      resolve(socket.getProtocol() ?? '');
      socket.destroy();
    });
    socket.on('error', (error) => resolve(String(error)));
  });
}

function servingCertificate(): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      host: '127.0.0.1',
      servername: 'localhost',
      port: ca.port,
      ca: ca.rootsPem,
      ALPNProtocols: ['h2'],
    };
    const socket = connect(options, () => {
      resolve(socket.getPeerX509Certificate()?.toString() ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

function verifyServing(args: readonly string[]): boolean {
  const roots = ['-x509_strict', '-CAfile', 'roots.pem'];
  return openssl(['verify', ...roots, ...args, 'leaf.pem'], { cwd: folder.path }).ok;
}
