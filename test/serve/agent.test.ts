import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RunningAgent, runAgent } from '../../src/agent/main.ts';
import { any } from '../../src/xds/resources.ts';
import { envoyForTests, fetchText, freePorts, type RunningEnvoy, startEnvoy } from './envoy.ts';
import { type Contents, type PlainMesh, plainMesh } from './plain-mesh.ts';

const envoy = await envoyForTests();
const nodeId = 'sidecar~10.244.0.1~web-1.default~default.svc.cluster.local';
const workload = { namespace: 'default', name: 'web-1', serviceAccount: 'web' };
const spiffeId = 'spiffe://cluster.local/ns/default/sa/web';

let mesh: PlainMesh;
let app: Server;
let agent: RunningAgent | undefined;
let agentLog: string[];
let running: RunningEnvoy[];
let ports: readonly number[];

beforeEach(async () => {
  mesh = await plainMesh({ workloads: [workload] });
  app = createServer((request, response) => response.end(`app ${request.headers['x-route'] ?? ''}`));
  await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
  agentLog = [];
  running = [];
  ports = freePorts(5);
  await mkdir(join(mesh.folder, 'agent'));
  await configure('web-1');
});

afterEach(async () => {
  for (const one of running) await one.kill();
  await agent?.close();
  agent = undefined;
  await new Promise((resolve) => app.close(resolve));
  await mesh.close();
});

const socketPath = () => join(mesh.folder, 'web-1.sock');
const log = (line: string) => void agentLog.push(line);

async function configure(pod: string): Promise<void> {
  const config = {
    namespace: 'default',
    pod,
    serviceAccount: 'web',
    socketPath: join(mesh.folder, `${pod}.sock`),
    tokenFile: await mesh.tokenFile('default', 'web', pod),
    controlAddress: `127.0.0.1:${mesh.securePort}`,
    caRoot: mesh.rootsFile,
    cacheDir: join(mesh.folder, 'cache'),
  };
  const file = join(mesh.folder, 'agent', `${pod}.json`);
  await writeFile(`${file}.draft`, JSON.stringify(config));
  await rename(`${file}.draft`, file);
}

async function startAgent(): Promise<void> {
  agent = await runAgent({ configDir: join(mesh.folder, 'agent') }, { log });
}

async function start(adminPort: number): Promise<RunningEnvoy> {
  const { folder } = mesh;
  const one = await startEnvoy({ binary: envoy!, folder, nodeId, ads: socketPath(), adminPort });
  running.push(one);
  await eventually(() => one.isLive());
  return one;
}

/** Waits until something holds; the limit only ends a test that fails. */
async function eventually(holds: () => Promise<boolean> | boolean, limitMs = 20_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > endMs) {
      throw new Error(`${holds} does not come true\n${agentLog.join('\n')}\n${running.at(-1)?.output()}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Plain HTTP in on `entry`, mutual TLS to the Envoy itself on `secured`, from there to the app; `label` marks the route. */
function contents(label: string): Contents {
  const [entry = 0, secured = 0] = ports;
  const appPort = (app.address() as AddressInfo).port;
  const sds = (name: string) => ({ name, sds_config: { ads: {}, resource_api_version: 'V3' } });
  const tls = {
    tls_certificate_sds_secret_configs: [sds('default')],
    combined_validation_context: {
      default_validation_context: {
        match_typed_subject_alt_names: [{ san_type: 'URI', matcher: { exact: spiffeId } }],
      },
      validation_context_sds_secret_config: sds('ROOTCA'),
    },
  };
  const tlsType = 'envoy.extensions.transport_sockets.tls.v3';
  const eds = (name: string, extra: object = {}) => ({
    name,
    type: 'EDS',
    connect_timeout: '1s',
    eds_cluster_config: { eds_config: { ads: {}, resource_api_version: 'V3' } },
    ...extra,
  });
  const at = (name: string, port: number) => ({
    cluster_name: name,
    endpoints: [
      {
        lb_endpoints: [
          { endpoint: { address: { socket_address: { address: '127.0.0.1', port_value: port } } } },
        ],
      },
    ],
  });
  const hcm = (route: object) => ({
    name: 'envoy.filters.network.http_connection_manager',
    typed_config: any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
      stat_prefix: 'test',
      ...route,
      http_filters: [
        {
          name: 'envoy.filters.http.router',
          typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}),
        },
      ],
    }),
  });
  const listener = (name: string, port: number, chain: object) => ({
    name,
    address: { socket_address: { address: '127.0.0.1', port_value: port } },
    filter_chains: [chain],
  });
  const rds = (name: string) => ({
    rds: { route_config_name: name, config_source: { ads: {}, resource_api_version: 'V3' } },
  });
  const routeTo = (name: string, cluster: string) => ({
    name,
    virtual_hosts: [
      {
        name: 'all',
        domains: ['*'],
        routes: [{ match: { prefix: '/' }, route: { cluster } }],
        request_headers_to_add: [
          { header: { key: 'x-route', value: label }, append_action: 'OVERWRITE_IF_EXISTS_OR_ADD' },
        ],
      },
    ],
  });
  return {
    clusters: [
      eds('app'),
      eds('mutual', {
        transport_socket: {
          name: 'envoy.transport_sockets.tls',
          typed_config: any(`${tlsType}.UpstreamTlsContext`, { common_tls_context: tls }),
        },
      }),
    ],
    endpoints: [at('app', appPort), at('mutual', secured)],
    listeners: [
      listener('entry', entry, { filters: [hcm(rds('entry'))] }),
      listener('secured', secured, {
        filters: [hcm(rds('secured'))],
        transport_socket: {
          name: 'envoy.transport_sockets.tls',
          typed_config: any(`${tlsType}.DownstreamTlsContext`, {
            common_tls_context: tls,
            require_client_certificate: true,
          }),
        },
      }),
    ],
    routes: [routeTo('entry', 'mutual'), routeTo('secured', 'app')],
  };
}

const fetched = () => fetchText(ports[0]!, '/').catch((error) => String(error));

describe.skipIf(envoy === undefined)('an Envoy behind the agent', () => {
  it('gets its configuration and its identity, and changes at once', async () => {
    mesh.set(contents('one'));
    await startAgent();
    await start(ports[2]!);
    await eventually(async () => (await fetched()) === 'app one');
    const certs = JSON.parse(await running[0]!.admin('/certs'));
    expect(JSON.stringify(certs)).toContain(spiffeId);
    const dump = await running[0]!.admin('/config_dump');
    expect(dump).not.toContain('PRIVATE KEY');
    mesh.set(contents('two'));
    const changedMs = performance.now();
    await eventually(async () => (await fetched()) === 'app two');
    console.log(
      `from change to the first request that obeys: ${Math.round(performance.now() - changedMs)} ms`,
    );
    expect(agentLog.join('\n')).not.toMatch(/PRIVATE|eyJ/);
  });

  it('restarts from what it used last while the control plane is away, and hears of changes when it is back', async () => {
    mesh.set(contents('one'));
    await startAgent();
    const first = await start(ports[2]!);
    await eventually(async () => (await fetched()) === 'app one');
    await eventually(async () => (await readdir(join(mesh.folder, 'cache')).catch(() => [])).length > 0);
    await mesh.stop();
    expect(await fetched()).toBe('app one');
    await first.kill();
    await start(ports[3]!);
    await eventually(async () => (await fetched()) === 'app one');
    mesh.set(contents('three'));
    await mesh.start();
    await eventually(async () => (await fetched()) === 'app three');
    await eventually(() => mesh.fleet.streams().length === 1);
    const sent = mesh.fleet.streams()[0]!.record.pushes;
    expect(sent).toBeGreaterThan(0);
  });

  it('keeps an Envoy going while the agent itself restarts, and starts from its disk', async () => {
    mesh.set(contents('one'));
    await startAgent();
    await start(ports[2]!);
    await eventually(async () => (await fetched()) === 'app one');
    await agent!.close();
    const file = join(mesh.folder, 'cache', 'web-1.default.held');
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await fetched()).toBe('app one');
    await startAgent();
    mesh.set(contents('two'));
    await eventually(async () => (await fetched()) === 'app two', 40_000);
    await agent!.close();
    const kept = await readFile(file);
    kept[kept.length - 1]! ^= 1;
    await writeFile(file, kept);
    await startAgent();
    expect(agentLog.join('\n')).toContain('torn or was altered');
    mesh.set(contents('three'));
    await eventually(async () => (await fetched()) === 'app three', 40_000);
  });

  it('hands a refusal of the Envoy to the control plane, and the good part takes effect', async () => {
    mesh.set(contents('one'));
    await startAgent();
    await start(ports[2]!);
    await eventually(async () => (await fetched()) === 'app one');
    const good = contents('two');
    const bad = {
      name: 'broken',
      type: 'EDS',
      connect_timeout: '1s',
      lb_policy: 'RING_HASH',
      ring_hash_lb_config: { minimum_ring_size: 9e6, maximum_ring_size: 1 },
    };
    mesh.set({ ...good, clusters: [...good.clusters!, bad] });
    await eventually(async () => (await fetched()) === 'app two');
    await eventually(() => (mesh.fleet.streams()[0]?.record.rejections ?? 0) > 0);
    const types = mesh.fleet.streams()[0]!.types;
    const refused = [...types.values()].flatMap((type) => [...type.refused.keys()]);
    expect(refused).toEqual(['broken']);
  });
});

describe('the agent', () => {
  it('serves workloads as their files come and go', async () => {
    await startAgent();
    expect(agent!.workloads()).toEqual(['web-1.default']);
    await configure('web-2');
    await eventually(() => agent!.workloads().length === 2);
    await writeFile(join(mesh.folder, 'agent', 'bad.json'), '{"pod": 1}');
    await eventually(() => agentLog.some((line) => line.includes('bad.json cannot be served: namespace')));
    await rm(join(mesh.folder, 'agent', 'web-1.json'));
    await eventually(() => agent!.workloads().join() === 'web-2.default');
    await expect(stat(socketPath())).rejects.toThrow();
  });
});
