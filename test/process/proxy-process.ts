/** `weft proxy` as a process of its own, from its sources, with a bootstrap of one HTTP listener and one upstream. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../src/testing/free-port.ts';
import { any } from '../../src/xds/resources.ts';
import { eventually } from '../mesh/eventually.ts';
import { root } from '../mesh/run-mesh.ts';

export interface ProxyProcess {
  readonly child: ChildProcess;
  output(): string;
  stop(): Promise<void>;
}

/** Where the proxy under test listens, and its bootstrap file. */
export interface Place {
  readonly admin: number;
  readonly port: number;
  readonly folder: string;
  readonly file: string;
  remove(): void;
}

/** Writes a bootstrap: everything that arrives at `port` goes to 127.0.0.1:`upstream`; or `make` makes another one. */
export async function makePlace(upstream: number, make: typeof bootstrap = bootstrap): Promise<Place> {
  const [admin, port] = [await freePort(), await freePort()];
  const folder = mkdtempSync(join(tmpdir(), 'weft-process-'));
  const file = join(folder, 'bootstrap.json');
  writeFileSync(file, JSON.stringify(make(admin, port, upstream, folder)));
  return { admin, port, folder, file, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Starts a proxy and waits until `until` (by default its /ready) holds. */
export async function startProxyProcess(
  place: Place,
  args: readonly string[],
  until = () => isReady(place.admin),
): Promise<ProxyProcess> {
  const child = spawn(
    process.execPath,
    [join(root, 'src/proxy/main.ts'), '--config-path', place.file, ...args],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (data) => (output = (output + data).slice(-20_000)));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const proxy: ProxyProcess = {
    child,
    output: () => output,
    async stop() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await ended;
      clearTimeout(timer);
    },
  };
  const gone = ended.then(() => Promise.reject(new Error(`the proxy ended: ${output}`)));
  await Promise.race([eventually(until), gone]);
  gone.catch(() => {});
  return proxy;
}

async function isReady(port: number): Promise<void> {
  const response = await fetch(`http://127.0.0.1:${port}/ready`);
  if (response.status !== 200) throw new Error(await response.text());
}

function bootstrap(admin: number, port: number, upstream: number, folder: string): object {
  const address = (port_value: number) => ({ socket_address: { address: '127.0.0.1', port_value } });
  const accessLog = any('envoy.extensions.access_loggers.file.v3.FileAccessLog', {
    path: join(folder, 'access.log'),
    log_format: { text_format_source: { inline_string: '%REQ(:PATH)% %RESPONSE_CODE%\n' } },
  });
  const router = any('envoy.extensions.filters.http.router.v3.Router', {});
  const manager = any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    stat_prefix: 'front',
    upgrade_configs: [{ upgrade_type: 'websocket' }],
    access_log: [{ name: 'file', typed_config: accessLog }],
    route_config: {
      name: 'all',
      virtual_hosts: [
        { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: 'up' } }] },
      ],
    },
    http_filters: [{ name: 'envoy.filters.http.router', typed_config: router }],
  });
  return {
    node: { id: 'process-test', cluster: 'test' },
    admin: { address: address(admin) },
    static_resources: {
      listeners: [
        {
          name: 'front',
          address: address(port),
          filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
        },
      ],
      clusters: [
        {
          name: 'up',
          type: 'STATIC',
          connect_timeout: '1s',
          load_assignment: {
            cluster_name: 'up',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(upstream) } }] }],
          },
        },
      ],
    },
  };
}
