import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatusReport } from '../../src/server/contract.ts';
import { dataPlanes } from '../mesh/data-planes.ts';
import { commandOf, processTree } from '../mesh/enclosure.ts';
import { eventually } from '../mesh/eventually.ts';
import { openGateway } from '../mesh/manifests.ts';
import { lacks, meshNeeds } from '../mesh/needs.ts';
import { addProbe, fetchFrom } from '../mesh/probe.ts';
import { type Mesh, root, runMesh } from '../mesh/run-mesh.ts';

// Complaint 17: a policy about requests that no proxy enforces is skipped without a word. Here nothing is sent to such a
// workload, and the policy's status says why.

const policy = (more = '') => `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: only-reading${more}}
spec:
  selector: {matchLabels: {app: bare}}
  rules: [{to: [{operation: {methods: [GET]}}]}]
`;

describe.skipIf(lacks('unenforced policy', ...meshNeeds)).each(dataPlanes.slice(0, 2))(
  'a policy about requests at a workload without a proxy, $name',
  ({ flags }) => {
    let mesh: Mesh;
    beforeAll(async () => {
      mesh = await runMesh({
        flags,
        empty: true,
        prepare(folder) {
          cpSync(join(root, 'examples/bookinfo/mesh.yaml'), join(folder, 'mesh.yaml'));
          writeFileSync(join(folder, 'gateway.yaml'), openGateway);
          addProbe(folder, { name: 'inside', sidecar: true });
          addProbe(folder, { name: 'bare', sidecar: false });
        },
        isUp: async (url) => {
          for (const path of ['/inside/', '/bare/'])
            expect((await fetch(`${url}${path}`, { signal: AbortSignal.timeout(3_000) })).status).toBe(200);
        },
      });
    });
    afterAll(() => mesh?.stop());

    const status = async () => (await (await fetch(`${mesh.dashboard}/api/status`)).json()) as StatusReport;

    it('gets nothing, by its service, its address or the gateway, and the status says so', async () => {
      const { ip = '' } = (await status()).workloads.find(({ workload }) => workload === 'bare') ?? {};
      const asked = async () => ({
        service: (await fetchFrom(mesh, 'inside', 'http://bare:9080/')).status,
        address: (await fetchFrom(mesh, 'inside', `http://${ip}:9080/`)).status,
        gateway: (await fetch(`${mesh.gateway}/bare/`)).status,
      });
      const open = { service: 200, address: 200, gateway: 200 };
      await eventually(async () => expect(await asked()).toEqual(open));

      const file = join(mesh.folder, 'policy.yaml');
      writeFileSync(file, policy());
      await eventually(async () => expect(await asked()).toEqual({ service: 503, address: 0, gateway: 503 }));
      const { findings } = await status();
      expect(findings.find(({ name }) => name === 'only-reading')?.message).toContain(
        'no proxy stands before default/bare',
      );

      writeFileSync(file, policy(', annotations: {weft.dev/without-proxy: ignore}'));
      await eventually(async () => expect(await asked()).toEqual(open));
      expect((await status()).findings.filter(({ name }) => name === 'only-reading')).toEqual([]);
    });

    it.skipIf(lacks('a proxy that stands still', 'root'))(
      'nobody gets past a proxy that does not answer',
      async () => {
        const proxy = processTree(mesh.process.pid!).find((pid) =>
          /default\.inside-0\/proxy\/bootstrap\.json/.test(commandOf(pid)),
        );
        expect(proxy).toBeDefined();
        const { ip = '' } = (await status()).workloads.find(({ workload }) => workload === 'inside') ?? {};
        const ask = async () => (await fetchFrom(mesh, 'bare', `http://${ip}:9080/`)).status;
        await eventually(async () => expect(await ask()).toBe(200));
        process.kill(proxy!, 'SIGSTOP');
        try {
          expect(await ask()).toBe(0);
        } finally {
          // The platform may have replaced it meanwhile.
          if (commandOf(proxy!) !== '') process.kill(proxy!, 'SIGCONT');
        }
        await eventually(async () => expect(await ask()).toBe(200));
      },
    );
  },
);
