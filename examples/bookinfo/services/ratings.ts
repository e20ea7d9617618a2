// Stars that readers gave: GET /ratings/ID, POST /ratings/ID with {"Reader": stars}.
import type { IncomingMessage } from 'node:http';
import { sendJson, serve } from './server.ts';

type Ratings = Readonly<Record<string, number>>;

const original: Ratings = { Adriana: 5, Luciana: 4 };
/** Ratings by product, the oldest forgotten first. */
const ratings = new Map<string, Ratings>();
const maxProducts = 1000;
/** Largest body that is read, in bytes. */
const maxBody = 4096;

serve('ratings', async (request, response, url) => {
  const id = /^\/ratings\/(\d+)$/.exec(url.pathname)?.[1];
  if (id === undefined) return sendJson(response, 404, { error: 'no such page; try /ratings/0' });
  if (request.method === 'POST') {
    const given = await readRatings(request);
    if (given === undefined)
      return sendJson(response, 400, { error: 'write {"Reader": 5}, stars from 1 to 5' });
    ratings.set(id, given);
    const oldest = ratings.size > maxProducts ? ratings.keys().next().value : undefined;
    if (oldest !== undefined) ratings.delete(oldest);
  }
  sendJson(response, 200, { id: Number(id), ratings: ratings.get(id) ?? original });
});

/** The ratings in a request's body; undefined where there are none in it. */
async function readRatings(request: IncomingMessage): Promise<Ratings | undefined> {
  let body = '';
  for await (const chunk of request) {
    body += String(chunk);
    if (body.length > maxBody) return undefined;
  }
  try {
    const given = JSON.parse(body) as Record<string, unknown>;
    if (typeof given !== 'object' || given === null || Array.isArray(given)) return undefined;
    const stars = Object.values(given).every(
      (count) => Number.isInteger(count) && Number(count) >= 1 && Number(count) <= 5,
    );
    return stars ? (given as Ratings) : undefined;
  } catch {
    return undefined;
  }
}
