import type { Target } from './client.ts';
import { openHttp1 } from './http1-client.ts';
import { type Measure, toMib } from './measure.ts';

const AT_ONCE = 8;
/** Each leaves a port in TIME_WAIT for a minute. */
const MAX_PER_ROUND = 4_000;

/** Full handshakes, each with one request and the end of the connection. */
export const measureHandshakes: Measure = {
  metrics: [
    { key: 'cpuMicrosPerConnection', title: 'CPU us/connection', digits: 0 },
    { key: 'connectionsPerSecond', title: 'connections/s', digits: 0 },
    { key: 'loadedMib', title: 'RSS loaded MiB', digits: 0 },
  ],
  async warmUp(contestant, { seconds }) {
    await connectFor(contestant.target, Math.min(1, seconds));
    return {};
  },
  async round(contestant, { seconds }) {
    const before = contestant.cpu().total;
    const startedMs = performance.now();
    const { done, failed } = await connectFor(contestant.target, seconds);
    const tookSeconds = (performance.now() - startedMs) / 1000;
    return {
      cpuMicrosPerConnection: (contestant.cpu().total - before) / done,
      connectionsPerSecond: done / tookSeconds,
      loadedMib: toMib(contestant.residentBytes()),
      failed,
    };
  },
};

async function connectFor(target: Target, seconds: number): Promise<{ done: number; failed: number }> {
  const untilMs = performance.now() + seconds * 1000;
  const counts = { done: 0, failed: 0 };
  const lane = async (): Promise<void> => {
    while (performance.now() < untilMs && counts.done < MAX_PER_ROUND) {
      const client = await openHttp1(target);
      if (!(await new Promise<boolean>(client.send.bind(client)))) counts.failed++;
      client.close();
      counts.done++;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return counts;
}
