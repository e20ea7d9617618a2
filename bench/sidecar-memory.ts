// How the memory of a sidecar grows with the mesh: a sidecar whose workload uses five services, in meshes of ever more
// services, weft's on demand and holding everything, and Envoy. Run as root after `npm run build`:
// node bench/sidecar-memory.ts [services=10,100,1000,5000] [proxies=demand,whole,envoy,envoy-demand]
//
// Everything runs in a network namespace of its own (unshare): there calls to cluster IPs are redirected to the
// sidecar's port 15001, as in a Pod.
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { Resolver } from 'node:dns/promises';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findEnvoy } from '../src/local/envoy-binary.ts';
import { nodeFlags } from '../src/proxy/node-flags.ts';
import { ON_DEMAND, ON_DEMAND_ENVOY } from '../src/xds/names.ts';
import { residentBytes } from './peers/process-usage.ts';

const INSIDE = 'WEFT_BENCH_INSIDE';
const XDS_PORT = 15_010;
const ADMIN_PORT = 15_000;
const APP_PORT = 18_080;
const OWN = '10.0.0.1';
const USED = 5;
/** After the last request: young generations are collected, and what is unused is given back. */
const REST_MS = 12_000;
const START_LIMIT_MS = 120_000;
const REQUEST_LIMIT_MS = 20_000;
/** Interception tells the proxy's own connections by its user, as in a Pod. */
const PROXY_UID = 1337;
const AS_PROXY = ['--reuid', `${PROXY_UID}`, '--clear-groups'];
/** Children end with us, however we end. */
const TIED = ['--pdeathsig', 'KILL', '--'];
const root = fileURLToPath(new URL('..', import.meta.url));

type Kind = 'demand' | 'whole' | 'envoy' | 'envoy-demand';

const sizes = (process.argv[2] ?? '10,100,1000,5000').split(',').map(Number);
const kinds = (process.argv[3] ?? 'demand,whole,envoy,envoy-demand').split(',') as Kind[];

if (process.env[INSIDE] === undefined) {
  const argv = ['-n', '--', 'setpriv', ...TIED, process.execPath, ...process.argv.slice(1)];
  const { status } = spawnSync('unshare', argv, { stdio: 'inherit', env: { ...process.env, [INSIDE]: '1' } });
  process.exitCode = status ?? 1;
} else await main();

async function main(): Promise<void> {
  prepareNetwork();
  const app = createServer((_request, response) => response.end('ok'));
  await new Promise<void>((resolve) => app.listen(APP_PORT, '127.0.0.1', resolve));
  console.log(
    'services | proxy | RSS MiB | listeners + clusters + virtual hosts | first requests ms (slowest / median) | second',
  );
  for (const size of sizes) {
    const folder = mkdtempSync(join(tmpdir(), 'weft-memory-'));
    writeFileSync(
      join(folder, 'mesh.json'),
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: meshOf(size) }),
    );
    const control = await startControl(folder);
    for (const kind of kinds) console.log(`${size} | ${kind} | ${await measure(kind, folder, size)}`);
    await stop(control);
    rmSync(folder, { recursive: true, force: true });
  }
  app.close();
}

function prepareNetwork(): void {
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  execFileSync('ip', ['addr', 'add', `${OWN}/32`, 'dev', 'lo']);
  execFileSync('ip', ['route', 'add', '10.96.0.0/16', 'dev', 'lo', 'src', OWN]);
  const rules = [
    'table ip weft {',
    'chain out {',
    'type nat hook output priority -100',
    `meta skuid ${PROXY_UID} accept`,
    'ip daddr 10.96.0.0/16 tcp dport != 0 redirect to :15001',
    '}',
    '}',
  ].join('\n');
  execFileSync('nft', ['-f', '-'], { input: rules });
}

function meshOf(size: number): readonly object[] {
  const meta = (name: string, namespace: string, labels?: object) => ({
    name,
    namespace,
    ...(labels && { labels }),
  });
  const settings = { apiVersion: 'v1', kind: 'ConfigMap', metadata: meta('istio', 'istio-system') };
  const peers = { apiVersion: 'security.istio.io/v1', kind: 'PeerAuthentication' };
  return [
    { ...settings, data: { mesh: 'enableAutoMtls: false\n' } },
    { ...peers, metadata: meta('default', 'istio-system'), spec: { mtls: { mode: 'DISABLE' } } },
    ...Array.from({ length: size }, (_, i) => {
      const [name, namespace] = [`svc${i}`, `ns${Math.floor(i / 20)}`];
      const ports = [
        { name: 'http', port: 80 },
        { name: 'tcp', port: 3306 },
      ];
      const spec = { clusterIP: address(i), ports: i % 5 === 0 ? ports : ports.slice(0, 1) };
      const ready = { conditions: { ready: true } };
      const addresses =
        i < USED ? ['127.0.0.1'] : [`10.244.${i >> 8}.${i & 255}`, `10.245.${i >> 8}.${i & 255}`];
      return [
        { apiVersion: 'v1', kind: 'Service', metadata: meta(name, namespace), spec },
        {
          apiVersion: 'discovery.k8s.io/v1',
          kind: 'EndpointSlice',
          metadata: meta(`${name}-1`, namespace, { 'kubernetes.io/service-name': name }),
          addressType: 'IPv4',
          ports: spec.ports.map(({ name: port }) => ({ name: port, port: APP_PORT, protocol: 'TCP' })),
          endpoints: addresses.map((one) => ({ addresses: [one], ...ready })),
        },
      ];
    }).flat(),
  ];
}

function address(i: number): string {
  return `10.96.${(i >> 8) + 1}.${i & 255}`;
}

async function startControl(folder: string): Promise<ChildProcess> {
  const flags = ['--key-dir', join(folder, 'ca'), '--plain', `127.0.0.1:${XDS_PORT}`];
  const argv = [join(root, 'dist/cli.js'), 'control', join(folder, 'mesh.json'), ...flags];
  const child = spawn('setpriv', [...TIED, process.execPath, ...argv], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('exit', (code) => reject(new Error(`the control plane ended with ${code}`)));
  });
  return child;
}

/** One proxy, started, used and left alone for a while. */
async function measure(kind: Kind, folder: string, size: number): Promise<string> {
  const own = join(folder, kind);
  mkdirSync(own);
  chmodSync(folder, 0o755);
  const file = join(own, 'bootstrap.json');
  writeFileSync(file, JSON.stringify(bootstrapOf(kind)));
  const [program, argv] = commandOf(kind, file);
  const child = spawn('setpriv', [...AS_PROXY, ...TIED, program, ...argv], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  try {
    await eventually(async () => (await text(ADMIN_PORT, '/server_info')).includes('"LIVE"'));
    if (!kind.endsWith('demand')) await eventually(async () => (await held()).clusters > size);
    const first = await useAll(kind);
    const second = await useAll(kind);
    await new Promise((resolve) => setTimeout(resolve, REST_MS));
    const { listeners, clusters, hosts } = await held();
    const mebibytes = residentBytes(child.pid ?? 0) / 1024 / 1024;
    return `${mebibytes.toFixed(1)} | ${listeners} + ${clusters} + ${hosts} | ${first} | ${second}`;
  } finally {
    await stop(child);
  }
}

function commandOf(kind: Kind, file: string): [string, string[]] {
  if (!kind.startsWith('envoy'))
    return [
      process.execPath,
      [...nodeFlags, join(root, 'dist/proxy.js'), '--config-path', file, '--log-level', 'error'],
    ];
  const envoy = findEnvoy({ path: process.env['PATH'] ?? '', caches: [join(root, '.weft')] });
  if (envoy === undefined) throw new Error('Envoy is not installed');
  return [envoy, ['-c', file, '--concurrency', '1', '--disable-hot-restart', '--log-level', 'error']];
}

function bootstrapOf(kind: Kind): object {
  const socket = (port_value: number) => ({ socket_address: { address: '127.0.0.1', port_value } });
  const ads = { ads: {}, resource_api_version: 'V3' };
  const onDemand = kind === 'demand' ? 'true' : kind === 'envoy-demand' && ON_DEMAND_ENVOY;
  return {
    node: {
      id: 'sidecar~127.0.0.1~client-0.default~default.svc.cluster.local',
      cluster: 'client',
      metadata: { NAMESPACE: 'default', ...(onDemand && { [ON_DEMAND]: onDemand }) },
    },
    admin: { address: socket(ADMIN_PORT) },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
      lds_config: ads,
      cds_config: ads,
    },
    static_resources: {
      clusters: [
        {
          name: 'xds',
          type: 'STATIC',
          connect_timeout: '1s',
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
          load_assignment: {
            cluster_name: 'xds',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: socket(XDS_PORT) } }] }],
          },
        },
      ],
    },
  };
}

/** Calls every used service by name: ms of the slowest and of the median one, resolution of the name included. */
async function useAll(kind: Kind): Promise<string> {
  const resolver = new Resolver();
  resolver.setServers(['127.0.0.1:15053']);
  const spentMs: number[] = [];
  for (let i = 0; i < USED; i++) {
    const host = `svc${i}.ns0.svc.cluster.local`;
    const startMs = performance.now();
    const [found] = kind.startsWith('envoy') ? [address(i)] : await resolver.resolve4(host);
    const body = await text(80, '/', found, host);
    spentMs.push(performance.now() - startMs);
    if (body !== 'ok') throw new Error(`${host} answered ${body}`);
  }
  spentMs.sort((a, b) => b - a);
  return `${spentMs[0]?.toFixed(1)} / ${spentMs[USED >> 1]?.toFixed(1)}`;
}

async function held(): Promise<{ listeners: number; clusters: number; hosts: number }> {
  const dump = JSON.parse(await text(ADMIN_PORT, '/config_dump')) as { configs: Record<string, unknown[]>[] };
  const count = (field: string): number => dump.configs.find((one) => one[field])?.[field]?.length ?? 0;
  const routes = (dump.configs.find((one) => one['dynamic_route_configs'])?.['dynamic_route_configs'] ??
    []) as { route_config: { virtual_hosts?: unknown[] } }[];
  return {
    listeners: count('dynamic_listeners'),
    clusters: count('dynamic_active_clusters'),
    hosts: routes.reduce((sum, { route_config }) => sum + (route_config.virtual_hosts?.length ?? 0), 0),
  };
}

function text(port: number, path: string, address = '127.0.0.1', host = address): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = get({ host: address, port, path, headers: { host }, agent: false }, (answer) => {
      let body = '';
      answer.on('data', (chunk) => (body += chunk));
      answer.on('end', () => resolve(body));
    });
    asked.setTimeout(REQUEST_LIMIT_MS, () => asked.destroy(new Error('no answer')));
    asked.on('error', reject);
  });
}

async function eventually(holds: () => Promise<boolean>): Promise<void> {
  const untilMs = Date.now() + START_LIMIT_MS;
  for (;;) {
    if (await holds().catch(() => false)) return;
    if (Date.now() > untilMs) throw new Error('the proxy did not come up');
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await ended;
}
