import { closedLoad } from './closed-load.ts';
import { type Measure, pause, toMib } from './measure.ts';
import { openClients } from './open-clients.ts';
import { openLoad, quantile } from './open-load.ts';

const SETTLE_MS = 500;
/** A just-in-time compiler is at work for seconds: turns go on until one is no longer cheaper than the one before. */
const MAX_WARM_TURNS = 6;
const STILL_SINKS = 0.95;

/** CPU per request under a closed loop, then latency at a fixed rate under an open one. */
export const measureRequests: Measure = {
  metrics: [
    { key: 'cpuMicrosPerRequest', title: 'CPU us/request', digits: 1 },
    { key: 'kernelMicrosPerRequest', title: 'of it kernel', digits: 1 },
    { key: 'requestsPerSecond', title: 'requests/s', digits: 0 },
    { key: 'p50Ms', title: 'p50 ms', digits: 2 },
    { key: 'p90Ms', title: 'p90 ms', digits: 2 },
    { key: 'p99Ms', title: 'p99 ms', digits: 2 },
    { key: 'idleMib', title: 'RSS idle MiB', digits: 0 },
    { key: 'loadedMib', title: 'RSS loaded MiB', digits: 0 },
  ],
  async warmUp(contestant, { connections, seconds }) {
    await pause(SETTLE_MS);
    const idleMib = toMib(contestant.residentBytes());
    const clients = await openClients(contestant.target, connections);
    let before = Number.POSITIVE_INFINITY;
    for (let turn = 0; turn < MAX_WARM_TURNS; turn++) {
      const startCpu = contestant.cpu().total;
      const { requests } = await closedLoad(clients, seconds);
      const cost = (contestant.cpu().total - startCpu) / requests;
      if (turn > 1 && cost > before * STILL_SINKS) break;
      before = cost;
    }
    for (const client of clients) client.close();
    return { idleMib };
  },
  async round(contestant, { connections, seconds, ratePerSecond }) {
    const clients = await openClients(contestant.target, connections);
    const before = contestant.cpu();
    const closed = await closedLoad(clients, seconds);
    const cpu = contestant.cpu();
    const loadedMib = toMib(contestant.residentBytes());
    const open = await openLoad(clients, ratePerSecond, seconds);
    for (const client of clients) client.close();
    return {
      cpuMicrosPerRequest: (cpu.total - before.total) / closed.requests,
      kernelMicrosPerRequest: (cpu.kernel - before.kernel) / closed.requests,
      requestsPerSecond: closed.requests / closed.seconds,
      p50Ms: quantile(open.latenciesMs, 0.5),
      p90Ms: quantile(open.latenciesMs, 0.9),
      p99Ms: quantile(open.latenciesMs, 0.99),
      loadedMib,
      failed: closed.failed + open.failed,
    };
  },
};
