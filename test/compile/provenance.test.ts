import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { isPlainObject } from '../../src/api/plain.ts';
import { type Compiled, compile } from '../../src/control/compile.ts';
import { readInputs } from '../../src/control/watch/files/read-inputs.ts';
import { putOf } from '../../src/control/watch/memory/memory-source.ts';
import { makeResourceStore } from '../../src/control/watch/store.ts';

// Every resource that a proxy gets knows the objects that made it, and where they are written, over all meshes of the
// traffic tests and examples.

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const FROM = { cwd: ROOT, stdin: () => Promise.resolve('') };

/** What the mesh has of itself, whatever anybody writes. */
const STANDING = new Set([
  'virtualInbound',
  'virtualOutbound',
  'dns',
  'http_proxy',
  'BlackHoleCluster',
  'PassthroughCluster',
  'InboundPassthroughCluster',
  'AllowAnyDynamicDNSCluster',
]);

async function meshesBelow(folder: string): Promise<readonly Compiled[]> {
  const meshes: Compiled[] = [];
  for (const { file, documents } of await readInputs([folder], FROM))
    for (const { value } of documents) {
      if (!isPlainObject(value) || value['kind'] !== 'TrafficTest' || !isPlainObject(value['spec'])) continue;
      const store = makeResourceStore();
      const paths = listOf(value['spec']['resources']).map((path) => join(dirname(file), String(path)));
      for (const { file: origin, documents, problems } of await readInputs(paths, FROM))
        store.apply([{ type: 'put', origin, documents, problems }]);
      store.apply([putOf(file, listOf(value['spec']['objects']))]);
      meshes.push(compile(store.resources(), { offline: true }));
    }
  return meshes;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Resources that nobody can say where they come from, of all proxies of a mesh. */
function unexplained(mesh: Compiled): readonly string[] {
  return mesh.workloads().flatMap(({ name, namespace, gateway }) => {
    const id = `${gateway ? 'router' : 'sidecar'}~~${name}.${namespace}~${namespace}.svc.cluster.local`;
    const view = mesh.forProxy({ id });
    const all = [
      ...(view?.listeners() ?? []),
      ...(view?.clusters() ?? []),
      ...(view?.routes() ?? []),
      ...(view?.endpoints() ?? []),
    ];
    return all
      .filter(({ name }) => !STANDING.has(name))
      .filter(({ provenance }) => !provenance.some((origin) => mesh.locate(origin) !== undefined))
      .map(({ name, typeUrl }) => `${typeUrl.slice(typeUrl.lastIndexOf('.') + 1)} ${name}`);
  });
}

it.each(['test/traffic', 'examples'])('every resource knows what made it: %s', async (folder) => {
  const meshes = await meshesBelow(join(ROOT, folder));
  expect(meshes.length).toBeGreaterThan(5);
  expect([...new Set(meshes.flatMap(unexplained))]).toEqual([]);
});
