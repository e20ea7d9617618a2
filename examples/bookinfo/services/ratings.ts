// Stars that readers gave: GET /ratings/ID, POST /ratings/ID with {"Reader": stars}.
import { sendJson, serve } from './server.ts';

const ratings = new Map<string, Record<string, number>>();

/** Largest body that is read, in bytes. */
const maxBody = 4096;

serve('ratings', async (request, response, url) => {
  const id = /^\/ratings\/(\d+)$/.exec(url.pathname)?.[1];
  if (id === undefined) return sendJson(response, 404, { error: 'no such page; try /ratings/0' });
  if (request.method === 'POST') {
    let body = '';
    for await (const chunk of request) {
      body += String(chunk);
      if (body.length > maxBody) return sendJson(response, 413, { error: 'too many ratings at once' });
    }
    ratings.set(id, JSON.parse(body) as Record<string, number>);
  }
  sendJson(response, 200, { id: Number(id), ratings: ratings.get(id) ?? { Adriana: 5, Luciana: 4 } });
});
