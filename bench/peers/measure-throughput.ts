import { openSocket, type Target } from './client.ts';
import { type Measure, toMib } from './measure.ts';

/** Connections that send at once. */
const SENDERS = 4;
const CHUNK = Buffer.alloc(65_536, 'z');
/** How long the bytes on their way may take. */
const TAIL_LIMIT_MS = 15_000;
const GIB = 1024 ** 3;

/** Bytes from clients to the upstream, counted by the upstream. */
export const measureThroughput: Measure = {
  metrics: [
    { key: 'cpuMsPerGib', title: 'CPU ms/GiB', digits: 0 },
    { key: 'mibPerSecond', title: 'MiB/s', digits: 0 },
    { key: 'loadedMib', title: 'RSS loaded MiB', digits: 0 },
  ],
  async warmUp(contestant, { seconds }) {
    await sendAll(contestant.target, Math.min(1, seconds));
    return {};
  },
  async round(contestant, { seconds }) {
    const before = contestant.cpu().total;
    const startedMs = performance.now();
    const bytes = await sendAll(contestant.target, seconds);
    const tookSeconds = (performance.now() - startedMs) / 1000;
    const cpuMs = (contestant.cpu().total - before) / 1000;
    return {
      cpuMsPerGib: (cpuMs * GIB) / bytes,
      mibPerSecond: toMib(bytes) / tookSeconds,
      loadedMib: toMib(contestant.residentBytes()),
    };
  },
};

async function sendAll(target: Target, seconds: number): Promise<number> {
  const sent = await Promise.all(Array.from({ length: SENDERS }, () => sendFor(target, seconds)));
  return sent.reduce((sum, bytes) => sum + bytes, 0);
}

/** Sends for `seconds`, ends, and resolves with the number that the upstream answers. */
async function sendFor(target: Target, seconds: number): Promise<number> {
  const socket = await openSocket(target);
  const untilMs = performance.now() + seconds * 1000;
  return new Promise((resolve, reject) => {
    let answer = '';
    const limit = setTimeout(
      () => socket.destroy(new Error('the proxy does not pass the bytes on')),
      seconds * 1000 + TAIL_LIMIT_MS,
    );
    const next = (): void => {
      if (performance.now() < untilMs) socket.write(CHUNK, next);
      else socket.end();
    };
    socket.on('data', (bytes: Buffer) => (answer += bytes.toString('latin1')));
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(limit);
      if (Number(answer) > 0) resolve(Number(answer));
      else reject(new Error('the upstream did not count any bytes'));
    });
    next();
  });
}
