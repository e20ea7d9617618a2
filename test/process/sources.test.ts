import { renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { any } from '../../src/xds/resources.ts';
import { eventually } from '../mesh/eventually.ts';
import { type PlainMesh, plainMesh } from '../serve/plain-mesh.ts';
import { makePlace, startProxyProcess } from './proxy-process.ts';

const app = createServer((request, response) => response.end(`route ${request.headers['x-route']}`));
let upstream: number;
beforeAll(async () => {
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  upstream = (app.address() as AddressInfo).port;
});
const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});
afterAll(() => {
  app.closeAllConnections();
  app.close();
});

const address = (port_value: number) => ({ socket_address: { address: '127.0.0.1', port_value } });
const nodeId = 'sidecar~10.244.0.1~web-1.default~default.svc.cluster.local';

/** A listener with RDS, an EDS cluster; all sources are what `source` says for a type. */
function resources(port: number, revision: number, source: (type: string) => object) {
  const manager = any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'test',
    rds: { route_config_name: 'main', config_source: source('rds') },
    http_filters: [
      { name: 'router', typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}) },
    ],
  });
  const header = { key: 'x-route', value: `${revision}` };
  const cluster = `app-${revision}`;
  return {
    listeners: [
      {
        name: 'main',
        address: address(port),
        filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
      },
    ],
    clusters: [{ name: cluster, type: 'EDS', eds_cluster_config: { eds_config: source('eds') } }],
    endpoints: [
      {
        cluster_name: cluster,
        endpoints: [{ lb_endpoints: [{ endpoint: { address: address(upstream) } }] }],
      },
    ],
    routes: [
      {
        name: 'main',
        virtual_hosts: [
          {
            name: 'all',
            domains: ['*'],
            routes: [{ match: { prefix: '/' }, route: { cluster } }],
            request_headers_to_add: [{ header }],
          },
        ],
      },
    ],
  };
}

describe.each([
  { apiType: 'GRPC', workers: '1' },
  { apiType: 'DELTA_GRPC', workers: '2' },
  { apiType: 'GRPC', workers: '2' },
])('a proxy with ADS in $apiType and $workers workers', ({ apiType, workers }) => {
  it('follows changes, keeps what holds when one is refused, and loses no request', async () => {
    const mesh: PlainMesh = await plainMesh();
    cleanups.push(() => mesh.close());
    const ads = () => ({ ads: {}, resource_api_version: 'V3' });
    const place = await makePlace(upstream, (admin) => ({
      node: { id: nodeId, cluster: 'test' },
      admin: { address: address(admin) },
      dynamic_resources: {
        ads_config: {
          api_type: apiType,
          transport_api_version: 'V3',
          grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
        },
        cds_config: ads(),
        lds_config: ads(),
      },
      static_resources: { clusters: [xdsCluster(mesh.plainPort)] },
    }));
    cleanups.push(place.remove);
    mesh.set(resources(place.port, 1, ads));
    const proxy = await startProxyProcess(place, ['--concurrency', workers]);
    cleanups.push(proxy.stop);
    expect(await ask(place.port)).toBe('route 1');

    const answers: string[] = [];
    let over = false;
    const asking = (async () => {
      while (!over) answers.push(await ask(place.port));
    })();
    for (let revision = 2; revision <= 4; revision++) {
      mesh.set(resources(place.port, revision, ads));
      await eventually(async () => expect(await ask(place.port)).toBe(`route ${revision}`));
    }
    // A cluster that no proxy can use is refused alone: the rest of the same change is put to use.
    const next = resources(place.port, 5, ads);
    const bad = { name: 'bad', type: 'EDS', filters: [{ name: 'unheard-of' }] };
    mesh.set({ ...next, clusters: [...next.clusters, bad] });
    await eventually(async () => expect(await ask(place.port)).toBe('route 5'));
    await eventually(() => expect(proxy.output()).toContain('Cluster bad: '));
    over = true;
    await asking;
    expect(answers.filter((text) => !/^route [1-5]$/.test(text))).toEqual([]);
  });
});

describe('a proxy whose configuration is in files', () => {
  it('follows files that are moved into place, one for each type', async () => {
    const place = await makePlace(upstream, (admin, _port, _upstream, folder) => ({
      node: { id: nodeId, cluster: 'test' },
      admin: { address: address(admin) },
      dynamic_resources: { lds_config: inFile(folder, 'lds'), cds_config: inFile(folder, 'cds') },
    }));
    cleanups.push(place.remove);
    const write = (revision: number, broken = false): void => {
      const all = resources(place.port, revision, (type) => inFile(place.folder, type));
      const files = { eds: all.endpoints, cds: all.clusters, rds: all.routes, lds: all.listeners };
      for (const [type, list] of Object.entries(files)) {
        const response = {
          version_info: `${revision}`,
          resources: list.map((resource) => ({ '@type': typeUrlOf[type], ...resource })),
        };
        const path = join(place.folder, `${type}.json`);
        writeFileSync(`${path}.new`, broken ? '{"resources": [' : JSON.stringify(response));
        renameSync(`${path}.new`, path);
      }
    };
    write(1);
    const proxy = await startProxyProcess(place, []);
    cleanups.push(proxy.stop);
    expect(await ask(place.port)).toBe('route 1');
    write(2);
    await eventually(async () => expect(await ask(place.port)).toBe('route 2'));
    write(3, true);
    await eventually(() => expect(proxy.output()).toMatch(/rds\.json: .*JSON/));
    expect(await ask(place.port)).toBe('route 2');
    write(4);
    await eventually(async () => expect(await ask(place.port)).toBe('route 4'));
  });
});

const typeUrlOf: Readonly<Record<string, string>> = {
  lds: 'type.googleapis.com/envoy.config.listener.v3.Listener',
  cds: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
  rds: 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration',
  eds: 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment',
};

function inFile(folder: string, type: string): object {
  return { path_config_source: { path: join(folder, `${type}.json`) }, resource_api_version: 'V3' };
}

function xdsCluster(port: number): object {
  return {
    name: 'xds',
    type: 'STATIC',
    load_assignment: {
      cluster_name: 'xds',
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
    },
  };
}

async function ask(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/`);
  return response.status === 200 ? response.text() : `status ${response.status}: ${await response.text()}`;
}
