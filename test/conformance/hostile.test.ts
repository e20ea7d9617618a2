import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { run, type Side, startWeft, stopSide } from '../differential/harness.ts';
import { httpBootstrap } from '../differential/http-bootstrap.ts';

// Clients that mean harm, against a real `weft proxy`: what they may cost it, and that others are served meanwhile.

const MIB = 1024 * 1024;
/** Resident memory that no attack here may push the proxy beyond. */
const MAX_RESIDENT_BYTES = 300 * MIB;
/** What a client may send after its message was refused, before it is cut. */
const MAX_SWALLOWED_BYTES = 24 * MIB;

let proxy: Side;
const sockets = new Set<Socket>();

beforeAll(async () => {
  proxy = await startWeft(
    httpBootstrap({
      manager: { request_headers_timeout: '1s', common_http_protocol_options: { idle_timeout: '60s' } },
    }),
    2,
  );
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await stopSide(proxy);
});

function dial(): Socket {
  const socket = connect({ host: '127.0.0.1', port: proxy.ports.listeners[0] as number });
  sockets.add(socket);
  socket.on('error', () => {});
  socket.on('close', () => sockets.delete(socket));
  return socket;
}

/** Another client is served, within two seconds. */
async function othersAreServed(): Promise<void> {
  const one = {
    pieces: ['GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
    methods: ['GET'],
    answers: [{ bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok' }],
  };
  const { client } = await run(proxy, 1, one, 2000);
  expect(client.responses[0]?.body).toBe('ok');
}

function residentBytes(): number {
  const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${proxy.process.pid}/status`, 'utf8'))?.[1];
  return Number(kib) * 1024;
}

/** Sends `piece` after `start` for as long as it is taken; what came back and how much was sent. */
async function pour(start: string, piece: string): Promise<{ readonly text: string; readonly sent: number }> {
  const socket = dial();
  let text = '';
  let isOver = false;
  socket.on('data', (data) => (text += data));
  const over = new Promise<void>((resolve) =>
    socket.on('close', () => {
      isOver = true;
      resolve();
    }),
  );
  socket.write(start);
  let sent = 0;
  while (!isOver && sent < MAX_SWALLOWED_BYTES) {
    sent += piece.length;
    if (socket.write(piece)) await new Promise((resolve) => setImmediate(resolve));
    else await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), over]);
  }
  if (!isOver) await Promise.race([over, new Promise((resolve) => setTimeout(resolve, 3000))]);
  socket.destroy();
  return { text, sent };
}

const HEAD = 'GET / HTTP/1.1\r\nHost: a\r\n';
const CHUNKED = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';

it.each([
  ['100,000 headers', HEAD, 'x: 1\r\n'.repeat(10_000), 431],
  ['a header line without end', `${HEAD}x: `, 'v'.repeat(65_536), 431],
  ['a request line without end', 'GET /', 'v'.repeat(65_536), 414],
  ['a chunk extension without end', `${CHUNKED}5;`, 'e'.repeat(65_536), 400],
  ['chunk extensions without end', CHUNKED, '1;aaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\nx\r\n'.repeat(2000), 400],
  ['trailers without end', `${CHUNKED}0\r\n`, 'x: 1\r\n'.repeat(10_000), 431],
])('%s: refused, cut, and others are served', async (_name, start, piece, status) => {
  const poured = pour(start, piece);
  await othersAreServed();
  const { text, sent } = await poured;
  expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
  expect(sent).toBeLessThan(MAX_SWALLOWED_BYTES);
  await othersAreServed();
  expect(residentBytes()).toBeLessThan(MAX_RESIDENT_BYTES);
});

it('heads that come byte by byte are given up, and others are served meanwhile', async () => {
  const slow = Array.from({ length: 200 }, () => dial());
  let closed = 0;
  for (const socket of slow) socket.on('close', () => closed++);
  for (const byte of 'GET / HTTP') {
    for (const socket of slow) if (!socket.destroyed) socket.write(byte);
    await othersAreServed();
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  for (const socket of slow) socket.resume();
  const untilMs = Date.now() + 8000;
  while (closed < slow.length && Date.now() < untilMs)
    await new Promise((resolve) => setTimeout(resolve, 50));
  expect(closed).toBe(slow.length);
});

it('2,000 connections that say nothing or half a request leave others served and memory bounded', async () => {
  const before = residentBytes();
  const flood = Array.from({ length: 2000 }, () => dial());
  await Promise.all(flood.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
  for (const [i, socket] of flood.entries()) if (i % 2 === 0) socket.write('GET / HTTP/1.1\r\nHo');
  await othersAreServed();
  const cost = residentBytes() - before;
  console.log(`hostile: 2,000 connections cost ${(cost / MIB).toFixed(0)} MiB`);
  expect(residentBytes()).toBeLessThan(MAX_RESIDENT_BYTES);
  for (const socket of flood) socket.resetAndDestroy();
  await othersAreServed();
});
