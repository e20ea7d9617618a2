import { closedLoad } from './closed-load.ts';
import { type Measure, pause, toMib } from './measure.ts';
import { openClients } from './open-clients.ts';
import { openFilesLimit } from './process-usage.ts';

const SETTLE_MS = 2_000;
/** Files that processes need beside the connections. */
const OTHER_FILES = 500;
const WARM_CONNECTIONS = 64;

/** Memory of the proxy per connection that has carried a request and waits. The kernel's own is not counted. */
export const measureIdle: Measure = {
  metrics: [
    { key: 'kibPerConnection', title: 'KiB/connection', digits: 1 },
    { key: 'connections', title: 'connections', digits: 0 },
    { key: 'beforeMib', title: 'RSS before MiB', digits: 0 },
    { key: 'withMib', title: 'RSS with them MiB', digits: 0 },
  ],
  maxRounds: 1,
  async warmUp(contestant, { seconds }) {
    const clients = await openClients(contestant.target, WARM_CONNECTIONS);
    await closedLoad(clients, seconds);
    for (const client of clients) client.close();
    return {};
  },
  async round(contestant, { idleConnections }) {
    const connections = Math.max(1, Math.min(idleConnections, openFilesLimit() - OTHER_FILES));
    await pause(SETTLE_MS);
    const before = contestant.residentBytes();
    const clients = await openClients(contestant.target, connections);
    await pause(SETTLE_MS);
    const withThem = contestant.residentBytes();
    for (const client of clients) client.close();
    return {
      kibPerConnection: (withThem - before) / 1024 / connections,
      connections,
      beforeMib: toMib(before),
      withMib: toMib(withThem),
    };
  },
};
