import { connect as tlsConnect } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import type { Result } from '../lib/result.ts';
import type {
  Connection,
  NetError,
  TlsClientOptions,
  TlsContext,
  TlsPeer,
  TlsServerOptions,
} from './connection.ts';
import { network } from './net.ts';
import { createTestAuthority, type TestAuthority } from './test-certificates.ts';
import { classifyFirstBytes } from './tls/first-bytes.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function unwrap<T>(result: Result<T, NetError>): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

const REVIEWS = 'spiffe://cluster.local/ns/default/sa/reviews';
const RATINGS = 'spiffe://cluster.local/ns/default/sa/ratings';
const authority = createTestAuthority();
const stranger = createTestAuthority();

function contextFor(by: TestAuthority, uri: string, trust: TestAuthority = authority): TlsContext {
  const certificate = by.issue({ uris: [uri], dnsNames: ['leaf.test'] });
  return unwrap(network.createTlsContext({ certificates: [certificate], trustedCaPem: trust.rootPem }));
}

const requireGoodChain = (peer: TlsPeer): string | undefined =>
  peer.chainError === '' ? undefined : `the chain is not good: ${peer.chainError}`;

function serverOptions(context: TlsContext, changes: Partial<TlsServerOptions> = {}): TlsServerOptions {
  return {
    context,
    alpn: ['istio', 'h2'],
    requestClientCertificate: true,
    verify: requireGoodChain,
    timeoutMs: 5000,
    ...changes,
  };
}

function clientOptions(context: TlsContext, changes: Partial<TlsClientOptions> = {}): TlsClientOptions {
  return { context, sni: 'Reviews.Example', alpn: ['istio'], verify: requireGoodChain, ...changes };
}

/** A server that peeks at the first bytes, then speaks TLS; and the client's and server's results. */
async function shake(server: TlsServerOptions, client: TlsClientOptions, timeoutMs = 5000) {
  let settle: (result: Result<Connection, NetError>) => void;
  const accepted = new Promise<Result<Connection, NetError>>((resolve) => {
    settle = resolve;
  });
  const listener = unwrap(
    await network.listen({
      onConnection: (connection) =>
        connection.handle({
          onData: (peeked) => {
            expect(classifyFirstBytes(peeked)).toBe('tls');
            void network.acceptTls(connection, { ...server, peeked }).then(settle);
          },
          onEnd: () => {},
          onDrain: () => {},
          onClose: () => {},
        }),
    }),
  );
  cleanups.push(() => listener.close());
  const dialled = network.connect({ host: '127.0.0.1', port: listener.port, timeoutMs, tls: client });
  const results = { client: await dialled, server: await accepted };
  cleanups.push(() => {
    for (const result of [results.client, results.server]) if (result.ok) result.value.destroy();
  });
  return results;
}

/** All bytes until the peer's end. */
function readAll(connection: Connection): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    connection.handle({
      onData: (bytes) => {
        text += bytes.toString('latin1');
      },
      onEnd: () => resolve(text),
      onDrain: () => {},
      onClose: () => resolve(`${text}|closed`),
    });
  });
}

describe('TLS over bytes already read', () => {
  it('agrees on protocol, name and identities, and carries bytes both ways with half-close', async () => {
    const server = contextFor(authority, REVIEWS);
    const client = contextFor(authority, RATINGS);
    const results = await shake(serverOptions(server), clientOptions(client));
    const [atClient, atServer] = [unwrap(results.client), unwrap(results.server)];
    expect(atServer.tls).toMatchObject({ protocol: 'TLSv1.3', alpn: 'istio', sni: 'reviews.example' });
    expect(atServer.tls?.peer).toMatchObject({ uris: [RATINGS], dnsNames: ['leaf.test'], chainError: '' });
    expect(atClient.tls?.peer.uris).toEqual([REVIEWS]);
    expect(atClient.tls?.cipher).toBe('TLS_AES_128_GCM_SHA256');
    const big = 'x'.repeat(300_000);
    const heard = readAll(atServer);
    atClient.write('question ');
    atClient.write(big);
    atClient.end();
    expect(await heard).toBe(`question ${big}`);
    const answer = readAll(atClient);
    atServer.write('answer');
    atServer.end();
    expect(await answer).toBe('answer');
    expect([atServer.bytesRead, atClient.bytesRead, atServer.localPort]).toEqual([
      300_009,
      6,
      atClient.remotePort,
    ]);
  });

  it('goes on without a protocol when none is shared, and without a certificate where none is needed', async () => {
    const server = contextFor(authority, REVIEWS);
    const nameless = unwrap(network.createTlsContext({ certificates: [], trustedCaPem: authority.rootPem }));
    const seen: TlsPeer[] = [];
    const verify = (peer: TlsPeer): undefined => void seen.push(peer);
    const results = await shake(
      serverOptions(server, { verify }),
      clientOptions(nameless, { alpn: ['http/9'], sni: '' }),
    );
    expect(unwrap(results.server).tls).toMatchObject({ alpn: '', sni: '' });
    expect(seen).toMatchObject([{ certificate: undefined, uris: [], chainError: 'NO_CERTIFICATE' }]);
  });
});

describe('a peer that is not who it should be', () => {
  it('is refused by the server, whose application never sees it', async () => {
    const server = contextFor(authority, REVIEWS);
    const client = contextFor(stranger, RATINGS);
    const results = await shake(serverOptions(server), clientOptions(client));
    expect(results.server).toMatchObject({
      ok: false,
      error: {
        code: 'tls_peer_refused',
        side: 'downstream',
        message: expect.stringContaining('chain is not good'),
      },
    });
    // In TLS 1.3 the client is done before the server judges it: it learns by the end of the connection.
    if (results.client.ok) expect(await readAll(results.client.value)).toMatch(/^(\|closed)?$/);
  });

  it('is refused by the client: another root, an expired leaf, another identity', async () => {
    const client = clientOptions(contextFor(authority, RATINGS));
    const anyone = { verify: () => undefined };
    const foreign = await shake(serverOptions(contextFor(stranger, REVIEWS), anyone), client);
    expect(foreign.client).toMatchObject({
      ok: false,
      error: { code: 'tls_peer_refused', side: 'upstream' },
    });

    const expired = authority.issue({ uris: [REVIEWS] }, -7_200_000, -3_600_000);
    const late = unwrap(network.createTlsContext({ certificates: [expired] }));
    const old = await shake(serverOptions(late, anyone), client);
    expect(old.client).toMatchObject({ ok: false, error: { cause: 'CERT_HAS_EXPIRED', retryable: true } });

    const good = serverOptions(contextFor(authority, REVIEWS), anyone);
    const wanted = (peer: TlsPeer) => (peer.uris.includes(RATINGS) ? undefined : 'this is not ratings');
    const other = await shake(good, { ...client, verify: wanted });
    expect(other.client).toMatchObject({ ok: false, error: { message: 'this is not ratings' } });
  });

  it('is not trusted by a context without roots, not even by the public ones', async () => {
    const certificate = authority.issue({ uris: [RATINGS] });
    const rootless = unwrap(network.createTlsContext({ certificates: [certificate] }));
    const server = serverOptions(contextFor(authority, REVIEWS), { verify: () => undefined });
    const results = await shake(server, clientOptions(rootless));
    expect(results.client).toMatchObject({ ok: false, error: { code: 'tls_peer_refused' } });
  });
});

describe('a handshake that fails', () => {
  it('is an error on both sides when the versions do not meet', async () => {
    const certificate = authority.issue({ uris: [REVIEWS] });
    const old = unwrap(network.createTlsContext({ certificates: [certificate], maxVersion: 'TLSv1.2' }));
    const modern = unwrap(network.createTlsContext({ certificates: [certificate], minVersion: 'TLSv1.3' }));
    const results = await shake(serverOptions(modern), clientOptions(old));
    expect(results.server).toMatchObject({ ok: false, error: { code: 'tls_protocol', side: 'downstream' } });
    expect(results.client).toMatchObject({ ok: false, error: { code: 'tls_protocol', side: 'upstream' } });
  });

  it('is given up when the server never answers, or the client never goes on', async () => {
    const context = contextFor(authority, REVIEWS);
    const accepted: Connection[] = [];
    const listener = unwrap(
      await network.listen({ onConnection: (connection) => void accepted.push(connection) }),
    );
    cleanups.push(() => listener.close());
    const target = { host: '127.0.0.1', port: listener.port };
    const silent = await network.connect({ ...target, timeoutMs: 30, tls: clientOptions(context) });
    expect(silent).toMatchObject({ ok: false, error: { code: 'handshake_timeout', side: 'upstream' } });
    const idle = unwrap(await network.connect({ ...target, timeoutMs: 5000 }));
    cleanups.push(() => idle.destroy());
    const last = accepted.at(-1) as Connection;
    const stuck = await network.acceptTls(last, serverOptions(context, { timeoutMs: 30 }));
    expect(stuck).toMatchObject({ ok: false, error: { code: 'handshake_timeout', side: 'downstream' } });
    const again = await network.acceptTls(last, serverOptions(context));
    expect(again).toMatchObject({ ok: false, error: { code: 'connection_reset' } });
  });

  it('is an error when the client speaks something else, or leaves', async () => {
    const context = contextFor(authority, REVIEWS);
    const results: Promise<Result<Connection, NetError>>[] = [];
    let wake = (): void => {};
    const onConnection = (connection: Connection): void => {
      results.push(network.acceptTls(connection, serverOptions(context)));
      wake();
    };
    const listener = unwrap(await network.listen({ onConnection }));
    cleanups.push(() => listener.close());
    for (const words of ['GET / HTTP/1.1\r\n\r\n', '']) {
      const arrived = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const client = unwrap(
        await network.connect({ host: '127.0.0.1', port: listener.port, timeoutMs: 5000 }),
      );
      await arrived;
      client.write(words);
      client.end();
      cleanups.push(() => client.destroy());
    }
    expect(await results[0]).toMatchObject({ ok: false, error: { code: 'tls_protocol' } });
    expect(await results[1]).toMatchObject({ ok: false, error: { code: 'connection_reset' } });
  });

  it('reports records that break later as an error of the connection', async () => {
    const context = contextFor(authority, REVIEWS);
    const server = serverOptions(context, { verify: () => undefined });
    let raw: Connection | undefined;
    const listener = unwrap(
      await network.listen({
        onConnection: (connection) => {
          void network
            .connect({ host: '127.0.0.1', port: backend.port, timeoutMs: 5000 })
            .then((upstream) => {
              raw = unwrap(upstream);
              const to = raw;
              const nothing = { onEnd: () => {}, onDrain: () => {}, onClose: () => {} };
              connection.handle({ ...nothing, onData: (bytes) => void to.write(bytes) });
              to.handle({ ...nothing, onData: (bytes) => void connection.write(bytes) });
            });
        },
      }),
    );
    let settle: (result: Result<Connection, NetError>) => void = () => {};
    const accepted = new Promise<Result<Connection, NetError>>((resolve) => {
      settle = resolve;
    });
    const backend = unwrap(
      await network.listen({
        onConnection: (connection) => void network.acceptTls(connection, server).then(settle),
      }),
    );
    cleanups.push(
      () => listener.close(),
      () => backend.close(),
    );
    const target = { host: '127.0.0.1', port: listener.port, timeoutMs: 5000 };
    const client = unwrap(await network.connect({ ...target, tls: clientOptions(context) }));
    const atServer = unwrap(await accepted);
    cleanups.push(() => client.destroy());
    const closed = new Promise<NetError | undefined>((resolve) => {
      atServer.handle({ onData: () => {}, onEnd: () => {}, onDrain: () => {}, onClose: resolve });
    });
    raw?.write(Buffer.from('170303001400000000000000000000000000000000000000aa', 'hex'));
    expect(await closed).toMatchObject({ code: 'tls_protocol', side: 'downstream' });
  });
});

describe('TLS contexts', () => {
  it('refuse a key that is not the certificate’s, without telling it', async () => {
    const [one, two] = [authority.issue({}), authority.issue({})];
    const certificates = [{ chainPem: one.chainPem, privateKeyPem: two.privateKeyPem }];
    const mixed = network.createTlsContext({ certificates });
    expect(mixed).toMatchObject({ ok: false, error: { code: 'tls_configuration' } });
    expect(JSON.stringify(mixed)).not.toContain('BEGIN');
    const broken = network.createTlsContext({ certificates: [{ chainPem: 'x', privateKeyPem: 'y' }] });
    expect(broken).toMatchObject({ ok: false });
    const cipher = network.createTlsContext({ certificates: [one], ciphers: 'NO-SUCH-CIPHER' });
    expect(cipher).toMatchObject({ ok: false });
  });

  it('give out no tickets: a changed root counts for the next connection', async () => {
    const context = contextFor(authority, REVIEWS);
    const listener = unwrap(
      await network.listen({
        onConnection: (connection) =>
          void network
            .acceptTls(connection, serverOptions(context, { verify: () => undefined }))
            .then((result) => {
              const tls = unwrap(result);
              tls.handle({ onData: () => tls.end(), onEnd: () => {}, onDrain: () => {}, onClose: () => {} });
            }),
      }),
    );
    cleanups.push(() => listener.close());
    const visit = (session?: Buffer): Promise<{ reused: boolean; session: Buffer | undefined }> =>
      new Promise((resolve, reject) => {
        const target = { host: '127.0.0.1', port: listener.port, rejectUnauthorized: false };
        const socket = tlsConnect(session === undefined ? target : { ...target, session });
        let latest: Buffer | undefined;
        socket.on('session', (bytes) => {
          latest = bytes;
        });
        let reused = false;
        socket.on('error', reject).on('secureConnect', () => {
          reused = socket.isSessionReused();
          socket.write('x');
        });
        socket.on('close', () => resolve({ reused, session: latest })).resume();
      });
    const first = await visit();
    expect((await visit(first.session)).reused).toBe(false);
  });
});

describe('bytes before the handshake', () => {
  it('go out first, with the addresses of both ends at hand', async () => {
    const before = Buffer.from('PROXY UNKNOWN\r\n');
    let accepted: (result: Result<Connection, NetError>) => void = () => {};
    const server = new Promise<Result<Connection, NetError>>((resolve) => {
      accepted = resolve;
    });
    let first = Buffer.alloc(0);
    const listener = unwrap(
      await network.listen({
        onConnection: (connection) =>
          connection.handle({
            onData: (bytes) => {
              first = Buffer.concat([first, bytes]);
              if (first.length <= before.length) return;
              const options = serverOptions(contextFor(authority, REVIEWS));
              void network
                .acceptTls(connection, { ...options, peeked: first.subarray(before.length) })
                .then(accepted);
            },
            onEnd: () => {},
            onDrain: () => {},
            onClose: () => {},
          }),
      }),
    );
    cleanups.push(() => listener.close());
    const client = unwrap(
      await network.connect({
        host: '127.0.0.1',
        port: listener.port,
        timeoutMs: 5000,
        preface: (ends) => {
          expect([ends.remotePort, ends.localPort > 0]).toEqual([listener.port, true]);
          return before;
        },
        tls: clientOptions(contextFor(authority, RATINGS)),
      }),
    );
    const other = unwrap(await server);
    expect(first.subarray(0, before.length).toString()).toBe(before.toString());
    expect([client.tls?.alpn, other.tls?.peer.uris]).toEqual(['istio', [RATINGS]]);
    client.destroy();
    other.destroy();
  });
});
