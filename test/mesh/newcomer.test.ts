import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { dataPlanes } from './data-planes.ts';
import { commandOf, processTree } from './enclosure.ts';
import { eventually } from './eventually.ts';
import { lacks, meshNeeds } from './needs.ts';
import { networkState } from './network-state.ts';
import { runMesh } from './run-mesh.ts';

const someoneElse = 65534;
const users = dataPlanes.flatMap((dataPlane) => [
  { who: 'root', uid: undefined, dataPlane },
  { who: 'uid 65534', uid: someoneElse, dataPlane },
]);

describe.skipIf(lacks('newcomer', ...meshNeeds, 'root')).each(users)(
  'weft up as $who, $dataPlane.name',
  ({ who, uid, dataPlane }) => {
    const { flags, prepare } = dataPlane;
    const options = { flags, prepare, ...(uid === undefined ? {} : { uid }) };

    it('serves the page, and leaves nothing after SIGINT', async () => {
      const before = await networkState();
      const mesh = await runMesh(options);
      console.log(`${who}, ${dataPlane.name}: the page after ${Math.round(mesh.startMs)} ms`);
      expect(mesh.startMs).toBeLessThan(60_000);
      const pids = processTree(mesh.process.pid!);
      expect(pids.length).toBeGreaterThan(15);
      expect(await mesh.stop()).toBe(0);
      await nothingLeft(pids, before);
    });

    it('leaves nothing after SIGKILL, and starts again', async () => {
      const before = await networkState();
      const mesh = await runMesh(options);
      const pids = processTree(mesh.process.pid!);
      mesh.process.kill('SIGKILL');
      await nothingLeft(pids, before);
      const again = await runMesh(options);
      expect(await again.stop()).toBe(0);
    });
  },
);

describe('weft up where namespaces cannot be had', () => {
  it('shares the network of the host, serves the page, and leaves nothing', async () => {
    const before = await networkState();
    const mesh = await runMesh({ flags: ['--platform', 'shared'] });
    const pids = processTree(mesh.process.pid!);
    expect(await mesh.stop()).toBe(0);
    await nothingLeft(pids, before);
  });
});

async function nothingLeft(pids: readonly number[], before: string): Promise<void> {
  await eventually(async () => {
    const alive = new Set(readdirSync('/proc'));
    expect(pids.filter((pid) => alive.has(String(pid)) && commandOf(pid) !== '').map(commandOf)).toEqual([]);
    expect(await networkState()).toBe(before);
  });
}
