import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { manualClock } from '../lib/manual-clock.ts';
import { platformPartsFrom } from './platform-parts.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-parts-'));
  file = join(folder, 'status.json');
});
afterEach(() => rm(folder, { recursive: true }));

const write = (atMs: number, cpuSeconds: number, pid = 7, sinceMs = 0) => {
  const processes = [
    { name: 'default/web-1 proxy', kind: 'proxy', pid, sinceMs, cpuSeconds, rssBytes: 1000 },
  ];
  return writeFile(file, JSON.stringify({ atMs, processes }));
};

describe('the parts that the platform runs', () => {
  it('use what they used since their start, then between two looks', async () => {
    const parts = platformPartsFrom(file, manualClock());
    await write(8000, 2);
    expect((await parts.read()).processes[0]).toEqual({
      kind: 'proxy',
      name: 'default/web-1 proxy',
      state: 'running',
      pid: 7,
      restarts: 0,
      usage: { cpu: 0.25, memoryBytes: 1000 },
    });
    await write(10_000, 3);
    expect((await parts.read()).processes[0]?.usage).toEqual({ cpu: 0.5, memoryBytes: 1000 });
    expect((await parts.read()).processes[0]?.usage).toEqual({ cpu: 0.5, memoryBytes: 1000 });
    await write(12_000, 0.1, 8, 11_900);
    expect((await parts.read()).processes[0]?.usage).toBeUndefined();
  });

  it('are none where there is no platform, or its table is broken', async () => {
    const parts = platformPartsFrom(file, manualClock());
    expect(await parts.read()).toEqual({ processes: [], problems: [] });
    await writeFile(file, '{"processes": [{"name"');
    expect(await parts.read()).toEqual({ processes: [], problems: [] });
  });
});
