import { afterEach, describe, expect, it } from 'vitest';
import { any, type Cluster, type RouteConfiguration } from '../../../../xds/resources.ts';
import {
  closeAll,
  eventually,
  openRaw,
  routesOf,
  send,
  startRawUpstream,
  startTestProxy,
  startUpstream,
} from '../../../test-proxy.ts';

afterEach(closeAll);

type RetryPolicy = NonNullable<
  NonNullable<
    NonNullable<NonNullable<RouteConfiguration['virtual_hosts']>[number]['routes']>[number]['route']
  >['retry_policy']
>;
type LocalityEndpoints = NonNullable<NonNullable<Cluster['load_assignment']>['endpoints']>[number];

const RETRY = { retry_on: '5xx', num_retries: 3, retry_back_off: { base_interval: '0.001s' } };

/** Endpoints that say their name with a status; `seen` is who was asked, in order. */
async function startEndpoints(statuses: Readonly<Record<string, number>>) {
  const seen: string[] = [];
  const ports = new Map<string, number>();
  for (const [name, status] of Object.entries(statuses)) {
    const { port } = await startUpstream((_request, response) => {
      seen.push(name);
      response.writeHead(status, { 'content-length': name.length });
      response.end(name);
    });
    ports.set(name, port);
  }
  const at = (name: string, lb?: Record<string, boolean | string>) => ({
    endpoint: {
      address: { socket_address: { address: '127.0.0.1', port_value: ports.get(name) as number } },
    },
    ...(lb && { metadata: { filter_metadata: { 'envoy.lb': lb } } }),
  });
  return { seen, at };
}

function clusterOf(endpoints: readonly LocalityEndpoints[], more: Cluster = {}): Cluster {
  return { name: 'c', connect_timeout: '1s', load_assignment: { cluster_name: 'c', endpoints }, ...more };
}

async function startRetrying(endpoints: readonly LocalityEndpoints[], retry_policy: RetryPolicy) {
  return startTestProxy({
    clusters: [clusterOf(endpoints)],
    routes: routesOf({ match: { prefix: '/' }, route: { cluster: 'c', retry_policy } }),
  });
}

describe('cookies of hash policies', () => {
  it('are made for who has none, and bring back to the same endpoint', async () => {
    const { at } = await startEndpoints({ a: 200, b: 200, c: 200, d: 200 });
    const proxy = await startTestProxy({
      clusters: [
        clusterOf([{ lb_endpoints: ['a', 'b', 'c', 'd'].map((name) => at(name)) }], {
          lb_policy: 'RING_HASH',
        }),
      ],
      routes: routesOf({
        match: { prefix: '/' },
        route: {
          cluster: 'c',
          hash_policy: [
            {
              cookie: {
                name: 'stick',
                ttl: '60s',
                path: '/',
                attributes: [{ name: 'SameSite', value: 'Lax' }],
              },
            },
          ],
        },
      }),
    });
    const first = await send(proxy.port);
    const [cookie = ''] = first.headers['set-cookie'] ?? [];
    expect(cookie).toMatch(/^stick="[0-9a-f]{16}"; Max-Age=60; Path=\/; SameSite=Lax; HttpOnly$/);
    const stick = cookie.slice(0, cookie.indexOf(';'));
    for (let i = 0; i < 6; i++) {
      const again = await send(proxy.port, { headers: { cookie: stick } });
      expect(again.body).toBe(first.body);
      expect(again.headers['set-cookie']).toBeUndefined();
    }
  });
});

describe('tries after the first', () => {
  it('leave out canaries', async () => {
    const { seen, at } = await startEndpoints({ main: 503, canary: 200 });
    const retry_host_predicate = [
      {
        name: 'omit',
        typed_config: any('envoy.extensions.retry.host.omit_canary_hosts.v3.OmitCanaryHostsPredicate', {}),
      },
    ];
    const proxy = await startRetrying([{ lb_endpoints: [at('main'), at('canary', { canary: true })] }], {
      ...RETRY,
      retry_host_predicate,
      host_selection_retry_max_attempts: 10,
    });
    const answers = [await send(proxy.port), await send(proxy.port)];
    // Only a first try goes to the canary, and that one succeeds.
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 503]);
    expect(seen.filter((name) => name === 'canary')).toHaveLength(1);
    expect(seen.filter((name) => name === 'main')).toHaveLength(4);
  });

  it('leave out endpoints by their metadata', async () => {
    const { seen, at } = await startEndpoints({ main: 503, old: 200 });
    const retry_host_predicate = [
      {
        name: 'omit',
        typed_config: any('envoy.extensions.retry.host.omit_host_metadata.v3.OmitHostMetadataConfig', {
          metadata_match: { filter_metadata: { 'envoy.lb': { version: 'v1' } } },
        }),
      },
    ];
    const proxy = await startRetrying([{ lb_endpoints: [at('main'), at('old', { version: 'v1' })] }], {
      ...RETRY,
      retry_host_predicate,
      host_selection_retry_max_attempts: 10,
    });
    await send(proxy.port);
    await send(proxy.port);
    expect(seen.filter((name) => name === 'old')).toHaveLength(1);
  });

  it('go to other priorities than those before', async () => {
    const { seen, at } = await startEndpoints({ first: 503, second: 200 });
    const proxy = await startRetrying(
      [{ lb_endpoints: [at('first')] }, { priority: 1, lb_endpoints: [at('second')] }],
      {
        ...RETRY,
        retry_priority: {
          name: 'previous',
          typed_config: any(
            'envoy.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig',
            { update_frequency: 1 },
          ),
        },
      },
    );
    expect((await send(proxy.port)).body).toBe('second');
    expect(seen).toEqual(['first', 'second']);
  });
});

it('an answer without a body that is tried again leaves its connection to others', async () => {
  let connections = 0;
  let requests = 0;
  const { port } = await startRawUpstream((socket) => {
    connections++;
    socket.on('data', () => {
      const status = ++requests < 3 ? '503 Later' : '200 OK';
      socket.write(`HTTP/1.1 ${status}\r\ncontent-length: 0\r\n\r\n`);
    });
  });
  const lb_endpoints = [
    { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } },
  ];
  const proxy = await startRetrying([{ lb_endpoints }], RETRY);
  expect((await send(proxy.port)).status).toBe(200);
  expect([requests, connections]).toEqual([3, 1]);
});

it('who is answered before the end of a request is told that the connection ends', async () => {
  const proxy = await startTestProxy({ routes: { name: 'routes', virtual_hosts: [] } });
  const client = await openRaw(proxy.port);
  client.socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf');
  const head = await client.read(/\r\n\r\n/);
  expect(head).toMatch(/^HTTP\/1.1 404 /);
  expect(head).toMatch(/\r\nconnection: close\r\n/);
  client.socket.write('other.');
  await client.read(/<end>/);
  await eventually(() => proxy.openConnections() === 0 || client.socket.readableEnded);
});
