import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type Answer,
  cleanUp,
  type MeshRun,
  meshText,
  namespaceWays,
  startMesh,
  status,
} from './mesh-run.ts';

// The platform with namespaces, as root and as nobody, with a stand-in proxy that writes down what reaches it.

afterAll(cleanUp);
const query = (url: string): string => `/call?url=${encodeURIComponent(url)}`;

describe.each(namespaceWays)('weft up, %s', (way) => {
  let run: MeshRun;
  beforeAll(async () => {
    run = await startMesh(way);
  });
  afterAll(async () => {
    run.process.kill('SIGKILL');
    await run.ended;
  });
  const addressOf = async (pod: string): Promise<string> =>
    (await status(run)).pods.find(({ name }) => name === pod)?.address ?? '';

  it('says which way it goes and when all is ready', () => {
    expect(run.events()[0]).toMatchObject({ event: 'platform', way });
    expect(run.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it('brings the gateway and the dashboard outside', async () => {
    expect(await run.get('/')).toMatchObject({ host: 'web-0', version: 'v1' });
    expect(await (await fetch(run.dashboard)).text()).toBe('dashboard');
  });

  it('leads traffic to a pod through its proxy, which reaches its application from 127.0.0.6', async () => {
    expect((await run.get('/')).peer).toBe('127.0.0.6');
    expect(run.log('default.web-0.proxy')).toContain(`inbound ${await addressOf('web-0')}:9080`);
  });

  it('leads names, calls and their arrival through proxies', async () => {
    const answer = await run.get(query('http://back:8000/'));
    expect(answer.host).toMatch(/^back-[01]$/);
    expect(answer.peer).toBe('127.0.0.6');
    const proxy = run.log('default.web-0.proxy');
    expect(proxy).toContain('dns from');
    expect(proxy).toMatch(/outbound 10\.96\.\d+\.\d+:8000/);
    expect(run.log(`default.${answer.host}.proxy`)).toContain(`inbound ${await addressOf(answer.host)}:9080`);
  });

  it('calls of a pod to a Service that it backs itself go out and come in through its proxy', async () => {
    const before = run.log('default.web-0.proxy').length;
    expect((await run.get(query('http://web/'))).host).toBe('web-0');
    const lines = run.log('default.web-0.proxy').slice(before);
    expect(lines).toMatch(/outbound 10\.96\.\d+\.\d+:80 /);
    expect(lines.match(/inbound /g)).toHaveLength(2);
  });

  it('a pod reaches its own address without its proxy', async () => {
    const address = await addressOf('web-0');
    const before = run.log('default.web-0.proxy').length;
    const answer = await run.get(query(`http://${address}:9080/`));
    expect(answer.peer).toBe(way === 'root' ? address : '169.254.1.1');
    expect(run.log('default.web-0.proxy').slice(before)).not.toContain('outbound');
  });

  it('a pod outside the mesh is reached and calls others, whose proxies see it', async () => {
    const answer = await run.get(query('http://outsider/'));
    expect(answer).toMatchObject({ host: 'outsider', peer: await addressOf('web-0') });
    const back = await run.get(query(`http://outsider${query('http://back:8000/')}`));
    expect(run.log(`default.${back.host}.proxy`)).toContain(`from ${await addressOf('outsider')}`);
    expect(readdirSync(join(run.folder, 'logs'))).not.toContain('default.outsider.proxy.log');
  });

  it('a port excluded by annotation goes past the proxy, from the pod’s own address', async () => {
    const before = run.log('default.web-0.proxy').length;
    const back = await run.get(query('http://back:8001/'));
    expect(run.log('default.web-0.proxy').slice(before)).not.toContain('outbound');
    expect(run.log(`default.${back.host}.proxy`)).toMatch(
      new RegExp(`inbound ${await addressOf(back.host)}:9080 from ${await addressOf('web-0')}\\n$`),
    );
  });

  it('exempts the proxy, so that nothing goes round in circles', () => {
    for (const file of readdirSync(join(run.folder, 'logs')))
      expect(readFileSync(join(run.folder, 'logs', file), 'utf8')).not.toContain('LOOP');
    expect(run.log('default.web-0.proxy')).toContain(`ready as uid ${way === 'root' ? 1337 : 0}`);
  });

  it('gives applications the environment of their container, and names like Kubernetes’', async () => {
    const env = await run.get<Record<string, string>>('/env');
    expect(env).toMatchObject({ VERSION: 'v1', POD_IP: await addressOf('web-0'), HOSTNAME: 'web-0' });
    const names = await run.get<string[]>('/dns?name=back.default.svc.cluster.local');
    expect(await run.get<string[]>('/dns?name=back')).toEqual(names);
  });

  it('keeps a token for each proxy that only the proxy reads', () => {
    const file = statSync(join(run.folder, 'pods', 'default.web-0', 'proxy', 'token'));
    expect(file.mode & 0o777).toBe(0o600);
    expect(file.uid).toBe(way === 'root' ? 1337 : statSync(run.folder).uid);
    expect(readFileSync(join(run.folder, 'pods', 'default.web-0', 'proxy', 'token'), 'utf8')).toBe(
      'default/web/web-0',
    );
  });

  it('publishes Pods and Services as an API server would', async () => {
    const read = (name: string) => JSON.parse(readFileSync(join(run.folder, 'objects', name), 'utf8'));
    expect(read('pod.default.web-0.json')).toMatchObject({
      metadata: {
        labels: { app: 'web', 'security.istio.io/tlsMode': 'istio' },
        ownerReferences: [{ name: 'web' }],
      },
      spec: { serviceAccountName: 'web' },
      status: { podIP: await addressOf('web-0'), phase: 'Running' },
    });
    const [address] = await run.get<string[]>('/dns?name=back');
    expect(read('service.default.back.json').spec.clusterIP).toBe(address);
    expect(read('pod.istio-system.istio-ingressgateway-0.json').metadata.labels.istio).toBe('ingressgateway');
  });

  it('tells what runs, with CPU and memory', async () => {
    await vi.waitUntil(async () => (await status(run)).pods.every((pod) => pod.ready), 15_000);
    const { processes } = await status(run);
    expect(processes).toHaveLength(9);
    for (const row of processes) {
      expect(row.state).toBe('running');
      expect(row.rssBytes).toBeGreaterThan(10_000_000);
    }
    const written = JSON.parse(readFileSync(join(run.folder, 'status.json'), 'utf8'));
    expect(written.processes.map((row: { name: string }) => row.name)).toEqual(
      processes.map((row) => row.name),
    );
  });

  it('restarts an application that its liveness probe finds sick', async () => {
    const { pid } = await run.get('/');
    await run.get('/sick');
    await vi.waitUntil(
      async () =>
        (await status(run)).processes.find((row) => row.name === 'default/web-0 app')?.restarts === 1,
      {
        timeout: 15_000,
        interval: 200,
      },
    );
    await vi.waitUntil(async () => (await status(run)).pods.every((pod) => pod.ready), {
      timeout: 15_000,
      interval: 200,
    });
    // Ready, it is in the tables of its Service a little later.
    const servedBy = () => run.get('/').then((answer) => answer.pid, String);
    await expect.poll(servedBy).toEqual(expect.any(Number));
    expect((await run.get('/')).pid).not.toBe(pid);
    expect(run.events().some(({ text }) => text.includes('liveness probe failed (HTTP 500)'))).toBe(true);
  });

  it('restarts the control plane after kill -9', async () => {
    const before = (await status(run)).processes.find((row) => row.name === 'control');
    const [hostPid] = run.pids().filter((pid) => cmdline(pid).includes('createServer((q, r)'));
    if (hostPid === undefined) throw new Error('the control plane has no process');
    process.kill(hostPid, 'SIGKILL');
    await vi.waitUntil(
      async () => (await status(run)).processes.find((row) => row.name === 'control')?.restarts === 1,
      { timeout: 15_000 },
    );
    const served = () =>
      fetch(run.dashboard, { signal: AbortSignal.timeout(5000) }).then((response) => response.text());
    // The connection kept from an earlier test may end just now: the one after it must serve.
    await expect.poll(served, { timeout: 15_000 }).toBe('dashboard');
    expect((await status(run)).processes.find((row) => row.name === 'control')?.pid).not.toBe(before?.pid);
  });

  it('names file and line of what is broken and leaves the rest alone', async () => {
    const { pid } = await run.get('/');
    const line = meshText().split('\n').length + 4;
    run.write(
      `${meshText()}---\napiVersion: v1\nkind: Service\nmetadata: { name: broken }\nspec: { ports: [{ port: many }] }\n`,
    );
    await vi.waitUntil(
      () => run.events().some(({ text }) => text.includes(`mesh.yaml:${line}: spec.ports[0].port`)),
      10_000,
    );
    expect((await status(run)).problems).toMatchObject([{ line }]);
    expect((await run.get('/')).pid).toBe(pid);
    run.write(meshText());
    await vi.waitUntil(async () => (await status(run)).problems.length === 0);
  });

  it('replaces pods of a changed Deployment one by one, and no request fails', async () => {
    const ask = () => run.get<Answer>(query('http://back:8000/'));
    const { version: before } = await ask();
    const after = `after-${before}`;
    const seen: unknown[] = [];
    let asking = true;
    const load = (async () => {
      while (asking)
        seen.push(
          await ask().then(
            (answer) => answer.version ?? answer,
            (error: Error) => error.message,
          ),
        );
    })();
    run.write(meshText().replaceAll('VERSION, value: v1 }]', `VERSION, value: ${after} }]`));
    await vi
      .waitUntil(() => seen.length >= 20 && seen.slice(-20).every((version) => version === after), {
        timeout: 20_000,
      })
      .finally(() => {
        asking = false;
      });
    await load;
    expect(seen.filter((version) => version !== before && version !== after)).toEqual([]);
    expect(seen[0]).toBe(before);
  });

  it('scales up and down', async () => {
    const backs = async () => (await status(run)).pods.filter((pod) => pod.name.startsWith('back-'));
    run.write(meshText().replace('replicas: 2', 'replicas: 3'));
    await vi.waitUntil(async () => (await backs()).filter((pod) => pod.ready).length === 3, {
      timeout: 20_000,
      interval: 100,
    });
    run.write(meshText().replace('replicas: 2', 'replicas: 1'));
    await vi.waitUntil(async () => (await backs()).length === 1, { timeout: 20_000, interval: 100 });
    expect(
      readdirSync(join(run.folder, 'objects')).filter((name) => name.startsWith('pod.default.back-')),
    ).toHaveLength(1);
  });
});

function cmdline(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}
