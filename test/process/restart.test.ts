import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { eventually } from '../mesh/eventually.ts';
import { makePlace, type Place, type ProxyProcess, startProxyProcess } from './proxy-process.ts';

/** Requests a second, half of them on new connections. */
const RATE = 500;
const RESTARTS = Number(process.env.WEFT_RESTARTS ?? 5);
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

describe.each([{ workers: [1] }, { workers: [2] }, { workers: [1, 2, 3] }])(
  'a proxy that is restarted in place, with $workers workers',
  ({ workers }) => {
    it(`loses no request of ${RATE} a second over ${RESTARTS} restarts, and no WebSocket`, async () => {
      const place = await makePlace(await startUpstream());
      cleanups.push(place.remove);
      const baseId = 100_000 + Math.floor(Math.random() * 1_000_000);
      const start = async (epoch: number): Promise<ProxyProcess> => {
        const proxy = await startProxyProcess(
          place,
          [
            ...['--base-id', `${baseId}`, '--restart-epoch', `${epoch}`],
            ...['--concurrency', `${workers[epoch % workers.length]}`],
          ],
          () => isEpoch(place, epoch),
        );
        cleanups.push(proxy.stop);
        return proxy;
      };
      const first = await start(0);
      const socket = await openWebSocket(place.port);
      const load = startLoad(place.port);
      const proxies = [first];
      for (let epoch = 1; epoch <= RESTARTS; epoch++) {
        proxies.push(await start(epoch));
        await sleep(200);
      }
      const { done, failures } = await load.stop();
      console.log(
        `workers ${workers}: ${done} requests, ${failures.length} failures over ${RESTARTS} restarts`,
      );
      expect(failures).toEqual([]);
      expect(done).toBeGreaterThan(RATE);

      // Those in the middle have ended; the first one carries the WebSocket until that ends.
      await eventually(() => {
        for (const proxy of proxies.slice(1, RESTARTS)) expect(proxy.child.exitCode).toBe(0);
      });
      expect(first.child.exitCode).toBe(null);
      expect(await echo(socket, 'still here')).toBe('still here');
      socket.close();
      await eventually(() => expect(first.child.exitCode).toBe(0));
      expect(proxies[RESTARTS]?.child.exitCode).toBe(null);
    });
  },
);

describe('a restart in place', () => {
  it('that finds no proxy to take over from says so', async () => {
    const place = await makePlace(1);
    cleanups.push(place.remove);
    const starting = startProxyProcess(place, ['--base-id', '99999999', '--restart-epoch', '4']);
    await expect(starting).rejects.toThrow('no proxy of epoch 3 offers its sockets at');
  });
});

async function startUpstream(): Promise<number> {
  const server = createServer((_, response) => setTimeout(() => response.end('hello'), 5));
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(String(data))));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  server.keepAliveTimeout = 60_000;
  cleanups.push(() => {
    sockets.close();
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function isEpoch(place: Place, epoch: number): Promise<void> {
  const answer = await fetch(`http://127.0.0.1:${place.admin}/server_info`);
  const info = (await answer.json()) as { command_line_options: { restart_epoch: number } };
  if (info.command_line_options.restart_epoch !== epoch) throw new Error('the old one still answers');
}

function startLoad(port: number): {
  stop(): Promise<{ readonly done: number; readonly failures: readonly string[] }>;
} {
  const kept = new Agent({ keepAlive: true, maxSockets: 16 });
  const failures: string[] = [];
  const pending = new Set<Promise<void>>();
  let done = 0;
  let sent = 0;
  const startedMs = performance.now();
  const one = (agent: Agent | false): Promise<void> =>
    new Promise((resolve) => {
      const failed = (error: NodeJS.ErrnoException): void => {
        failures.push(`${agent === false ? 'new' : 'kept'} connection: ${error.code ?? error.message}`);
        resolve();
      };
      const outgoing = request({ host: '127.0.0.1', port, agent }, (response) => {
        if (response.statusCode !== 200) failures.push(`status ${response.statusCode}`);
        response
          .on('error', failed)
          .resume()
          .on('end', () => {
            done++;
            resolve();
          });
      });
      outgoing.on('error', failed).end();
    });
  const timer = setInterval(() => {
    const due = ((performance.now() - startedMs) / 1000) * RATE;
    for (; sent < due; sent++) {
      const promise: Promise<void> = one(sent % 2 === 0 ? kept : false);
      pending.add(promise);
      void promise.then(() => pending.delete(promise));
    }
  }, 5);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(pending);
      kept.destroy();
      return { done, failures };
    },
  };
}

function openWebSocket(port: number): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
    socket.once('error', reject).once('open', () => resolve(socket));
  });
}

function echo(socket: WebSocket, text: string): Promise<string> {
  return new Promise((resolve) => {
    socket.once('message', (data) => resolve(String(data)));
    socket.send(text);
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}
