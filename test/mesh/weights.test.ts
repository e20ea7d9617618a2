import { afterAll, describe, expect, it } from 'vitest';
import { dataPlanes } from './data-planes.ts';
import { failures, get, load } from './load.ts';
import { lacks, meshNeeds } from './needs.ts';
import { versionOf, type Weights, withinFourErrors, writeWeights } from './routes-file.ts';
import { type Mesh, runMesh } from './run-mesh.ts';

const requests = 5_000;
const changes = 50;
const last: Weights = [10, 30, 60];

describe.skipIf(lacks('weights', ...meshNeeds)).each(dataPlanes)(
  'weights rewritten under load, $name',
  ({ name, flags, prepare }) => {
    let mesh: Mesh;
    afterAll(() => mesh?.stop());

    it('lose no request, end at the weights of the file, and are obeyed within a moment of the write', async () => {
      mesh = await runMesh({ flags, prepare });
      const delays: number[] = [];
      let loading = true;
      const url = `${mesh.gateway}/productpage`;
      const rewriting = rewrite(mesh, () => loading, delays);
      const answers = await load(url, requests, 16);
      loading = false;
      await rewriting;
      expect(failures(answers)).toEqual([]);

      writeWeights(mesh.folder, last);
      await untilObeyed(mesh, last);
      const final = await load(url, 1_000, 16);
      expect(failures(final)).toEqual([]);
      last.forEach((weight, i) => {
        const count = final.filter((a) => versionOf(a.body) === i + 1).length;
        expect(
          withinFourErrors(count, final.length, weight / 100),
          `v${i + 1}: ${count} of ${final.length}`,
        ).toBe(true);
      });
      console.log(
        `${name}: ${requests} requests, ${delays.length} changes, 0 failures; write to obeyed: ${summary(delays)}`,
      );
      expect(delays.length).toBe(changes);
    });
  },
);

/** Sends everything to one version after another; measures from each write to the first page of that version. */
async function rewrite(mesh: Mesh, loading: () => boolean, delays: number[]): Promise<void> {
  for (let i = 0; i < changes && (loading() || i < changes); i++) {
    const version = (i % 3) + 1;
    const weights = [1, 2, 3].map((v) => (v === version ? 100 : 0)) as unknown as Weights;
    const startMs = performance.now();
    writeWeights(mesh.folder, weights);
    delays.push((await untilVersion(mesh, version)) - startMs);
  }
}

/** When a request that began after the write was answered by this version only: the time of the first such answer. */
async function untilVersion(mesh: Mesh, version: number): Promise<number> {
  const untilMs = performance.now() + 10_000;
  while (performance.now() < untilMs) {
    const answer = await get(`${mesh.gateway}/productpage`, undefined);
    if (versionOf(answer.body) === version) return answer.startMs;
  }
  throw new Error(`version ${version} was not seen within 10 s`);
}

/** Until two hundred pages in a row look like the weights: the last change is in force. */
async function untilObeyed(mesh: Mesh, weights: Weights): Promise<void> {
  const untilMs = performance.now() + 10_000;
  while (performance.now() < untilMs) {
    const answers = await load(`${mesh.gateway}/productpage`, 200, 8);
    const fits = weights.every((w, i) =>
      withinFourErrors(answers.filter((a) => versionOf(a.body) === i + 1).length, answers.length, w / 100),
    );
    if (fits) return;
  }
}

function summary(delays: readonly number[]): string {
  const sorted = [...delays].sort((a, b) => a - b);
  const at = (share: number): string =>
    `${Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!)} ms`;
  return `median ${at(0.5)}, p99 ${at(0.99)}, max ${at(1)}`;
}
