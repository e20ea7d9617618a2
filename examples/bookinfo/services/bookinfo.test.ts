import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';

const running: (ChildProcess | Server)[] = [];

afterEach(async () => {
  for (const part of running.splice(0)) {
    if ('listen' in part) part.close();
    else if (part.exitCode === null && part.kill('SIGKILL')) await once(part, 'exit');
  }
});

/** Starts a service as a process on a free port; its address. */
async function start(
  service: string,
  env: Record<string, string> = {},
): Promise<{ url: string; child: ChildProcess }> {
  const file = fileURLToPath(new URL(`./${service}.ts`, import.meta.url));
  const child = spawn(process.execPath, [file], {
    env: { ...process.env, PORT: '0', HOST: '127.0.0.1', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running.push(child);
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { url: `http://127.0.0.1:${/listens on (\d+)/.exec(line.toString())?.[1]}`, child };
}

/** A service that remembers the headers of its requests and answers as it is told. */
async function fake(
  answer: () => { status: number; body: unknown },
): Promise<{ url: string; seen: IncomingHttpHeaders[] }> {
  const seen: IncomingHttpHeaders[] = [];
  const server = createServer((request, response) => {
    seen.push(request.headers);
    const { status, body } = answer();
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  running.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

const text = async (url: string, headers: Record<string, string> = {}): Promise<string> =>
  (await fetch(url, { headers })).text();

describe('bookinfo', () => {
  it('shows details, and reviews with the stars of each version', async () => {
    const [details, ratings] = await Promise.all([start('details'), start('ratings')]);
    for (const [version, stars] of [
      ['v1', ''],
      ['v2', 'stars-black'],
      ['v3', 'stars-red'],
    ] as const) {
      const reviews = await start('reviews', { VERSION: version, RATINGS_URL: ratings.url });
      const page = await start('productpage', { DETAILS_URL: details.url, REVIEWS_URL: reviews.url });
      const html = await text(`${page.url}/productpage`);
      expect(html).toContain('paperback');
      expect(html).toContain(`<span id="reviews-version">${version}</span>`);
      expect(html.includes('stars-')).toBe(stars !== '');
      expect(html).toContain(stars);
    }
  });

  it('stays up and says so when reviews and details fail, after a second try for reviews', async () => {
    const broken = await fake(() => ({ status: 500, body: {} }));
    const page = await start('productpage', { DETAILS_URL: 'http://127.0.0.1:1', REVIEWS_URL: broken.url });
    const answer = await fetch(`${page.url}/productpage`);
    const html = await answer.text();
    expect(answer.status).toBe(200);
    expect(html).toContain('Sorry, the details of this book are unavailable.');
    expect(html).toContain('Sorry, the reviews of this book are unavailable.');
    expect(broken.seen).toHaveLength(2);
    expect((await fetch(`${page.url}/api/v1/products/0/reviews`)).status).toBe(500);
  });

  it('carries trace headers on, and the name of the user who is signed in, until signed out', async () => {
    const answer = { version: 'v9', podname: 'p', reviews: [] };
    const reviews = await fake(() => ({ status: 200, body: answer }));
    const page = await start('productpage', { DETAILS_URL: reviews.url, REVIEWS_URL: reviews.url });
    const login = await fetch(`${page.url}/login?username=jason`, { redirect: 'manual' });
    const session = (login.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
    const traces = { traceparent: '00-1-2-01', 'x-request-id': 'r1', 'x-b3-traceid': 't' };
    const html = await text(`${page.url}/productpage`, { cookie: session, ...traces });
    expect(html).toContain('Signed in as <b>jason</b>');
    expect(reviews.seen[0]).toMatchObject({ 'end-user': 'jason', cookie: session, ...traces });
    await fetch(`${page.url}/logout`, { headers: { cookie: session }, redirect: 'manual' });
    expect(await text(`${page.url}/productpage`, { cookie: session })).not.toContain('jason');
  });

  it('shows a failing ratings service in place of the stars', async () => {
    const ratings = await fake(() => ({ status: 503, body: {} }));
    const reviews = await start('reviews', { VERSION: 'v2', RATINGS_URL: ratings.url });
    expect(await text(`${reviews.url}/reviews/0`)).toContain('Ratings service answered 503');
  });

  it('takes ratings that make sense only', async () => {
    const { url } = await start('ratings');
    const post = (body: string) => fetch(`${url}/ratings/1`, { method: 'POST', body });
    expect((await post('{"Adriana": 3}')).status).toBe(200);
    for (const body of ['{"Adriana": 1e9}', 'x', '[]', '5', 'x'.repeat(5000)])
      expect((await post(body)).status).toBe(400);
    expect(await (await fetch(`${url}/ratings/1`)).json()).toEqual({ id: 1, ratings: { Adriana: 3 } });
  });

  it('answers requests under way before it ends on SIGTERM', async () => {
    let release = (): void => {};
    const slow = createServer((_request, response) => {
      release = () => response.end('{"version":"v1","podname":"","reviews":[]}');
    });
    running.push(slow);
    await once(slow.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`;
    const page = await start('productpage', { DETAILS_URL: 'http://127.0.0.1:1', REVIEWS_URL: url });
    const asked = once(slow, 'request');
    const answer = fetch(`${page.url}/productpage`);
    await asked;
    const ended = once(page.child, 'exit');
    page.child.kill('SIGTERM');
    release();
    expect((await answer).status).toBe(200);
    expect(await ended).toEqual([0, null]);
  });
});
