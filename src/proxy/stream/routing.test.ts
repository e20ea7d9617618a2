import { afterEach, describe, expect, it } from 'vitest';
import {
  closeAll,
  routesOf,
  send,
  sendRaw,
  startTestProxy,
  startUpstream,
  staticCluster,
} from '../test-proxy.ts';

afterEach(closeAll);

/** Upstreams that answer with their name, one cluster each. */
async function named(...names: string[]) {
  return Promise.all(
    names.map(async (name) => {
      const { port } = await startUpstream((request, response) => {
        response.setHeader('x-path', request.url ?? '');
        response.setHeader('x-host', request.headers.host ?? '');
        response.end(name);
      });
      return staticCluster(name, [port]);
    }),
  );
}

describe('a request goes where the routes say', () => {
  it('by host, path, header and method', async () => {
    const proxy = await startTestProxy({
      clusters: await named('a', 'b', 'c', 'd', 'e'),
      routes: {
        name: 'routes',
        virtual_hosts: [
          {
            name: 'reviews',
            domains: ['reviews', 'reviews:9080'],
            routes: [
              {
                match: { prefix: '/', headers: [{ name: 'end-user', exact_match: 'jason' }] },
                route: { cluster: 'b' },
              },
              { match: { path: '/exact' }, route: { cluster: 'c' } },
              { match: { safe_regex: { regex: '/v[0-9]+' } }, route: { cluster: 'd' } },
              {
                match: { prefix: '/', headers: [{ name: ':method', exact_match: 'POST' }] },
                route: { cluster: 'e' },
              },
              { match: { prefix: '/' }, route: { cluster: 'a' } },
            ],
          },
        ],
      },
    });
    const to = async (path: string, headers: Record<string, string> = {}, method = 'GET') =>
      (await send(proxy.port, { path, method, headers: { host: 'reviews:9080', ...headers } })).body;
    expect(await to('/')).toBe('a');
    expect(await to('/', { 'End-User': 'jason' })).toBe('b');
    expect(await to('/exact?q=1')).toBe('c');
    expect(await to('/v12')).toBe('d');
    expect(await to('/', {}, 'POST')).toBe('e');
    const nobody = await send(proxy.port, { headers: { host: 'elsewhere' } });
    expect(nobody.status).toBe(404);
    expect(nobody.body).toMatch(/no virtual host of routes takes elsewhere/i);
  });

  it('by weight, and at once by new weights', async () => {
    const clusters = await named('a', 'b');
    const weighted = (a: number, b: number) =>
      routesOf({
        match: { prefix: '/' },
        route: {
          weighted_clusters: {
            clusters: [
              { name: 'a', weight: a },
              { name: 'b', weight: b },
            ],
          },
        },
      });
    const proxy = await startTestProxy({ clusters, routes: weighted(80, 20) });
    const counts: Record<string, number> = { a: 0, b: 0 };
    for (let i = 0; i < 300; i++) counts[(await send(proxy.port)).body]! += 1;
    // Four standard errors of a share of 0.8 in 300 draws.
    expect(Math.abs(counts['a']! / 300 - 0.8)).toBeLessThan(4 * Math.sqrt((0.8 * 0.2) / 300));
    proxy.setRoutes(weighted(0, 100));
    for (let i = 0; i < 20; i++) expect((await send(proxy.port)).body).toBe('b');
  });

  it('to a cluster that a header names, or 503 where there is none', async () => {
    const proxy = await startTestProxy({
      clusters: await named('a'),
      routes: routesOf({ match: { prefix: '/' }, route: { cluster_header: 'x-cluster' } }),
    });
    expect((await send(proxy.port, { headers: { 'x-cluster': 'a' } })).body).toBe('a');
    const missing = await send(proxy.port, { headers: { 'x-cluster': 'z' } });
    expect(missing).toMatchObject({ status: 503, body: 'There is no cluster z.' });
  });

  it('rewritten: prefix, regular expression, host', async () => {
    const proxy = await startTestProxy({
      clusters: await named('a'),
      routes: routesOf(
        {
          match: { prefix: '/old/' },
          route: { cluster: 'a', prefix_rewrite: '/new/', host_rewrite_literal: 'inside' },
        },
        {
          match: { safe_regex: { regex: '/u/.*' } },
          route: {
            cluster: 'a',
            regex_rewrite: { pattern: { regex: '^/u/([^/]+)' }, substitution: '/user-\\1' },
          },
        },
      ),
    });
    const first = await send(proxy.port, { path: '/old/x?y=/old/', headers: { host: 'outside' } });
    expect(first.headers).toMatchObject({ 'x-path': '/new/x?y=/old/', 'x-host': 'inside' });
    expect((await send(proxy.port, { path: '/u/me/z' })).headers['x-path']).toBe('/user-me/z');
  });
});

describe('routes that answer by themselves', () => {
  it('redirect', async () => {
    const proxy = await startTestProxy({
      routes: routesOf(
        { match: { path: '/a' }, redirect: { https_redirect: true } },
        {
          match: { prefix: '/b' },
          redirect: {
            prefix_rewrite: '/c',
            host_redirect: 'other',
            port_redirect: 8443,
            response_code: 'FOUND',
          },
        },
        {
          match: { prefix: '/q' },
          redirect: { path_redirect: '/z', strip_query: true, response_code: 'SEE_OTHER' },
        },
      ),
    });
    const location = async (path: string) => {
      const { status, headers } = await send(proxy.port, { path, headers: { host: 'here:80' } });
      return [status, headers['location']];
    };
    expect(await location('/a?x=1')).toEqual([301, 'https://here/a?x=1']);
    expect(await location('/b/d?x')).toEqual([302, 'http://other:8443/c/d?x']);
    expect(await location('/q?x')).toEqual([303, 'http://here:80/z']);
  });

  it('answer directly, HEAD without the body, and the connection stays', async () => {
    const proxy = await startTestProxy({
      routes: routesOf({
        match: { prefix: '/' },
        direct_response: { status: 418, body: { inline_string: 'tea' } },
        response_headers_to_add: [{ header: { key: 'X-Pot', value: '%PROTOCOL%' } }],
      }),
    });
    const text = await sendRaw(
      proxy.port,
      'GET / HTTP/1.1\r\nHost: a\r\n\r\nHEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
    );
    expect(text.match(/HTTP\/1\.1 418/g)).toHaveLength(3);
    expect(text.match(/\r\n\r\ntea/g)).toHaveLength(2);
    expect(text.match(/X-Pot: HTTP\/1\.1/g)).toHaveLength(3);
  });
});
