import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { freePort } from '../../src/testing/free-port.ts';

// The integration driver of go-control-plane: it serves xDS to a proxy, changes it a few times, and sends requests
// through what it configured. Here the proxy is `weft proxy`.

const root = fileURLToPath(new URL('../..', import.meta.url));
const cache = join(root, '.weft/go-control-plane');
const MODULE = 'github.com/envoyproxy/go-control-plane';
const VERSION = 'v0.14.0';
const MAX_BUILD_MS = 400_000;
const MAX_RUN_MS = 90_000;

/** The driver, built into the cache if need be; the reason where it cannot be had. @throws with WEFT_REQUIRE_REAL_PARTS=1. */
function driver(): { readonly file: string } | { readonly reason: string } {
  const file = join(cache, `driver-${VERSION}`);
  if (existsSync(file)) return { file };
  const isRequired = process.env['WEFT_REQUIRE_REAL_PARTS'] === '1';
  if (!isRequired) return { reason: 'the driver is not built: WEFT_REQUIRE_REAL_PARTS=1 builds it with go' };
  mkdirSync(cache, { recursive: true });
  writeFileSync(join(cache, 'go.mod'), 'module driver\n\ngo 1.24\n');
  const env = { ...process.env, GOFLAGS: '-mod=mod' };
  const go = (...args: string[]) => execFileSync('go', args, { cwd: cache, env, timeout: MAX_BUILD_MS });
  go('get', `${MODULE}@${VERSION}`);
  go('build', '-o', file, `${MODULE}/pkg/test/main`);
  return { file };
}

/** A bootstrap as the driver's own samples have it: everything by ADS, or each type by a stream of its own. */
function bootstrap(
  apiType: string,
  isAds: boolean,
  ports: Record<'xds' | 'gateway' | 'als' | 'admin', number>,
): object {
  const address = (port_value: number) => ({ socket_address: { address: '127.0.0.1', port_value } });
  const cluster = (name: string, port: number) => ({
    name,
    connect_timeout: '1s',
    http2_protocol_options: {},
    load_assignment: {
      cluster_name: name,
      endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
    },
  });
  const stream = {
    api_type: apiType,
    transport_api_version: 'V3',
    grpc_services: [{ envoy_grpc: { cluster_name: 'xds_cluster' } }],
    set_node_on_first_message_only: true,
  };
  const rest = {
    api_type: 'REST',
    transport_api_version: 'V3',
    refresh_delay: '0.5s',
    cluster_names: ['xds_cluster'],
  };
  const source = isAds ? { ads: {} } : { api_config_source: apiType === 'REST' ? rest : stream };
  return {
    admin: { access_log_path: '/dev/null', address: address(ports.admin) },
    node: { cluster: 'test-cluster', id: 'test-id' },
    dynamic_resources: {
      ...(isAds ? { ads_config: stream } : {}),
      cds_config: { resource_api_version: 'V3', ...source },
      lds_config: { resource_api_version: 'V3', ...source },
    },
    static_resources: {
      clusters: [
        cluster('xds_cluster', apiType === 'REST' ? ports.gateway : ports.xds),
        cluster('als_cluster', ports.als),
      ],
    },
  };
}

/** A port behind which the next few are most likely free too: the driver counts listeners up from it. */
function basePort(): number {
  return 10_000 + Math.floor(Math.random() * 2000) * 10;
}

it.for([
  ['ads', 'GRPC', ''],
  ['delta-ads', 'DELTA_GRPC', ''],
  ['xds', 'GRPC', ''],
  ['xds', 'GRPC', '-mux'],
  ['delta', 'DELTA_GRPC', ''],
  ['rest', 'REST', ''],
])(
  'the driver of go-control-plane passes in mode %s (%s) %s',
  { timeout: MAX_BUILD_MS + MAX_RUN_MS },
  async ([mode = '', apiType = '', ...flags], test) => {
    const found = driver();
    if ('reason' in found) return test.skip(found.reason);
    const upstream = createServer((_, response) => response.end('Default message')).listen(0, '127.0.0.1');
    await once(upstream, 'listening');
    const upstreamPort = (upstream.address() as { readonly port: number }).port;
    const [xds = 0, gateway = 0, als = 0, admin = 0] = await Promise.all([1, 2, 3, 4].map(freePort));
    const folder = mkdtempSync(join(tmpdir(), 'weft-go-control-plane-'));
    const file = join(folder, 'bootstrap.json');
    writeFileSync(
      file,
      JSON.stringify(bootstrap(apiType, mode.endsWith('ads'), { xds, gateway, als, admin })),
    );
    const ports = [`--port=${xds}`, `--gateway=${gateway}`, `--als=${als}`, `--base=${basePort()}`];
    // Scoped routes, virtual hosts on demand and runtime layers are refused by name; the proxy has none of them.
    const without = ['--scopedhttp=0', '--vhdshttp=0', '--runtimes=0', '--extension=0'];
    const run = spawn(found.file, [
      `--xds=${mode}`,
      `--upstream=${upstreamPort}`,
      ...ports,
      ...without,
      '-r=6',
      ...flags.filter((flag) => flag !== ''),
    ]);
    let output = '';
    for (const stream of [run.stdout, run.stderr]) stream.on('data', (data) => (output += data));
    const main = join(root, 'src/proxy/main.ts');
    const proxy = spawn(process.execPath, [main, '--config-path', file, '--drain-time-s', '1']);
    let log = '';
    for (const stream of [proxy.stdout, proxy.stderr]) stream.on('data', (data) => (log += data));
    try {
      const timer = setTimeout(() => run.kill('SIGKILL'), MAX_RUN_MS);
      const [code] = await once(run, 'exit');
      clearTimeout(timer);
      expect(code, `${output.slice(-2000)}\n${log.slice(-2000)}`).toBe(0);
      expect(output).toContain(`Test for ${mode} passed!`);
      expect(output).toMatch(/ok [1-9]\d*, failed 0/);
    } finally {
      run.kill('SIGKILL');
      proxy.kill('SIGKILL');
      upstream.close();
      rmSync(folder, { recursive: true });
    }
  },
);
