// The page people see: GET /productpage, made of details and reviews. /login sets a user, whose name goes along as
// the header end-user, so that routes can send one user elsewhere.
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { DetailsAnswer, Fetched, ReviewsAnswer } from './answers.ts';
import { page, styleSheet } from './page.ts';
import { sendHtml, sendJson, sendText, serve, traceHeaders } from './server.ts';

const detailsUrl = process.env['DETAILS_URL'] ?? 'http://details:9080';
const reviewsUrl = process.env['REVIEWS_URL'] ?? 'http://reviews:9080';
const ratingsUrl = process.env['RATINGS_URL'] ?? 'http://ratings:9080';
const timeoutMs = 3_000;
/** Reviews are asked for twice at the most. */
const reviewAttempts = 2;

/** Sessions by id, the oldest forgotten first. */
const sessions = new Map<string, string>();
const maxSessions = 1000;

serve('productpage', async (request, response, url) => {
  const user = sessions.get(cookie(request, 'session'));
  const headers = { ...traceHeaders(request), ...(user === undefined ? {} : { 'end-user': user }) };
  const api = /^\/api\/v1\/products(?:\/(\d+)(?:\/(reviews|ratings))?)?$/.exec(url.pathname);
  if (url.pathname === '/' || url.pathname === '/productpage') {
    const [details, reviews] = await Promise.all([
      fetchJson<DetailsAnswer>(`${detailsUrl}/details/0`, headers, 1),
      fetchJson<ReviewsAnswer>(`${reviewsUrl}/reviews/0`, headers, reviewAttempts),
    ]);
    sendHtml(response, 200, page({ user, details, reviews }));
  } else if (url.pathname === '/login') logIn(url.searchParams.get('username') ?? '', response);
  else if (url.pathname === '/static/bookinfo.css') sendText(response, 'text/css', styleSheet);
  else if (url.pathname === '/logout') {
    sessions.delete(cookie(request, 'session'));
    response.writeHead(302, { location: '/productpage', 'set-cookie': 'session=; Max-Age=0; Path=/' }).end();
  } else if (api === null) sendJson(response, 404, { error: 'no such page; try /productpage' });
  else if (api[1] === undefined) sendJson(response, 200, [{ id: 0, title: 'The Comedy of Errors' }]);
  else {
    const target = productUrl(api[1], api[2]);
    const { status, value } = await fetchJson(target, headers, 1);
    sendJson(response, status, value ?? { error: 'the service behind this page is unavailable' });
  }
});

/** Where the parts of a product come from: its details, its reviews, its ratings. */
function productUrl(id: string, part: string | undefined): string {
  if (part === 'reviews') return `${reviewsUrl}/reviews/${id}`;
  return part === 'ratings' ? `${ratingsUrl}/ratings/${id}` : `${detailsUrl}/details/${id}`;
}

/** GET as JSON, tried up to `attempts` times; 503 where nothing answered. */
async function fetchJson<T>(
  url: string,
  headers: Record<string, string>,
  attempts: number,
): Promise<Fetched<T>> {
  let status = 503;
  for (let attempt = 0; attempt < attempts; attempt++) {
    try {
      const answer = await fetch(url, { headers, signal: AbortSignal.timeout(timeoutMs) });
      if (answer.ok) return { status: 200, value: (await answer.json()) as T };
      await answer.arrayBuffer();
      status = answer.status;
    } catch {
      status = 503;
    }
  }
  return { status, value: undefined };
}

function logIn(user: string, response: ServerResponse): void {
  const id = randomUUID();
  const oldest = sessions.keys().next().value;
  if (sessions.size >= maxSessions && oldest !== undefined) sessions.delete(oldest);
  if (user !== '') sessions.set(id, user);
  response
    .writeHead(302, {
      location: '/productpage',
      'set-cookie': `session=${id}; HttpOnly; SameSite=Lax; Path=/`,
    })
    .end();
}

function cookie(request: IncomingMessage, name: string): string {
  const found = (request.headers.cookie ?? '').split('; ').find((part) => part.startsWith(`${name}=`));
  return found?.slice(name.length + 1) ?? '';
}
