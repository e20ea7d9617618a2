/** The thread of steady-load.ts. Connections are kept; one that ends while a request is on it is a failure. */
import { createConnection, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import type { LoadReport } from './steady-load.ts';

const { port, ratePerS } = workerData as { readonly port: number; readonly ratePerS: number };

const TICK_MS = 5;
const TIMEOUT_MS = 20_000;
const MAX_FAILURES_TOLD = 20;
/** Connections at a time: what is due beyond waits in line, and its waiting counts. */
const MAX_CONNECTIONS = 200;

const REQUEST = `GET / HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`;
const END_OF_HEAD = Buffer.from('\r\n\r\n');

interface Lane {
  readonly socket: Socket;
  /** When the request on it was due; undefined while it is idle. */
  dueMs: number | undefined;
  received: Buffer;
}

const lanes = new Set<Lane>();
const idle: Lane[] = [];
const waiting: number[] = [];
const tookMs: number[] = [];
const failures: string[] = [];
const startMs = performance.now();
let sent = 0;
let good = 0;
let failed = 0;
let isStopping = false;

function tick(): void {
  const nowMs = performance.now();
  if (!isStopping) {
    const due = Math.floor(((nowMs - startMs) / 1000) * ratePerS);
    for (; sent < due; sent++) waiting.push(startMs + (sent / ratePerS) * 1000);
  }
  for (const lane of lanes)
    if (lane.dueMs !== undefined && nowMs - lane.dueMs > TIMEOUT_MS)
      lane.socket.destroy(new Error(`no answer within ${TIMEOUT_MS} ms`));
  sendWaiting();
}

function sendWaiting(): void {
  while (waiting.length > 0) {
    const lane = idle.pop() ?? (lanes.size < MAX_CONNECTIONS ? open() : undefined);
    if (lane === undefined) return;
    lane.dueMs = waiting.shift();
    lane.socket.write(REQUEST);
  }
}

function open(): Lane {
  const socket = createConnection({ host: '127.0.0.1', port, noDelay: true });
  const lane: Lane = { socket, dueMs: undefined, received: Buffer.alloc(0) };
  lanes.add(lane);
  let why = 'the connection ended';
  socket.on('data', (bytes) => receive(lane, bytes));
  socket.on('error', (error) => (why = error.message));
  socket.on('end', () => socket.destroy());
  socket.on('close', () => {
    lanes.delete(lane);
    const at = idle.indexOf(lane);
    if (at >= 0) idle.splice(at, 1);
    if (lane.dueMs !== undefined) settle(lane, why);
  });
  return lane;
}

function receive(lane: Lane, bytes: Buffer): void {
  lane.received = lane.received.length === 0 ? bytes : Buffer.concat([lane.received, bytes]);
  const end = lane.received.indexOf(END_OF_HEAD);
  if (end < 0) return;
  const head = lane.received.toString('latin1', 0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  const body = lane.received.subarray(end + END_OF_HEAD.length);
  const isWhole =
    length === undefined ? body.includes('0\r\n\r\n') || body.length === 0 : body.length >= Number(length);
  if (!isWhole) return;
  lane.received = Buffer.alloc(0);
  const status = head.slice(9, 12);
  settle(lane, status === '200' ? undefined : `${status} ${body.toString('latin1', 0, 120)}`);
  if (!/\r\nconnection: *close/i.test(head)) idle.push(lane);
  else lane.socket.destroy();
  sendWaiting();
}

function settle(lane: Lane, failure: string | undefined): void {
  const nowMs = performance.now();
  tookMs.push(nowMs - (lane.dueMs ?? nowMs));
  lane.dueMs = undefined;
  if (failure === undefined) good += 1;
  else {
    failed += 1;
    const atMs = Math.round(nowMs - startMs);
    if (failures.length < MAX_FAILURES_TOLD) failures.push(`at ${atMs} ms: ${failure}`);
  }
  if (isStopping) end();
}

function end(): void {
  if (good + failed < sent) return;
  clearInterval(timer);
  tookMs.sort((a, b) => a - b);
  const report: LoadReport = {
    seconds: (stoppedMs - startMs) / 1000,
    sent,
    good,
    failed,
    failures,
    medianMs: tookMs[Math.floor(tookMs.length / 2)] ?? 0,
    slowestMs: tookMs.at(-1) ?? 0,
  };
  for (const { socket } of lanes) socket.destroy();
  parentPort?.postMessage(report);
}

let stoppedMs = 0;
const timer = setInterval(tick, TICK_MS);
parentPort?.on('message', () => {
  isStopping = true;
  stoppedMs = performance.now();
  end();
});
