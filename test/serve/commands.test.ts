/** The commands that ask the mesh that runs: a control plane in this process, and a proxy's stream. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runLiveDump } from '../../src/cli/dump-command.ts';
import { runExplain } from '../../src/cli/explain.ts';
import { runObjectStatus } from '../../src/cli/status.ts';
import { runWait } from '../../src/cli/wait.ts';
import { type RunningControl, runControl } from '../../src/control/main.ts';
import { recordedIo } from '../../src/testing/traffic/recorded-io.ts';
import { ON_DEMAND } from '../../src/xds/names.ts';
import { typeUrls } from '../../src/xds/resources.ts';
import { eventually } from '../mesh/eventually.ts';
import { type AdsClient, type AdsClientOptions, adsClient, until } from './ads-client.ts';

const { cluster, listener, route } = typeUrls;
const nodeId = 'sidecar~10.244.0.5~caller-1.default~default.svc.cluster.local';

const pod = (name: string, ip: string) => `apiVersion: v1
kind: Pod
metadata: { name: ${name}-1, labels: { app: ${name} }, annotations: { weft.dev/data-plane: weft } }
spec: { serviceAccountName: ${name}, containers: [{ name: a, image: a }] }
status: { podIP: ${ip}, conditions: [{ type: Ready, status: 'True' }] }
---
`;
const mesh = `${pod('caller', '10.244.0.5')}${pod('web', '10.244.0.6')}apiVersion: v1
kind: Service
metadata: { name: web }
spec: { clusterIP: 10.96.0.9, selector: { app: web }, ports: [{ name: http, port: 80 }] }
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: { name: no-posts }
spec: { action: DENY, rules: [{ to: [{ operation: { methods: [POST] } }] }] }
`;
const rule = (timeout: string, subset = '') => `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web }
spec:
  hosts: [web]
  http:
  - timeout: ${timeout}
    route: [{ destination: { host: web${subset} } }]
`;

let folder: string;
let control: RunningControl;
let api: string;
const clients: AdsClient[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-commands-'));
  await writeFile(join(folder, 'mesh.yaml'), mesh);
  await writeFile(join(folder, 'rule.yaml'), rule('3s'));
  const any = { host: '127.0.0.1', port: 0 };
  control = await runControl(
    {
      version: 'test',
      paths: [folder],
      keyDir: join(folder, 'ca'),
      trustDomain: 'cluster.local',
      secure: any,
      plain: { ...any, authenticate: false },
      api: any,
    },
    { log: () => {} },
  );
  api = `http://127.0.0.1:${control.apiPort}`;
});

afterEach(async () => {
  for (const one of clients.splice(0)) one.close();
  await control.close();
  await rm(folder, { recursive: true });
});

/** A proxy of the caller that has all it asked for. */
async function connected(judge?: AdsClientOptions['judge']): Promise<AdsClient> {
  const subscribe = { [cluster]: ['*'], [listener]: ['*'], [route]: ['80'] };
  const port = control.plainPort ?? 0;
  const made = adsClient({ port, nodeId, subscribe, ...(judge && { judge }) });
  clients.push(made);
  await until(() => made.updates.length >= 3);
  return made;
}

async function run(command: (io: ReturnType<typeof recordedIo>) => Promise<number>) {
  const io = recordedIo(folder);
  return { code: await command(io), ...io.written };
}

const explained = (more: object) =>
  run((io) =>
    runExplain(
      [],
      {
        from: 'default/caller-1',
        request: 'http://web/',
        header: [],
        plaintext: false,
        output: 'json',
        api,
        ...more,
      },
      io,
    ),
  );

const waited = (object: string, more: object = {}) =>
  run((io) =>
    runWait(object, { for: 'live', namespace: 'default', timeout: 10_000, output: 'text', api, ...more }, io),
  );

describe('weft explain of the mesh that runs', () => {
  it('walks what its proxies get now, policies included', async () => {
    const { code, out } = await explained({});
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      outcome: 'forward',
      status: 200,
      cluster: 'outbound|80||web.default.svc.cluster.local',
      destinations: [{ share: 1, workloads: ['default/web-1'] }],
      timeoutMs: 3000,
      tls: 'mutual',
    });
    await writeFile(join(folder, 'rule.yaml'), rule('4s'));
    await eventually(async () => expect(JSON.parse((await explained({})).out).timeoutMs).toBe(4000));
    const denied = JSON.parse((await explained({ request: 'POST http://web/' })).out);
    expect(denied).toMatchObject({ outcome: 'deny', status: 403 });
    expect(denied.policies[0]).toMatchObject({ name: 'no-posts', rule: 0, verdict: 'deny' });
    const text = await explained({ output: 'text' });
    expect(text.out).toContain(`[VirtualService default/web, ${join(folder, 'rule.yaml')}:`);
  });

  it('says who is unknown, and where no mesh is', async () => {
    expect(await explained({ from: 'default/nobody' })).toMatchObject({
      code: 1,
      err: expect.stringContaining('there is no workload default/nobody; there are default/caller-1'),
    });
    expect(await explained({ from: 'nobody' })).toMatchObject({ code: 2 });
    expect(await explained({ api: 'http://127.0.0.1:1' })).toMatchObject({
      code: 1,
      err: expect.stringContaining('is the mesh up'),
    });
  });
});

describe('weft dump of the mesh that runs', () => {
  const dumped = async (...what: string[]) => {
    const { out } = await run((io) => runLiveDump(what, api, io));
    return JSON.parse(out).configs as readonly Record<string, unknown>[];
  };

  it('shows what a proxy was sent and whether it took it, as a config_dump', async () => {
    await connected((update) => (update.typeUrl === route ? '80: cannot be used' : undefined));
    const types = (await dumped('caller-1.default')).map((one) => one['@type']);
    expect(types).toContain('type.googleapis.com/envoy.admin.v3.ListenersConfigDump');
    expect(types.every((type) => String(type).includes('envoy.admin.v3'))).toBe(true);
    const [routes, ...more] = await dumped('default/caller-1', 'routes');
    expect(more).toEqual([]);
    expect(routes).toMatchObject({
      dynamic_route_configs: [{ route_config: { name: '80' }, client_status: 'NACKED' }],
    });
    const [clusters] = await dumped('caller-1.default', 'clusters');
    expect(JSON.stringify(clusters)).toContain('"client_status":"ACKED"');
  });

  it('shows the policies of a workload whose proxy is away', async () => {
    const [policies] = await dumped('web-1.default', 'policies');
    expect(policies).toMatchObject({
      rules: expect.arrayContaining([
        expect.objectContaining({
          action: 'DENY',
          enforced: true,
          policies: { 'ns[default]-policy[no-posts]-rule[0]': expect.anything() },
        }),
      ]),
      transport: expect.arrayContaining([expect.objectContaining({ tls: 'mutual' })]),
    });
    const { code, err } = await run((io) => runLiveDump(['nobody.default'], api, io));
    expect([code, err]).toEqual([1, expect.stringContaining('there is no proxy nobody.default')]);
  });
});

describe('weft wait and weft status of an object', () => {
  it('is over when every proxy that it concerns uses it', async () => {
    const early = await waited('vs/web', { timeout: 0 });
    expect(early).toMatchObject({ code: 1, err: expect.stringContaining('concerns no proxy') });
    const waiting = waited('VirtualService/web');
    await connected();
    expect(await waiting).toMatchObject({
      code: 0,
      out: 'VirtualService default/web is live on 1 of 1 proxy\n',
    });
    const { code, out } = await run((io) => runObjectStatus('vs/default/web', { api, output: 'json' }, io));
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      object: { kind: 'VirtualService', state: 'ok', live: { proxies: 1, of: 1 } },
      proxies: [{ proxy: 'caller-1.default', state: 'live', sinceMs: expect.any(Number) }],
    });
  });

  it('counts as live what a proxy gets when its workload first needs it', async () => {
    const port = control.plainPort ?? 0;
    const subscribe = { [cluster]: ['BlackHoleCluster'], [route]: ['80'] };
    const metadata = { [ON_DEMAND]: 'true' };
    const lazy = adsClient({ port, nodeId, subscribe, metadata });
    clients.push(lazy);
    await until(() => lazy.updates.length >= 2);
    expect(await waited('vs/web')).toMatchObject({
      code: 0,
      out: 'VirtualService default/web is live: proxies get it when their workloads first need it\n',
    });
  });

  it('says which proxy refuses it, and what it waits for', async () => {
    await connected((update) => (update.typeUrl === route ? '80: cannot be used' : undefined));
    const refused = await waited('vs/web', { timeout: 300 });
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(/caller-1\.default +refused +\d+s +80: cannot be used/);
    await writeFile(join(folder, 'rule.yaml'), rule('5s', ', subset: v2'));
    const stale = async () => (await waited('vs/web', { timeout: 0 })).err;
    await eventually(async () => expect(await stale()).toContain('an earlier version'));
    expect(await stale()).toMatch(
      /rule\.yaml:\d+ spec\.http\[0\]\.route\[0\]\.destination: the subset v2 of/,
    );
  });

  it('knows what is no object', async () => {
    expect(await waited('web')).toMatchObject({ code: 2 });
    expect(await waited('vs/nothing', { timeout: 0 })).toMatchObject({
      code: 1,
      err: expect.stringContaining('there is no vs default/nothing'),
    });
  });
});
