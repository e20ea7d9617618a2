import { createServer, get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import type { Clock } from '../../lib/clock.ts';
import { systemClock } from '../../lib/clock.ts';
import { freePort } from '../../testing/free-port.ts';
import { encode } from '../../xds/encode.ts';
import { ON_DEMAND } from '../../xds/names.ts';
import {
  any,
  type Cluster,
  type Listener,
  messageOf,
  type RouteConfiguration,
  typeUrls,
} from '../../xds/resources.ts';
import type { DataPlane } from '../data-plane.ts';
import { startTestDataPlane } from '../test-data-plane.ts';
import { staticCluster } from '../test-proxy.ts';
import { DEMAND_LIMITS } from './limits.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const called = { address: '10.96.0.7', port: 80 };

describe('a call to what is not held', () => {
  it('waits while listener, host and cluster come, each as it turns out to be needed', async () => {
    const { plane, port } = await planeOnDemand();
    const answer = ask(port, 'WEB:80');
    await wanted(plane, 'listeners', ['10.96.0.7_80', '0.0.0.0_80']);
    await plane.apply(typeUrls.listener, [resource(typeUrls.listener, httpListener)], ['10.96.0.7_80']);
    expect(plane.needed().routes).toEqual(['80']);
    await plane.apply(typeUrls.route, [resource(typeUrls.route, routes)], []);
    await wanted(plane, 'virtualHosts', ['80/web']);
    await plane.apply(typeUrls.virtualHost, [resource(typeUrls.virtualHost, hostTo('web'), '80/web')], []);
    expect(plane.needed().onDemand?.clusters).toContain('web');
    await plane.apply(typeUrls.cluster, [resource(typeUrls.cluster, await webCluster())], []);
    expect(await answer).toBe('200 page');
    expect(await ask(port, 'web')).toBe('200 page'); // and needs nobody any more
  });

  it('goes where the socket says when the control plane knows of nothing there', async () => {
    const { plane, port } = await planeOnDemand();
    const answer = ask(port, 'stranger');
    await wanted(plane, 'listeners', ['10.96.0.7_80', '0.0.0.0_80']);
    await plane.apply(typeUrls.listener, [], ['10.96.0.7_80', '0.0.0.0_80']);
    expect(await answer).toBe('200 page');
    expect(plane.needed().onDemand?.listeners).toHaveLength(2); // it would hear of one that appears
  });

  it('is refused when nobody says in time, and nothing is passed on', async () => {
    const { clock, port, logged } = await planeOnDemand();
    const answer = ask(port, 'web');
    await expect.poll(() => clock.held(DEMAND_LIMITS.answerMs)).toBe(1);
    clock.release(DEMAND_LIMITS.answerMs);
    expect(await answer).toMatch(/ECONNRESET|socket hang up/);
    expect(logged.join()).toContain('the control plane has not said what is there');
  });

  it('gets an answer that says so when only the host is not known in time', async () => {
    const { plane, clock, port } = await planeOnDemand();
    await plane.apply(typeUrls.listener, [resource(typeUrls.listener, httpListener)], ['10.96.0.7_80']);
    await plane.apply(typeUrls.route, [resource(typeUrls.route, routes)], []);
    const answer = ask(port, 'web');
    await wanted(plane, 'virtualHosts', ['80/web']);
    await expect.poll(() => clock.held(DEMAND_LIMITS.answerMs)).toBe(1);
    clock.release(DEMAND_LIMITS.answerMs);
    expect(await answer).toBe(
      '503 The control plane has not said where this host leads, and it was never called before.',
    );
  });

  it('is given up with the client', async () => {
    const { plane, port } = await planeOnDemand();
    const socket = connect(port, '127.0.0.1');
    await wanted(plane, 'listeners', ['10.96.0.7_80', '0.0.0.0_80']);
    socket.destroy();
    await plane.apply(typeUrls.listener, [], ['10.96.0.7_80', '0.0.0.0_80']);
    expect(await ask(port, 'any')).toBe('200 page');
  });
});

describe('what is held', () => {
  it('is another one from the moment it changes, and clusters that are gone last as long as routes lead there', async () => {
    const { plane, port } = await planeOnDemand();
    await plane.apply(typeUrls.cluster, [resource(typeUrls.cluster, await webCluster())], []);
    await plane.apply(typeUrls.listener, [resource(typeUrls.listener, httpListener)], ['10.96.0.7_80']);
    await plane.apply(typeUrls.route, [resource(typeUrls.route, routes)], []);
    await plane.apply(typeUrls.virtualHost, [resource(typeUrls.virtualHost, hostTo('web'), '80/web')], []);
    expect(await ask(port, 'web')).toBe('200 page');
    await plane.apply(typeUrls.cluster, [], ['web']);
    expect(await ask(port, 'web')).toBe('200 page');
    const gone = {
      name: 'web',
      domains: ['web'],
      routes: [{ match: { prefix: '/' }, direct_response: { status: 410 } }],
    };
    await plane.apply(typeUrls.virtualHost, [resource(typeUrls.virtualHost, gone, '80/web')], []);
    expect(await ask(port, 'web')).toBe('410 ');
    await plane.apply(typeUrls.virtualHost, [], ['80/web']);
    expect(await ask(port, 'web')).toMatch(/^404/);
  });
});

const routes: RouteConfiguration = {
  name: '80',
  vhds: { config_source: { ads: {} } },
  ignore_port_in_host_matching: true,
};
const filter = (name: string, message: string, config: object) => ({
  name,
  typed_config: any(`envoy.extensions.filters.${message}`, config),
});
const router = filter('envoy.filters.http.router', 'http.router.v3.Router', {});
const httpListener: Listener = {
  name: '0.0.0.0_80',
  address: { socket_address: { address: '0.0.0.0', port_value: 80 } },
  bind_to_port: false,
  traffic_direction: 'OUTBOUND',
  filter_chains: [
    {
      filters: [
        filter('http', 'network.http_connection_manager.v3.HttpConnectionManager', {
          stat_prefix: 'outbound',
          rds: { route_config_name: '80', config_source: { ads: {} } },
          http_filters: [router],
        }),
      ],
    },
  ],
};

function hostTo(cluster: string) {
  return { name: 'web', domains: ['web'], routes: [{ match: { prefix: '/' }, route: { cluster } }] };
}

async function webCluster(name = 'web'): Promise<Cluster> {
  const server = createServer((_request, response) => response.end('page'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return staticCluster(name, [(server.address() as AddressInfo).port]);
}

function resource(typeUrl: string, message: object & { readonly name?: string }, name = message.name ?? '') {
  return { typeUrl, name, version: '1', value: encode(messageOf(typeUrl), message) };
}

/** A data plane whose intercepted calls go to 10.96.0.7:80, and to a page where nothing is known of that. */
async function planeOnDemand() {
  const port = await freePort();
  const address = { socket_address: { address: '127.0.0.1', port_value: port } };
  const bootstrap = {
    node: { id: 'sidecar~10.0.0.1~a.b~c', metadata: { [ON_DEMAND]: 'true' } },
    dynamic_resources: {
      ads_config: { api_type: 'DELTA_GRPC', grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }] },
      lds_config: { ads: {} },
      cds_config: { ads: {} },
    },
    static_resources: {
      clusters: [{ name: 'xds', type: 'STATIC' }, await webCluster('passthrough')],
      listeners: [
        {
          name: 'virtualOutbound',
          address,
          use_original_dst: true,
          traffic_direction: 'OUTBOUND',
          filter_chains: [
            {
              filters: [
                filter('tcp', 'network.tcp_proxy.v3.TcpProxy', {
                  stat_prefix: 'out',
                  cluster: 'passthrough',
                }),
              ],
            },
          ],
        },
      ],
    },
  };
  const logged: string[] = [];
  const clock = holdingClock();
  const { plane, stop } = await startTestDataPlane(bootstrap, '', {
    clock,
    originalDestination: () => called,
    log: (_level, text) => logged.push(text),
  });
  cleanups.push(stop);
  return { plane, port, clock, logged };
}

/** The machine's clock, but timers of the on-demand limits run when they are released. */
function holdingClock(): Clock & { held(ms: number): number; release(ms: number): void } {
  const timers = new Map<() => void, number>();
  const ofTime = (ms: number) =>
    [...timers].filter(([, delay]) => delay === ms).map(([callback]) => callback);
  return {
    ...systemClock,
    setTimeout(callback, delayMs) {
      if (delayMs !== DEMAND_LIMITS.answerMs) return systemClock.setTimeout(callback, delayMs);
      timers.set(callback, delayMs);
      return { cancel: () => void timers.delete(callback) };
    },
    held: (ms) => ofTime(ms).length,
    release(ms) {
      for (const callback of ofTime(ms)) {
        timers.delete(callback);
        callback();
      }
    },
  };
}

async function wanted(
  plane: DataPlane,
  kind: 'listeners' | 'virtualHosts',
  names: readonly string[],
): Promise<void> {
  await expect.poll(() => plane.needed().onDemand?.[kind], { timeout: 5_000 }).toEqual(names);
}

/** Status and body of one request on a connection of its own, or why there is none. */
function ask(port: number, host: string): Promise<string> {
  return new Promise((resolve) => {
    const asked = get({ port, host: '127.0.0.1', headers: { host }, agent: false }, (answer) => {
      let body = '';
      answer.on('data', (chunk) => (body += chunk));
      answer.on('end', () => resolve(`${answer.statusCode} ${body}`));
    });
    asked.on('error', (error) => resolve((error as NodeJS.ErrnoException).code ?? error.message));
  });
}
