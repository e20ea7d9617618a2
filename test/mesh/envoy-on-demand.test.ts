import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { StatusReport } from '../../src/server/contract.ts';
import { eventually } from './eventually.ts';
import { failures, get, keepLoading } from './load.ts';
import { echoServer } from './manifests.ts';
import { lacks, meshNeeds } from './needs.ts';
import { addProbe, type Fetched, fetchFrom } from './probe.ts';
import { versionOf, writeWeights } from './routes-file.ts';
import { type Mesh, root, runMesh } from './run-mesh.ts';
import { meshStatus, type Part } from './status.ts';

/** Services that nobody calls, of the ports that everybody has. */
const MANY = 1_000;

describe.skipIf(lacks('envoys on demand', ...meshNeeds))(
  'an Envoy that is told to holds what is used',
  () => {
    let mesh: Mesh;
    afterAll(() => mesh?.stop());

    const call = (host: string, more = {}): Promise<Fetched> =>
      fetchFrom(mesh, 'inside', `http://${host}`, more);

    it('of a thousand services', async () => {
      mesh = await runMesh({
        flags: ['--data-plane', 'envoy'],
        prepare(folder) {
          addProbe(folder, { name: 'inside', sidecar: true, annotations: 'weft.dev/on-demand: "true"' });
          addProbe(folder, { name: 'whole', sidecar: true });
          addProbe(folder, { name: 'plain', sidecar: false });
          cpSync(join(root, 'test/mesh/apps/echo.ts'), join(folder, 'echo.ts'));
          writeFileSync(join(folder, 'echo.yaml'), echoServer('echo'));
          onDemand(join(folder, 'productpage.yaml'));
          const many = Array.from({ length: MANY }, (_, i) => service(`other-${i}`, `other-${i}`));
          writeFileSync(join(folder, 'many.yaml'), many.join('---\n'));
        },
      });
      await eventually(async () =>
        expect(await call('details:9080/details/0')).toMatchObject({ status: 200 }),
      );
      const [sparse, whole] = [await held('inside'), await held('whole')];
      console.log('clusters and virtual hosts, on demand / whole:', sparse, whole);
      expect(Math.max(sparse.clusters, sparse.hosts)).toBeLessThan(20);
      expect(Math.min(whole.clusters, whole.hosts)).toBeGreaterThan(MANY);
    });

    it('waits with a first request, with and without a body, and not with a second one', async () => {
      expect(await call('ratings:9080/ratings/0')).toMatchObject({ status: 200 });
      expect(await call('whole:9080/', { post: 'in two pieces' })).toMatchObject({ status: 200 });
      expect(await call('WHOLE:9080/')).toMatchObject({ status: 200 });
      expect(await call('whole:9080/')).toMatchObject({ status: 200 });
    });

    it('waits with a connection of TCP', async () => {
      const query = new URLSearchParams({ host: 'echo', port: '9000', send: 'words' });
      await eventually(async () => {
        const answer = await fetch(`${mesh.gateway}/inside/tcp?${query}`, {
          signal: AbortSignal.timeout(20_000),
        });
        expect(await answer.json()).toEqual({ said: 'hello from echo\nwords' });
      });
    });

    it('does with hosts that nobody knows what the mesh says', async () => {
      const address = await addressOf('plain');
      const strange = (host: string) => call(`${address}:9080/`, { host });
      await eventually(async () => expect(await strange('nobody.test')).toMatchObject({ status: 200 }));
      writeFileSync(join(mesh.folder, 'mesh.yaml'), registryOnly);
      await eventually(async () => expect(await strange('nobody.test')).toMatchObject({ status: 502 }));
      expect(await strange('somebody.test')).toMatchObject({ status: 502 });
      // No host makes a wildcard that others would be taken by.
      expect(await strange('*')).toMatchObject({ status: 404 });
      expect(await call('reviews:9080/reviews/0')).toMatchObject({ status: 200 });
      cpSync(join(root, 'examples/bookinfo/mesh.yaml'), join(mesh.folder, 'mesh.yaml'));
      await eventually(async () => expect(await strange('nobody.test')).toMatchObject({ status: 200 }));
    });

    it('loses no request when the routes of a host in use change', async () => {
      writeWeights(mesh.folder, [100, 0, 0]);
      await untilVersion(1);
      const running = keepLoading(`${mesh.gateway}/productpage`, 4);
      for (const version of [3, 2, 1, 3]) {
        writeWeights(mesh.folder, [
          version === 1 ? 100 : 0,
          version === 2 ? 100 : 0,
          version === 3 ? 100 : 0,
        ]);
        await untilVersion(version);
      }
      const answers = await running.stop();
      expect(failures(answers)).toEqual([]);
      console.log(`${answers.length} requests while routes changed, 0 failures`);
    });

    it('hears of what comes, goes and comes again', async () => {
      const late = join(mesh.folder, 'late.yaml');
      expect(await call('late:9080/details/0')).not.toMatchObject({ status: 200 });
      for (let round = 0; round < 2; round++) {
        writeFileSync(late, service('late', 'details'));
        await eventually(async () =>
          expect(await call('late:9080/details/0')).toMatchObject({ status: 200 }),
        );
        rmSync(late);
        await eventually(async () =>
          expect(await call('late:9080/details/0')).not.toMatchObject({ status: 200 }),
        );
      }
    });

    it('goes on with what it holds while the control plane is away; new hosts wait for 5 s', async () => {
      const control = partOf('control', '').pid;
      process.kill(control, 'SIGSTOP'); // away, and the platform does not see it: it is not started again yet
      expect(await call('details:9080/details/0')).toMatchObject({ status: 200 });
      expect(await call('other-7:9080/')).toMatchObject({ status: 504, body: 'stream timeout' });
      const before = partOf('proxy', 'inside').pid;
      process.kill(before, 'SIGKILL'); // the next one asks for the same again, and the agent has it
      await eventually(() => expect(partOf('proxy', 'inside').pid).not.toBe(before), 20_000);
      await eventually(
        async () => expect(await call('details:9080/details/0')).toMatchObject({ status: 200 }),
        30_000,
      );
      process.kill(control, 'SIGKILL');
      await eventually(
        async () => expect(await call('productpage:9080/health')).toMatchObject({ status: 200 }),
        30_000,
      );
      writeWeights(mesh.folder, [100, 0, 0]);
      await untilVersion(1);
    });

    it('goes on over a restart of the agent', async () => {
      process.kill(partOf('agent', '').pid, 'SIGKILL');
      expect(await call('details:9080/details/0')).toMatchObject({ status: 200 });
      await eventually(
        async () => expect(await call('ratings.default:9080/ratings/0')).toMatchObject({ status: 200 }),
        30_000,
      );
      writeWeights(mesh.folder, [0, 0, 100]);
      await untilVersion(3);
    });

    function partOf(wanted: string, part: string): Part {
      const found = meshStatus(mesh).find(({ kind, name }) => kind === wanted && name.includes(part));
      if (found === undefined) throw new Error(`there is no ${wanted} ${part}`);
      return found;
    }

    async function untilVersion(version: number): Promise<void> {
      await eventually(async () => {
        for (let i = 0; i < 5; i++)
          expect(versionOf((await get(`${mesh.gateway}/productpage`, undefined)).body)).toBe(version);
      }, 30_000);
    }

    async function addressOf(workload: string): Promise<string> {
      const { workloads } = (await (await fetch(`${mesh.dashboard}/api/status`)).json()) as StatusReport;
      return workloads.find((one) => one.workload === workload)!.ip;
    }

    /** How much a probe's Envoy holds. */
    async function held(probe: string): Promise<{ readonly clusters: number; readonly hosts: number }> {
      const dump = await fetchFrom(mesh, probe, 'http://127.0.0.1:15000/config_dump');
      const count = (pattern: RegExp): number => new Set((dump.body ?? '').match(pattern)).size;
      return {
        clusters: count(/"name": "outbound\|\d+\|[^"]+"/g),
        hosts: count(/"name": "(\d+\/[^"]+|[\w.-]+:9080)"/g),
      };
    }
  },
);

/** Tells the Pods of a file. */
function onDemand(file: string): void {
  const text = readFileSync(file, 'utf8');
  const more = '        weft.dev/on-demand: "true"\n        weft.dev/command:';
  writeFileSync(file, text.replaceAll('        weft.dev/command:', more));
}

function service(name: string, app: string): string {
  return `apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec:
  selector: {app: ${app}}
  ports:
  - {name: http, port: 9080}
`;
}

const registryOnly = `apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    accessLogFile: /dev/stdout
    outboundTrafficPolicy: {mode: REGISTRY_ONLY}
`;
