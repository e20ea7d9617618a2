// What readers wrote: GET /reviews/ID. Version 1 shows no stars, 2 black ones, 3 red ones; 2 and 3 ask ratings.
import type { IncomingMessage } from 'node:http';
import type { Stars } from './answers.ts';
import { sendJson, serve, traceHeaders } from './server.ts';

const version = process.env['VERSION'] ?? 'v1';
const color = version === 'v2' ? 'black' : version === 'v3' ? 'red' : undefined;
const ratingsUrl = process.env['RATINGS_URL'] ?? 'http://ratings:9080';
const timeoutMs = 10_000;

const texts = [
  { reviewer: 'Adriana', text: 'Two pairs of twins and not a dull page between them.' },
  { reviewer: 'Luciana', text: 'I laughed until the second shipwreck, and then I laughed at that.' },
];

serve(`reviews ${version}`, async (request, response, url) => {
  const id = /^\/reviews\/(\d+)$/.exec(url.pathname)?.[1];
  if (id === undefined) return sendJson(response, 404, { error: 'no such page; try /reviews/0' });
  const ratings = color === undefined ? undefined : await fetchRatings(id, color, request);
  const reviews = texts.map((review) => ({
    ...review,
    ...(ratings === undefined ? {} : { rating: ratings(review.reviewer) }),
  }));
  sendJson(response, 200, { id, podname: process.env['POD_NAME'] ?? '', version, reviews });
});

/** Stars by reviewer; when ratings cannot be had, the reason in their place. */
async function fetchRatings(
  id: string,
  color: string,
  request: IncomingMessage,
): Promise<(reviewer: string) => Stars> {
  try {
    const answer = await fetch(`${ratingsUrl}/ratings/${id}`, {
      headers: traceHeaders(request),
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (!answer.ok) return () => ({ error: `Ratings service answered ${answer.status}` });
    const { ratings } = (await answer.json()) as { ratings: Record<string, number> };
    return (reviewer) => ({ stars: ratings[reviewer] ?? 0, color });
  } catch {
    return () => ({ error: 'Ratings service is currently unavailable' });
  }
}
