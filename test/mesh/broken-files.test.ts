import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { StatusReport } from '../../src/server/contract.ts';
import { dataPlanes } from './data-planes.ts';
import { eventually } from './eventually.ts';
import { get } from './load.ts';
import { lacks, meshNeeds } from './needs.ts';
import { versionOf, writeWeights } from './routes-file.ts';
import { type Mesh, runMesh } from './run-mesh.ts';

interface ConfigurationState {
  readonly file: string;
  readonly line: number;
  readonly state: string;
  readonly errors: readonly { readonly field: string; readonly message: string }[];
}

const mistakes: Readonly<
  Record<string, { readonly text: string; readonly field: RegExp; readonly message: RegExp }>
> = {
  'a broken file': {
    text: 'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: reviews\n',
    field: /.*/,
    message: /./,
  },
  'an unknown field': {
    text: 'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: reviews}\nspec:\n  hosts: [reviews]\n  http:\n  - roote:\n    - destination: {host: reviews, subset: v3}\n',
    field: /spec\.http\[0\]/,
    message: /roote|route/,
  },
  'a reference to nothing': {
    text: 'apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: other}\nspec:\n  hosts: [details]\n  http:\n  - route:\n    - destination: {host: nobody}\n',
    field: /spec\.http\[0\]\.route/,
    message: /nobody/,
  },
};

describe.skipIf(lacks('broken files', ...meshNeeds)).each(dataPlanes)(
  'a mistake in a file, $name',
  ({ flags, prepare }) => {
    let mesh: Mesh;
    afterAll(() => mesh?.stop());

    it('is reported with file, line and field; the last good version stays and everything else goes on', async () => {
      mesh = await runMesh({ flags, prepare });
      writeWeights(mesh.folder, [0, 100, 0]);
      await eventually(() => allVersions(mesh, 2));
      for (const [what, { text, field, message }] of Object.entries(mistakes)) {
        const file = what === 'a reference to nothing' ? 'other.yaml' : 'reviews-routes.yaml';
        writeFileSync(join(mesh.folder, file), text);
        await eventually(async () => {
          const bad = (await configuration(mesh)).filter((o) => o.file.endsWith(file));
          const told = bad.some(
            (o) => o.line > 0 && o.errors.some((e) => field.test(e.field) && message.test(e.message)),
          );
          expect(told, `${what}: ${JSON.stringify(bad)}`).toBe(true);
        });
        await allVersions(mesh, 2);
      }
      writeFileSync(
        join(mesh.folder, 'twice.yaml'),
        'apiVersion: networking.istio.io/v1\nkind: DestinationRule\nmetadata: {name: reviews}\nspec: {host: reviews, subsets: []}\n',
      );
      await eventually(async () => {
        const twice = (await configuration(mesh)).find((o) => o.file.endsWith('twice.yaml'));
        expect(JSON.stringify(twice?.errors)).toContain('destination-rules.yaml');
      });
      await allVersions(mesh, 2);
      writeWeights(mesh.folder, [100, 0, 0]);
      await eventually(() => allVersions(mesh, 1));
      const page = await (await fetch(`${mesh.dashboard}/`)).text();
      expect(page).toContain('weft');
    });
  },
);

async function allVersions(mesh: Mesh, version: number): Promise<void> {
  for (let i = 0; i < 10; i++) {
    const page = await get(`${mesh.gateway}/productpage`, undefined);
    expect(page.status).toBe(200);
    expect(versionOf(page.body)).toBe(version);
  }
}

async function configuration(mesh: Mesh): Promise<readonly ConfigurationState[]> {
  const response = await fetch(`${mesh.dashboard}/api/status`);
  const status = (await response.json()) as StatusReport;
  // What is wrong inside an object, and what is odd between objects.
  const findings = status.findings.map((f) => ({ file: f.file, line: f.line, state: 'ok', errors: [f] }));
  return [...status.configuration, ...findings];
}
