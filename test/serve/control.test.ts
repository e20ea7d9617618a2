import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { CA_AUDIENCE } from '../../src/ca/service-account-token.ts';
import { openTokenIssuer, type TokenIssuer } from '../../src/ca/token-issuer.ts';
import type { ProxiesReport, StatusReport } from '../../src/server/contract.ts';
import { typeUrls } from '../../src/xds/resources.ts';
import { type AdsClient, adsClient, until } from './ads-client.ts';

const { cluster, listener, route } = typeUrls;
const cli = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const nodeId = 'sidecar~10.244.0.5~web-1.default~default.svc.cluster.local';

let folder: string;
let tokens: TokenIssuer;
let control: Control | undefined;
const clients: AdsClient[] = [];

interface Control {
  readonly process: ChildProcess;
  readonly securePort: number;
  readonly plainPort: number;
  readonly apiPort: number;
  readonly errors: () => string;
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-control-'));
  await mkdir(join(folder, 'mesh'));
  await mkdir(join(folder, 'objects'));
  tokens = await openTokenIssuer(join(folder, 'tokens'), Date.now);
  await writeFile(join(folder, 'jwks.json'), tokens.jwks);
  await writeFile(join(folder, 'mesh', 'web.yaml'), webService);
  await writeFile(join(folder, 'objects', 'pod.default.web-1.json'), JSON.stringify(webPod));
  await writeFile(join(folder, 'objects', 'service.default.web.json'), JSON.stringify(publishedService));
});

afterEach(async () => {
  for (const one of clients.splice(0)) one.close();
  control?.process.kill('SIGKILL');
  control = undefined;
  await rm(folder, { recursive: true });
});

const webService = `apiVersion: v1
kind: Service
metadata: { name: web }
spec:
  selector: { app: web }
  ports: [{ name: http, port: 80 }]
`;
const publishedService = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'default' },
  spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80 }], clusterIP: '10.96.0.9' },
};
const webPod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web-1', namespace: 'default', labels: { app: 'web' } },
  spec: { serviceAccountName: 'web', containers: [{ name: 'web', image: 'x' }] },
  status: { podIP: '10.244.0.5', phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
};
const timeoutRoute = (seconds: number) => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web }
spec:
  hosts: [web]
  http:
  - timeout: ${seconds}s
    route:
    - destination: { host: web }
`;

/** Starts `weft control` as a process, on free ports or on those of one that was there before. */
async function start(before?: Control): Promise<Control> {
  const at = (port: number | undefined) => `127.0.0.1:${port ?? 0}`;
  const flags = {
    '--key-dir': join(folder, 'ca'),
    '--roots-file': join(folder, 'roots.pem'),
    '--token-jwks': join(folder, 'jwks.json'),
    '--platform-objects': join(folder, 'objects'),
    '--listen': at(before?.securePort),
    '--plain': at(before?.plainPort),
    '--api': at(before?.apiPort),
  };
  const child = spawn(process.execPath, [
    cli,
    'control',
    join(folder, 'mesh'),
    ...Object.entries(flags).flat(),
  ]);
  let errors = '';
  child.stderr.on('data', (chunk) => (errors += chunk));
  const line = await new Promise<string>((resolve, reject) => {
    let out = '';
    child.stdout.on('data', (chunk) => {
      out += chunk;
      if (out.includes('\n')) resolve(out);
    });
    child.on('exit', (code) => reject(new Error(`weft control ended with ${code}\n${errors}`)));
  });
  control = { ...JSON.parse(line), process: child, errors: () => errors };
  return control!;
}

async function proxy(name = 'web-1'): Promise<AdsClient> {
  const order = { namespace: 'default', serviceAccount: 'web', pod: name };
  const token = await tokens.issueToken({ ...order, audience: CA_AUDIENCE, ttlSeconds: 600 });
  const rootsPem = await readFile(join(folder, 'roots.pem'), 'utf8');
  const subscribe = { [cluster]: ['*'], [listener]: ['*'], [route]: ['80'] };
  const made = adsClient({ port: control!.securePort, rootsPem, token, nodeId, subscribe });
  clients.push(made);
  return made;
}

async function ask<T>(path: string): Promise<T> {
  return (await (await fetch(`http://127.0.0.1:${control!.apiPort}${path}`)).json()) as T;
}

const textOf = (held: AdsClient, typeUrl: string) => JSON.stringify([...(held.held.get(typeUrl) ?? [])]);

describe('weft control', () => {
  it('serves a mesh from files, and a change reaches a proxy in tens of milliseconds', async () => {
    await start();
    const web = await proxy();
    await until(() => textOf(web, cluster).includes('outbound|80||web.default.svc.cluster.local'));
    await until(() => textOf(web, route).includes('10.96.0.9'));
    const times: number[] = [];
    for (let seconds = 1; seconds <= 20; seconds++) {
      await new Promise((resolve) => setTimeout(resolve, 120));
      const startMs = performance.now();
      await writeFile(join(folder, 'mesh', 'route.yaml'), timeoutRoute(seconds));
      await until(() => textOf(web, route).includes(`"timeout":"${seconds}s"`));
      times.push(performance.now() - startMs);
    }
    times.sort((a, b) => a - b);
    console.log(
      `from a file's write to the proxy: median ${times[9]!.toFixed(0)} ms, worst ${times.at(-1)!.toFixed(0)} ms`,
    );
  });

  it('tells what runs, where each object is live, and what is wrong with file, line and field', async () => {
    await start();
    const web = await proxy();
    await until(() => textOf(web, route).includes('10.96.0.9'));
    await writeFile(join(folder, 'mesh', 'route.yaml'), timeoutRoute(7));
    await until(() => textOf(web, route).includes('"timeout":"7s"'));
    const live = async () =>
      (await ask<StatusReport>('/api/status')).configuration.find(
        (o) => o.name === 'web' && o.kind === 'VirtualService',
      );
    await eventually(async () => (await live())?.live.proxies === 1);
    expect((await live())?.live).toEqual({ proxies: 1, of: 1 });
    await writeFile(join(folder, 'mesh', 'route.yaml'), timeoutRoute(8).replace('timeout:', 'timeouts:'));
    await eventually(async () => (await live())?.state === 'stale');
    const broken = (await live())!;
    expect(broken.file).toBe(join(folder, 'mesh', 'route.yaml'));
    expect(broken.errors[0]?.field).toMatch(/^spec\.http\[0\]/);
    expect(textOf(web, route)).toContain('"timeout":"7s"');
    const { proxies } = await ask<ProxiesReport>('/api/proxies');
    expect(proxies).toMatchObject([{ name: 'web-1.default', state: 'synced', connected: true }]);
    const { workloads } = await ask<StatusReport>('/api/status');
    expect(workloads).toMatchObject([{ pod: 'web-1', ready: true, ip: '10.244.0.5' }]);
    const dump = await ask<{ configs: readonly { '@type': string }[] }>(
      '/api/dump?proxy=web-1.default&part=routes',
    );
    expect(dump.configs.map((one) => one['@type'])).toEqual([
      'type.googleapis.com/envoy.admin.v3.RoutesConfigDump',
    ]);
    const page = await (await fetch(`http://127.0.0.1:${control!.apiPort}/`)).text();
    expect(page).toContain('weft');
    web.close();
    await eventually(async () => (await ask<ProxiesReport>('/api/proxies')).proxies[0]?.connected === false);
  });

  it('comes back after kill -9 as the same authority, and sends a proxy nothing that it has', async () => {
    const first = await start();
    const web = await proxy();
    await until(() => textOf(web, route).includes('10.96.0.9') && web.held.get(listener) !== undefined);
    const roots = await readFile(join(folder, 'roots.pem'), 'utf8');
    first.process.kill('SIGKILL');
    await web.ended;
    await start(first);
    expect(await readFile(join(folder, 'roots.pem'), 'utf8')).toBe(roots);
    expect((await stat(join(folder, 'ca', 'ca-key.pem'))).mode & 0o077).toBe(0);
    const again = await proxy();
    again.close();
    const back = await reconnected(web);
    await until(() => back.updates.length >= 3);
    expect(back.updates.flatMap(({ resources }) => resources.map(({ name }) => name))).toEqual([]);
    expect(back.updates.flatMap(({ removed }) => removed)).toEqual([]);
  });

  it('ends cleanly at SIGTERM, and says why it cannot start', async () => {
    const first = await start();
    const exited = new Promise((resolve) => first.process.on('exit', (code) => resolve(code)));
    first.process.kill('SIGTERM');
    expect(await exited).toBe(0);
    await rm(join(folder, 'mesh'), { recursive: true });
    await expect(start()).rejects.toThrow(/there is no file or folder/);
  });
});

/** A client that comes back with what the other held. */
async function reconnected(before: AdsClient): Promise<AdsClient> {
  const order = { namespace: 'default', serviceAccount: 'web', pod: 'web-1' };
  const token = await tokens.issueToken({ ...order, audience: CA_AUDIENCE, ttlSeconds: 600 });
  const rootsPem = await readFile(join(folder, 'roots.pem'), 'utf8');
  const subscribe = { [cluster]: ['*'], [listener]: ['*'], [route]: ['80'] };
  const made = adsClient({
    port: control!.securePort,
    rootsPem,
    token,
    nodeId,
    subscribe,
    restore: before.client,
  });
  clients.push(made);
  return made;
}

async function eventually(holds: () => Promise<boolean>, limitMs = 10_000): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`${holds} does not come true\n${control?.errors()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
