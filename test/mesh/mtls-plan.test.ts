import { execFile } from 'node:child_process';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { MtlsPlan, StatusReport } from '../../src/server/contract.ts';
import { dataPlanes } from './data-planes.ts';
import { eventually } from './eventually.ts';
import { failures, keepLoading } from './load.ts';
import { echoServer } from './manifests.ts';
import { lacks, meshNeeds } from './needs.ts';
import { addProbe, fetchFrom } from './probe.ts';
import { type Mesh, root, runMesh } from './run-mesh.ts';

// Who still calls without mutual TLS, asked of a mesh that runs: a caller without a proxy goes into the mesh, then the
// namespace is made STRICT by what the plan says, under load.

const details = 'http://details:9080/details/0';

describe.skipIf(lacks('mtls plan', ...meshNeeds, 'root')).each(dataPlanes.slice(0, 2))(
  'weft mtls plan, $name',
  ({ flags, prepare }) => {
    let mesh: Mesh;
    afterAll(() => mesh?.stop());

    const runPlan = (...args: string[]): Promise<{ code: number; out: string }> =>
      new Promise((resolve) => {
        const argv = [join(root, 'dist/cli.js'), 'mtls', 'plan', ...args, '--api', mesh.dashboard];
        execFile(process.execPath, argv, (error, out) =>
          resolve({ code: error === null ? 0 : Number(error.code), out }),
        );
      });
    const plan = async (...args: string[]): Promise<MtlsPlan & { code: number }> => {
      const { code, out } = await runPlan(...args, '-o', 'json');
      return { ...(JSON.parse(out) as MtlsPlan), code };
    };
    /** A connection without HTTP. */
    const dial = async (from: string): Promise<void> => {
      const answer = await fetch(`${mesh.gateway}/${from}/tcp?host=db&port=9000&send=words`);
      expect(((await answer.json()) as { said: string }).said).toContain('words');
    };
    const refusedBy = ({ workloads }: MtlsPlan): string[] =>
      workloads.flatMap(({ workload, ports }) =>
        ports.flatMap(({ port, callers }) =>
          callers
            .filter(({ breaks }) => breaks)
            .map((caller) => `${workload}:${port} ${caller.namespace}/${caller.workload}`),
        ),
      );
    const setMode = (mode: string): void =>
      writeFileSync(
        join(mesh.folder, 'mutual-tls.yaml'),
        `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec:
  mtls: {mode: ${mode}}
`,
      );

    it('names the caller without a proxy, no other, and nothing once it has one', async () => {
      mesh = await runMesh({
        flags,
        prepare(folder) {
          prepare(folder);
          writeFileSync(
            join(folder, 'mutual-tls.yaml'),
            'apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: default, namespace: istio-system}\nspec: {mtls: {mode: PERMISSIVE}}\n',
          );
          cpSync(join(root, 'test/mesh/apps/echo.ts'), join(folder, 'echo.ts'));
          writeFileSync(join(folder, 'db.yaml'), echoServer('db'));
          addProbe(folder, { name: 'caller', sidecar: false });
          addProbe(folder, { name: 'inside', sidecar: true });
        },
      });
      await eventually(() => fetchFrom(mesh, 'caller', 'http://caller:9080/'), 30_000);
      await eventually(() => fetchFrom(mesh, 'inside', 'http://inside:9080/'), 30_000);
      for (let i = 0; i < 5; i++) {
        expect((await fetchFrom(mesh, 'caller', details)).status).toBe(200);
        expect((await fetchFrom(mesh, 'inside', details)).status).toBe(200);
      }

      for (const from of ['caller', 'inside']) await eventually(() => dial(from));

      const short = await plan('default/details-v1', '--at-least', '1d');
      expect(short.workloads[0]?.reasons.join()).toContain('are wanted');
      const before = await plan('default', '--at-least', '1s');
      expect([before.code, before.verdict]).toEqual([1, 'breaks']);
      expect(refusedBy(before)).toEqual(['db:9000 default/caller', 'details-v1:9080 default/caller']);
      const port = before.workloads
        .find(({ workload }) => workload === 'details-v1')
        ?.ports.find((one) => one.port === 9080);
      expect(port).toMatchObject({ mode: 'permissive', verdict: 'breaks', plaintext: 5 });
      expect(port?.mutual).toBeGreaterThanOrEqual(5);
      expect((await runPlan('default', '--at-least', '1s')).out).toContain('default/caller');
      expect((await runPlan('default/nothing')).code).toBe(1);

      addProbe(mesh.folder, { name: 'caller', sidecar: true });
      await eventually(async () => {
        const status = (await (await fetch(`${mesh.dashboard}/api/status`)).json()) as StatusReport;
        const pods = status.workloads.filter(({ workload }) => workload === 'caller');
        expect(pods.map(({ dataPlane, ready }) => dataPlane !== 'none' && ready)).toEqual([true]);
      }, 60_000);
      await eventually(async () => expect((await fetchFrom(mesh, 'caller', details)).status).toBe(200));
      await eventually(() => dial('caller'));
      expect(await plan('default/db', '--at-least', '1s')).toMatchObject({ code: 0, verdict: 'safe' });
      const after = await plan('default/details-v1', '--at-least', '1s');
      expect(refusedBy(after)).toEqual([]);
      expect([after.code, after.verdict, after.workloads[0]?.reasons]).toEqual([0, 'safe', []]);
    });

    it('makes the workload STRICT by what it says, and nothing breaks', async () => {
      const { code, out } = await runPlan('default/details-v1', '--at-least', '1s', '-o', 'yaml');
      expect(code).toBe(0);
      writeFileSync(join(mesh.folder, 'strict.yaml'), out);
      await eventually(async () => expect((await plan('default/details-v1')).verdict).toBe('strict'));
      for (let i = 0; i < 5; i++) expect((await fetchFrom(mesh, 'caller', details)).status).toBe(200);
    });

    it('and the mesh goes from PERMISSIVE to STRICT and back under load', async () => {
      const load = keepLoading(`${mesh.gateway}/productpage`, 2);
      for (const mode of ['STRICT', 'PERMISSIVE', 'STRICT', 'PERMISSIVE', 'STRICT']) {
        setMode(mode);
        await new Promise((resolve) => setTimeout(resolve, 700));
      }
      const answers = await load.stop();
      const failed = failures(answers);
      console.log(`${answers.length} requests while modes changed, ${failed.length} failures`);
      expect(failed).toEqual([]);
      expect(answers.length).toBeGreaterThan(20);
    });
  },
);
