import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { dataPlanes } from './data-planes.ts';
import { eventually } from './eventually.ts';
import { echoServer } from './manifests.ts';
import { lacks, meshNeeds } from './needs.ts';
import { addProbe } from './probe.ts';
import { type Mesh, root, runMesh } from './run-mesh.ts';

describe.skipIf(lacks('tcp', ...meshNeeds)).each(dataPlanes)(
  'plain TCP between workloads, $name',
  ({ flags, prepare }) => {
    let mesh: Mesh;
    afterAll(() => mesh?.stop());

    it('goes through mutual TLS by service name, also where the server speaks first and the client half-closes', async () => {
      mesh = await runMesh({
        flags,
        prepare(folder) {
          prepare(folder);
          cpSync(join(root, 'test/mesh/apps/echo.ts'), join(folder, 'echo.ts'));
          writeFileSync(join(folder, 'echo.yaml'), echoServer('echo'));
          addProbe(folder, { name: 'inside', sidecar: true });
          addProbe(folder, { name: 'outside', sidecar: false });
        },
      });
      const text = 'a few words\n';
      await eventually(
        async () => expect(await dial(mesh, 'inside', text)).toBe(`hello from echo\n${text}`),
        30_000,
      );
      // STRICT: who speaks plaintext to the sidecar hears nothing.
      await eventually(async () => expect(await dial(mesh, 'outside', text)).toBe(''));
    });
  },
);

async function dial(mesh: Mesh, probe: string, text: string): Promise<string> {
  const query = new URLSearchParams({ host: 'echo', port: '9000', send: text });
  const response = await fetch(`${mesh.gateway}/${probe}/tcp?${query}`);
  if (response.status !== 200) throw new Error(`the probe ${probe} answered ${response.status}`);
  return ((await response.json()) as { said: string }).said;
}
