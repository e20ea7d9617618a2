import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { Result } from '../lib/result.ts';
import type { Connection, ConnectionHandlers, Listener, ListenOptions, NetError } from './connection.ts';
import { network } from './net.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function unwrap<T>(result: Result<T, NetError>): T {
  if (!result.ok) throw new Error(result.error.message);
  return result.value;
}

/** What happened on a connection, as text, and promises for what is still to come. */
function record(connection: Connection) {
  const seen = { text: '', ended: false, drains: 0 };
  let wake = (): void => {};
  const events = { closed: undefined as { error: NetError | undefined } | undefined };
  const handlers: ConnectionHandlers = {
    onData: (bytes) => {
      seen.text += bytes.toString('latin1');
      wake();
    },
    onEnd: () => {
      seen.ended = true;
      wake();
    },
    onDrain: () => {
      seen.drains++;
      wake();
    },
    onClose: (error) => {
      events.closed = { error };
      wake();
    },
  };
  connection.handle(handlers);
  const until = async (condition: () => boolean): Promise<void> => {
    while (!condition())
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  return { seen, events, until };
}

async function listenWith(
  options: Omit<ListenOptions, 'onConnection'> = {},
): Promise<{ listener: Listener; accepted: () => Promise<Connection> }> {
  const queue: Connection[] = [];
  const waiting: ((connection: Connection) => void)[] = [];
  const listener = unwrap(
    await network.listen({
      host: '127.0.0.1',
      port: 0,
      ...options,
      onConnection: (connection) => {
        const next = waiting.shift();
        if (next) next(connection);
        else queue.push(connection);
      },
    }),
  );
  cleanups.push(() => listener.close());
  const accepted = async (): Promise<Connection> => {
    const ready = queue.shift();
    const connection = ready ?? (await new Promise<Connection>((resolve) => waiting.push(resolve)));
    cleanups.push(() => connection.destroy());
    return connection;
  };
  return { listener, accepted };
}

async function pair(): Promise<{ client: Connection; server: Connection }> {
  const { listener, accepted } = await listenWith();
  const result = network.connect({ host: '127.0.0.1', port: listener.port, timeoutMs: 5000 });
  const [server, client] = [await accepted(), unwrap(await result)];
  cleanups.push(() => client.destroy());
  return { client, server };
}

describe('a connection', () => {
  it('carries bytes and latin1 text both ways, and either direction may end first', async () => {
    const { client, server } = await pair();
    const [atClient, atServer] = [record(client), record(server)];
    client.cork();
    client.write('caf\xe9 ');
    client.write(Buffer.from('bytes'));
    client.uncork();
    client.end();
    await atServer.until(() => atServer.seen.ended);
    expect(atServer.seen.text).toBe('caf\xe9 bytes');
    server.write('answer after the end');
    server.end();
    await atClient.until(() => atClient.events.closed !== undefined);
    expect(atClient.seen).toMatchObject({ text: 'answer after the end', ended: true });
    expect(atClient.events.closed).toEqual({ error: undefined });
    expect([client.bytesWritten, server.bytesRead, client.bytesRead]).toEqual([10, 10, 20]);
  });

  it('knows both ends, and has a file descriptor', async () => {
    const { client, server } = await pair();
    expect([client.remoteAddress, client.side, server.side]).toEqual(['127.0.0.1', 'upstream', 'downstream']);
    expect([client.remotePort, client.localPort]).toEqual([server.localPort, server.remotePort]);
    expect(server.fd).toBeGreaterThan(2);
    server.destroy();
    expect([server.closed, server.localPort]).toEqual([true, client.remotePort]);
  });

  it('tells when to wait and when to go on', async () => {
    const { client, server } = await pair();
    const [atClient, atServer] = [record(client), record(server)];
    server.pause();
    const piece = Buffer.alloc(1024 * 1024, 120);
    let written = 0;
    while (client.write(piece) && written < 64) written++;
    expect(written).toBeLessThan(64);
    expect(atServer.seen.text).toBe('');
    server.resume();
    await atClient.until(() => atClient.seen.drains === 1);
    client.end();
    await atServer.until(() => atServer.seen.ended);
    expect(server.bytesRead).toBe(client.bytesWritten);
  });

  it('keeps what arrives before anybody handles it, and reports a close that came first', async () => {
    const { client, server } = await pair();
    client.write('early');
    client.end();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const late = record(server);
    await late.until(() => late.seen.ended);
    expect(late.seen.text).toBe('early');
    server.destroy();
    const later = record(server);
    await later.until(() => later.events.closed !== undefined);
  });

  it('tells of an end that came before anybody handled it', async () => {
    const { client, server } = await pair();
    client.end();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const late = record(server);
    await late.until(() => late.seen.ended);
  });

  it('reports a reset as an error, once, and drops writes afterwards', async () => {
    const { client, server } = await pair();
    const atClient = record(client);
    record(server);
    server.reset();
    await atClient.until(() => atClient.events.closed !== undefined);
    expect(atClient.events.closed?.error).toMatchObject({
      code: 'connection_reset',
      side: 'upstream',
      retryable: false,
    });
    expect(client.write('into the void')).toBe(true);
    client.end();
    client.destroy();
  });

  it('takes a new set of handlers at any time', async () => {
    const { client, server } = await pair();
    const first = record(server);
    client.write('first');
    await first.until(() => first.seen.text === 'first');
    const second = record(server);
    client.write('second');
    await second.until(() => second.seen.text === 'second');
    expect(first.seen.text).toBe('first');
  });
});

describe('listening', () => {
  it('says who has the port', async () => {
    const { listener } = await listenWith();
    const again = await network.listen({ host: '127.0.0.1', port: listener.port, onConnection: () => {} });
    expect(again).toMatchObject({ ok: false, error: { code: 'address_in_use', cause: 'EADDRINUSE' } });
    await listener.close();
    const free = unwrap(
      await network.listen({ host: '127.0.0.1', port: listener.port, onConnection: () => {} }),
    );
    await free.close();
  });

  it('shares a port, and serves Unix sockets', async () => {
    const { listener } = await listenWith({ reusePort: true });
    const second = await network.listen({
      host: '127.0.0.1',
      port: listener.port,
      reusePort: true,
      onConnection: () => {},
    });
    await unwrap(second).close();
    const folder = mkdtempSync(join(tmpdir(), 'weft-net-'));
    cleanups.push(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 's');
    const unix = await listenWith({ path });
    const client = unwrap(await network.connect({ path, timeoutMs: 5000 }));
    cleanups.push(() => client.destroy());
    const server = await unix.accepted();
    expect([unix.listener.port, server.remoteAddress, server.remotePort]).toEqual([0, '', 0]);
    const atServer = record(server);
    client.write('hi');
    await atServer.until(() => atServer.seen.text === 'hi');
    client.reset();
    await atServer.until(() => atServer.seen.ended);
  });

  it('answers impossible options with an error', async () => {
    const result = await network.listen({ host: '127.0.0.1', port: 99999, onConnection: () => {} });
    expect(result).toMatchObject({ ok: false, error: { side: 'internal' } });
  });
});

describe('calling', () => {
  it('fails with a reason that allows another endpoint', async () => {
    const { listener } = await listenWith();
    await listener.close();
    const refused = await network.connect({ host: '127.0.0.1', port: listener.port, timeoutMs: 5000 });
    expect(refused).toMatchObject({ ok: false, error: { code: 'connection_refused', retryable: true } });
    const missing = await network.connect({ path: '/nowhere/weft.sock', timeoutMs: 5000 });
    expect(missing).toMatchObject({ ok: false, error: { code: 'unreachable' } });
    const foreign = await network.connect({
      host: '127.0.0.1',
      port: 9,
      localAddress: '192.0.2.1',
      timeoutMs: 5000,
    });
    expect(foreign).toMatchObject({ ok: false, error: { code: 'address_not_available' } });
    const wrong = await network.connect({ host: '127.0.0.1', port: 99999, timeoutMs: 5000 });
    expect(wrong).toMatchObject({ ok: false });
  });

  it('binds the source address it is given', async () => {
    const { listener, accepted } = await listenWith();
    const result = network.connect({
      host: '127.0.0.1',
      port: listener.port,
      localAddress: '127.0.0.9',
      timeoutMs: 5000,
    });
    expect((await accepted()).remoteAddress).toBe('127.0.0.9');
    unwrap(await result).destroy();
  });

  it('gives up when told, before and during', async () => {
    const gone = await network.connect({
      host: '127.0.0.1',
      port: 9,
      timeoutMs: 5000,
      signal: AbortSignal.abort(),
    });
    expect(gone).toMatchObject({ ok: false, error: { code: 'aborted' } });
    const abort = new AbortController();
    const { listener } = await listenWith();
    const pending = network.connect({
      host: '127.0.0.1',
      port: listener.port,
      timeoutMs: 5000,
      signal: abort.signal,
    });
    abort.abort();
    expect(await pending).toMatchObject({ ok: false, error: { code: 'aborted' } });
  });
});

describe('datagrams', () => {
  it('go both ways, and a refused one harms nobody', async () => {
    const heard: string[] = [];
    let wake = (): void => {};
    const server = unwrap(
      await network.listenUdp({
        host: '127.0.0.1',
        port: 0,
        onMessage: (bytes, from) => server.send(Buffer.from(`re: ${bytes}`), from),
      }),
    );
    const client = unwrap(
      await network.listenUdp({
        host: '127.0.0.1',
        port: 0,
        onMessage: (bytes) => {
          heard.push(bytes.toString());
          wake();
        },
      }),
    );
    cleanups.push(
      () => server.close(),
      () => client.close(),
    );
    client.send(Buffer.from('lost'), { address: '127.0.0.1', port: 1 });
    const answered = new Promise<void>((resolve) => {
      wake = resolve;
    });
    client.send(Buffer.from('hello'), { address: '127.0.0.1', port: server.port });
    await answered;
    expect(heard).toEqual(['re: hello']);
    const taken = await network.listenUdp({ host: '127.0.0.1', port: server.port, onMessage: () => {} });
    expect(taken).toMatchObject({ ok: false, error: { code: 'address_in_use' } });
  });
});

it('survives a client that resets before anything is handled', async () => {
  const { listener, accepted } = await listenWith();
  const client = createConnection({ host: '127.0.0.1', port: listener.port });
  const server = await accepted();
  client.resetAndDestroy();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const late = record(server);
  await late.until(() => late.events.closed !== undefined);
});
