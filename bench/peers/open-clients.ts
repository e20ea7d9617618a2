import type { Client, Target } from './client.ts';
import { openHttp1 } from './http1-client.ts';
import { openHttp2 } from './http2-client.ts';

const STREAMS_PER_SESSION = 8;
/** As many at once as every listen queue takes. */
const OPENED_AT_ONCE = 64;

/** Opens room for `count` requests at a time, and fills each with one request, so that nothing of its start is measured. */
export async function openClients(target: Target, count: number): Promise<readonly Client[]> {
  const clients: Client[] = [];
  while (clients.length < count) {
    const opened = await openSome(target, Math.min(OPENED_AT_ONCE, count - clients.length));
    clients.push(...opened);
    const answers = await Promise.all(opened.map((client) => new Promise<boolean>(client.send.bind(client))));
    if (answers.includes(false)) {
      for (const client of clients) client.close();
      throw new Error('the first request of a connection failed');
    }
  }
  return clients;
}

async function openSome(target: Target, count: number): Promise<readonly Client[]> {
  const isHttp1 = target.protocol === 'http1';
  if (isHttp1) return Promise.all(Array.from({ length: count }, () => openHttp1(target)));
  const sessions = Array.from({ length: Math.ceil(count / STREAMS_PER_SESSION) }, () =>
    openHttp2(target, STREAMS_PER_SESSION),
  );
  return (await Promise.all(sessions)).flat();
}
