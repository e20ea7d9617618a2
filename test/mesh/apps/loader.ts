// A workload that keeps calling: LOAD names the URLs (spaces between), each called by WORKERS loops over kept
// connections, every fourth request a POST. It is driven over the Unix socket POD_NAME.sock in its folder: POST /start,
// GET /stats, POST /stop (answers when nothing is under way any more). Anything but 200 with a Pod's name is a failure.
import { rmSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';

interface Failure {
  readonly url: string;
  readonly atMs: number;
  readonly status: number;
  readonly why: string;
}

const urls = (process.env['LOAD'] ?? '').split(' ').filter((url) => url !== '');
const workers = Number(process.env['WORKERS'] ?? 4);
const host = process.env['HOST_HEADER'];
const pauseMs = Number(process.env['PAUSE_MS'] ?? 2);
const agent = new Agent({ keepAlive: true });
const stats = { requests: 0, byPod: {} as Record<string, number>, failed: 0, failures: [] as Failure[] };
const KEPT_FAILURES = 50;
let running = false;
let loops: Promise<void>[] = [];

function call(url: string, post: boolean): Promise<{ status: number; text: string }> {
  return new Promise((resolve) => {
    const headers = host === undefined ? {} : { host };
    const outgoing = request(
      url,
      { agent, method: post ? 'POST' : 'GET', headers, timeout: 10_000 },
      (incoming) => {
        let text = '';
        incoming.setEncoding('utf8');
        incoming.on('data', (part: string) => (text += part));
        incoming.on('error', (error) => resolve({ status: 0, text: error.message }));
        incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
      },
    );
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer within 10 s')));
    outgoing.on('error', (error) =>
      resolve({ status: 0, text: `${error.message}, reused ${outgoing.reusedSocket}` }),
    );
    outgoing.end(post ? 'x'.repeat(1000) : undefined);
  });
}

async function loop(url: string): Promise<void> {
  for (let i = 0; running; i++) {
    const { status, text } = await call(url, i % 4 === 3);
    stats.requests += 1;
    const pod = status === 200 ? /"pod":"([^"]+)"/.exec(text)?.[1] : undefined;
    if (pod === undefined) {
      stats.failed += 1;
      if (stats.failures.length < KEPT_FAILURES)
        stats.failures.push({ url, atMs: Date.now(), status, why: text.slice(0, 200) });
    } else stats.byPod[pod] = (stats.byPod[pod] ?? 0) + 1;
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

const socket = `${process.env['POD_NAME']}.sock`;
rmSync(socket, { force: true });
createServer(async (incoming, response) => {
  if (incoming.url === '/start' && !running) {
    running = true;
    loops = urls.flatMap((url) => Array.from({ length: workers }, () => loop(url)));
  }
  if (incoming.url === '/stop') {
    running = false;
    await Promise.all(loops);
  }
  response.end(JSON.stringify(stats));
}).listen(socket);
createServer((_, response) => response.end('{"pod":"loader"}')).listen(Number(process.env['PORT'] ?? 9080));
process.on('SIGTERM', () => process.exit(0));
