import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, type TLSSocket, connect as tlsConnect } from 'node:tls';
import fc from 'fast-check';
import koffi from 'koffi';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Result } from '../../lib/result.ts';
import type { Connection, NetError, TlsContextOptions } from '../connection.ts';
import { network } from '../net.ts';
import { createTestAuthority } from '../test-certificates.ts';
import { openSslProblem, withSsl } from './openssl.ts';
import { livingRecords } from './tls-records.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await vi.waitFor(() => expect(livingRecords()).toBe(0), { timeout: 10_000 });
});

function unwrap<T>(result: Result<T, NetError>): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

const leaf = createTestAuthority().issue({ dnsNames: ['leaf.test'] });
const contextOf = (changes: Partial<TlsContextOptions> = {}) =>
  unwrap(network.createTlsContext({ certificates: [leaf], ...changes }));

/** What a connection has brought so far. */
class Heard {
  bytes: Buffer = Buffer.alloc(0);
  ended = false;
  closed = false;
  drained = 0;
  error: NetError | undefined;
  constructor(connection: Connection, onData: (bytes: Buffer) => void = () => {}) {
    connection.handle({
      onData: (bytes) => {
        this.bytes = Buffer.concat([this.bytes, bytes]);
        onData(bytes);
      },
      onEnd: () => {
        this.ended = true;
      },
      onDrain: () => {
        this.drained++;
      },
      onClose: (error) => {
        this.closed = true;
        this.error = error;
      },
    });
  }
  has(length: number): Promise<void> {
    return vi.waitFor(() => expect(this.bytes.length).toBe(length), { timeout: 10_000, interval: 5 });
  }
}
const until = (condition: () => boolean): Promise<void> =>
  vi.waitFor(() => expect(condition()).toBe(true), { timeout: 10_000, interval: 5 });

/** A TLS server of ours; `accepted` is its first connection. */
async function serve(changes: Partial<TlsContextOptions> = {}, path?: string) {
  const context = contextOf(changes);
  const accepted = Promise.withResolvers<Connection>();
  const listener = unwrap(
    await network.listen({
      ...(path === undefined ? {} : { path }),
      onConnection: (connection) =>
        void network
          .acceptTls(connection, {
            ...{ context, alpn: ['h2'], requestClientCertificate: false, timeoutMs: 10_000 },
            verify: () => undefined,
          })
          .then((result) => result.ok && accepted.resolve(result.value)),
    }),
  );
  cleanups.push(() => listener.close());
  return { port: listener.port, accepted: accepted.promise };
}

async function dial(port: number, changes: Partial<TlsContextOptions> = {}): Promise<Connection> {
  const tls = { context: contextOf(changes), sni: '', alpn: ['h2'], verify: () => undefined };
  const client = unwrap(await network.connect({ host: '127.0.0.1', port, timeoutMs: 10_000, tls }));
  cleanups.push(() => client.destroy());
  return client;
}

async function pair(changes: Partial<TlsContextOptions> = {}, between?: Between) {
  const { port, accepted } = await serve(changes);
  const client = await dial(between === undefined ? port : await relay(port, between), changes);
  const server = await accepted;
  cleanups.push(() => server.destroy());
  return { client, server };
}

/** Somebody on the way. What is returned is sent on in these pieces. */
type Between = (bytes: Buffer, toServer: boolean) => readonly Buffer[];

async function relay(port: number, between: Between): Promise<number> {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    const far = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    const pass = (from: Socket, to: Socket, toServer: boolean): void => {
      from.on('data', (bytes) => between(bytes, toServer).map((piece) => to.write(piece)));
      from
        .on('end', () => to.end())
        .on('error', () => to.destroy())
        .on('close', () => to.destroy());
    };
    pass(near, far, true);
    pass(far, near, false);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => server.close());
  return (server.address() as { port: number }).port;
}

const VERSIONS = ['TLSv1.2', 'TLSv1.3'] as const;

describe('records without Node’s streams', () => {
  it('are possible here', () => {
    expect(openSslProblem()).toBe('');
  });

  it.each([
    ['TLSv1.3', 'TLS_AES_128_GCM_SHA256'],
    ['TLSv1.3', 'TLS_AES_256_GCM_SHA384'],
    ['TLSv1.3', 'TLS_CHACHA20_POLY1305_SHA256'],
    ['TLSv1.2', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
    ['TLSv1.2', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
    ['TLSv1.2', 'ECDHE-ECDSA-AES256-SHA'],
  ] as const)('carry %s with %s, both ways, with the end of one direction', async (version, ciphers) => {
    const { client, server } = await pair({ minVersion: version, maxVersion: version, ciphers });
    expect([client.tls?.protocol, client.tls?.cipher]).toEqual([version, ciphers]);
    expect(livingRecords()).toBe(2);
    const [atClient, atServer] = [new Heard(client), new Heard(server)];
    const big = Buffer.alloc(1_000_003, 'abcdefg');
    client.write('question');
    client.write(big);
    client.end();
    await until(() => atServer.ended);
    expect(atServer.bytes.equals(Buffer.concat([Buffer.from('question'), big]))).toBe(true);
    server.write('é'.repeat(20_000)); // latin1
    server.end();
    await until(() => atClient.closed && atServer.closed);
    expect(atClient.bytes.equals(Buffer.alloc(20_000, 0xe9))).toBe(true);
    expect([atClient.error, atServer.error, server.bytesRead, client.bytesWritten]).toEqual([
      undefined,
      undefined,
      1_000_011,
      1_000_011,
    ]);
  });

  it('are read however they are cut on the way', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 20_000 }), { minLength: 1, maxLength: 20 }),
        fc.constantFrom(...VERSIONS),
        async (sizes, cuts, version) => {
          let turn = 0;
          const cut: Between = (bytes) => {
            const pieces: Buffer[] = [];
            for (let at = 0; at < bytes.length; ) {
              const piece = bytes.subarray(at, at + cuts[turn++ % cuts.length]!);
              pieces.push(piece);
              at += piece.length;
            }
            return pieces;
          };
          const { client, server } = await pair({ minVersion: version, maxVersion: version }, cut);
          const back = new Heard(client);
          const there = new Heard(server, (bytes) => server.write(bytes));
          const sent = sizes.map((size, i) => Buffer.alloc(size, `${i}:`));
          for (const bytes of sent) client.write(bytes);
          const whole = Buffer.concat(sent);
          await back.has(whole.length);
          expect([there.bytes.equals(whole), back.bytes.equals(whole)]).toEqual([true, true]);
          client.destroy();
          server.destroy();
        },
      ),
      { numRuns: 25 },
    );
  });

  it('are one for a head and its body, and none for nothing', async () => {
    const records: number[] = [];
    const watch: Between = (bytes, toServer) => {
      if (toServer) records.push(bytes.length);
      return [bytes];
    };
    const { client, server } = await pair({}, watch);
    const heard = new Heard(server);
    records.length = 0;
    client.cork();
    client.write('head ');
    client.write('');
    client.write(Buffer.from('body'));
    client.cork();
    client.uncork();
    expect(records).toEqual([]);
    client.uncork();
    await heard.has(9);
    expect([heard.bytes.toString(), records]).toEqual(['head body', [9 + 22]]);
    client.cork();
    for (const length of [10_000, 10_000, 50_000, 3]) client.write(Buffer.alloc(length, String(length)));
    client.end();
    await until(() => heard.ended);
    expect(heard.bytes.length).toBe(9 + 70_003);
  });

  it('wait while nobody reads, and writers hear when to go on', async () => {
    const { client, server } = await pair();
    const atClient = new Heard(client);
    const atServer = new Heard(server);
    server.pause();
    let written = 0;
    while (client.write(Buffer.alloc(100_000, 1))) written += 100_000;
    written += 100_000;
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    const before = atServer.bytes.length;
    expect([before, atClient.drained]).toEqual([0, 0]);
    server.resume();
    await atServer.has(written);
    await until(() => atClient.drained > 0);
  });

  it('that came with the handshake are not lost, nor before somebody wants them', async () => {
    const { port, accepted } = await serve();
    const early = tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    cleanups.push(() => early.destroy());
    early.write('before anything');
    const server = await accepted;
    expect(livingRecords()).toBe(1);
    await new Promise((resolve) => setImmediate(resolve));
    server.pause();
    const heard = new Heard(server);
    await new Promise((resolve) => setImmediate(resolve));
    expect(heard.bytes.length).toBe(0);
    server.resume();
    await heard.has(15);
    early.write(', and after it');
    await heard.has(29);
    expect(heard.bytes.toString()).toBe('before anything, and after it');
    server.destroy();
  });
});

it('are carried over Unix sockets too', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'weft-test-'));
  cleanups.push(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'tls');
  const { accepted } = await serve({}, path);
  const tls = { context: contextOf(), sni: '', alpn: [], verify: () => undefined };
  const client = unwrap(await network.connect({ path, timeoutMs: 10_000, tls }));
  const server = await accepted;
  expect(livingRecords()).toBe(2);
  const heard = new Heard(client);
  new Heard(server, (bytes) => server.write(bytes));
  client.write('hello');
  await heard.has(5);
  client.destroy();
  server.destroy();
});

describe('a record that is not what was sent', () => {
  const wrong: readonly [string, (record: Buffer) => readonly Buffer[]][] = [
    ['changed in its last byte', (record) => [flip(record, record.length - 1)]],
    ['changed in its first byte', (record) => [flip(record, 5)]],
    ['changed in its length', (record) => [flip(record, 4)]],
    ['of another type', (record) => [flip(record, 0)]],
    ['sent twice', (record) => [record, record]],
    ['left out', () => []],
    ['no record at all', () => [Buffer.from('GET / HTTP/1.1\r\n\r\n')]],
  ];
  it.each(wrong)('ends the connection: %s', async (_name, change) => {
    for (const version of VERSIONS) {
      let meddle = false;
      const between: Between = (bytes, toServer) => {
        if (!meddle || !toServer) return [bytes];
        meddle = false;
        return change(bytes);
      };
      const { client, server } = await pair({ minVersion: version, maxVersion: version }, between);
      const [atClient, atServer] = [new Heard(client), new Heard(server)];
      client.write('one ');
      await atServer.has(4);
      meddle = true;
      client.write('two ');
      await until(() => !meddle);
      client.write(Buffer.alloc(500, 'three '));
      await until(() => atServer.closed && atClient.closed);
      expect(['one ', 'one two ']).toContain(atServer.bytes.toString());
      expect(atServer.error).toMatchObject({ code: 'tls_protocol', side: 'downstream' });
      expect(atClient.error?.cause).toMatch(/ALERT|RESET/);
    }
  });

  it('is told to the peer by an alert', async () => {
    const { port, accepted } = await serve();
    let broken = false;
    const between: Between = (bytes, toServer) => [broken && toServer ? flip(bytes, 9) : bytes];
    const peer = tlsConnect({
      port: await relay(port, between),
      host: '127.0.0.1',
      rejectUnauthorized: false,
    });
    cleanups.push(() => peer.destroy());
    const failure = Promise.withResolvers<NodeJS.ErrnoException>();
    peer.on('error', failure.resolve);
    const heard = new Heard(await accepted);
    broken = true;
    peer.write('x');
    expect((await failure.promise).code).toMatch(/BAD_RECORD_MAC/);
    await until(() => heard.closed);
    expect(heard.error?.cause).toBe('ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC');
  });

  function flip(bytes: Buffer, at: number): Buffer {
    const changed = Buffer.from(bytes);
    changed[at]! ^= 1;
    return changed;
  }
});

describe('a peer of Node’s own', () => {
  it('may change its keys, and ask for ours to change', async () => {
    const update = koffi.load(null).func('SSL_key_update', 'int', ['intptr_t', 'int']);
    const { port, accepted } = await serve();
    const { made: peer, ssl } = withSsl(() =>
      tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false, minVersion: 'TLSv1.3' }),
    );
    cleanups.push(() => peer.destroy());
    let back = '';
    peer.on('data', (bytes) => (back += String(bytes)));
    const server = await accepted;
    const heard = new Heard(server, (bytes) => server.write(bytes));
    let sent = '';
    for (let i = 0; i < 6; i++) {
      expect(update(ssl, i % 2)).toBe(1); // update_not_requested, update_requested
      peer.write(`message ${i};`);
      sent += `message ${i};`;
      await heard.has(sent.length);
      await until(() => back === sent);
    }
    peer.end();
    await until(() => heard.ended && !heard.closed);
    server.end();
    await until(() => heard.closed);
    expect([heard.error, heard.bytes.toString()]).toEqual([undefined, sent]);
  });

  it('hears close_notify, and may stop without', async () => {
    const { port, accepted } = await serve();
    const peer = tlsConnect({
      port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      allowHalfOpen: true,
    } as object);
    cleanups.push(() => peer.destroy());
    const ended = new Promise((resolve) => peer.on('end', resolve).resume());
    const server = await accepted;
    const heard = new Heard(server);
    server.end();
    await ended;
    peer.write('still here');
    await heard.has(10);
    const raw = (peer as unknown as { _handle: { _parent: { reset(done: () => void): void } } })._handle
      ._parent;
    raw.reset(() => {});
    await until(() => heard.closed);
    expect(heard.error).toMatchObject({ code: 'connection_reset' });
  });
});

describe('a server that is no more', () => {
  it.each(VERSIONS)('gives sessions over %s that later connections go on with', async (version) => {
    const versions = { minVersion: version, maxVersion: version };
    const { createServer: createTlsServer } = await import('node:tls');
    const server = createTlsServer(
      { secureContext: undefined, cert: leaf.chainPem, key: leaf.privateKeyPem, ...versions } as object,
      (socket: TLSSocket) => void socket.on('error', () => {}).end('hello'),
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    cleanups.push(() => server.close());
    const context = contextOf({ ...versions, certificates: [], sessions: 'client' });
    const kept: { ticket: Buffer; peer: object }[] = [];
    const resumed: boolean[] = [];
    for (let i = 0; i < 3; i++) {
      const sessions = {
        take: () => kept.at(-1) as never,
        keep: (it: never) => kept.push(it),
        forget: () => {},
      };
      const tls = { context, sni: '', alpn: [], verify: () => undefined, sessions } as never;
      const port = (server.address() as { port: number }).port;
      const client = unwrap(await network.connect({ host: '127.0.0.1', port, timeoutMs: 10_000, tls }));
      const heard = new Heard(client);
      await until(() => heard.ended);
      client.end();
      await until(() => heard.closed);
      resumed.push(client.tls?.resumed === true);
    }
    expect([resumed, kept.length > 0]).toEqual([[false, true, true], true]);
  });
});

describe('a process that has to do without', () => {
  it('leaves all records to Node', async () => {
    vi.stubEnv('WEFT_TLS_RECORDS', 'node');
    vi.resetModules();
    cleanups.push(() => vi.unstubAllEnvs());
    const without = await import('./openssl.ts');
    expect([without.openSsl(), without.openSslProblem()]).toEqual([
      undefined,
      'WEFT_TLS_RECORDS=node says so.',
    ]);
    expect(without.withSsl(() => createSecureContext()).ssl).toBe(0);
  });
});
