import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { typeUrls } from '../xds/resources.ts';
import { sendable } from '../xds/sendable.ts';
import { type CacheFile, cacheFile } from './cache-file.ts';
import { createHeld, type Held } from './held.ts';

let folder: string;
let errors: string[];
let file: CacheFile;
const path = () => join(folder, 'cache', 'web-1.default.held');

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-held-'));
  errors = [];
  file = cacheFile(join(folder, 'cache'), 'web-1.default', (message) => errors.push(message));
});
afterEach(() => rm(folder, { recursive: true }));

function held(...names: readonly string[]): Held {
  const made = createHeld();
  made.know(typeUrls.listener);
  for (const name of names) {
    made.put(typeUrls.cluster, sendable(name, 'v1', typeUrls.cluster, Buffer.from(`bytes of ${name}`)));
  }
  return made;
}

const shown = (all: Held) =>
  [...all.types()].map((typeUrl) => [typeUrl, [...all.of(typeUrl).values()]] as const);

describe('what an Envoy used last, on disk', () => {
  it('comes back as it was, types without resources included', async () => {
    const all = held('a', 'b');
    await file.save(all);
    expect(shown(await file.load())).toEqual(shown(all));
    expect((await file.load()).isKnown(typeUrls.listener)).toBe(true);
    expect((await file.load()).isKnown(typeUrls.route)).toBe(false);
  });

  it('is for its owner only, and is replaced as a whole', async () => {
    await file.save(held('a'));
    await Promise.all([file.save(held('b')), file.save(held('c')), file.save(held('d'))]);
    expect((await stat(path())).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'cache'))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(folder, 'cache'))).toEqual(['web-1.default.held']);
    expect([...(await file.load()).of(typeUrls.cluster).keys()]).toEqual(['d']);
  });

  it('is not used where it is torn, altered or something else', async () => {
    expect(shown(await file.load())).toEqual([]);
    expect(errors).toEqual([]);
    await file.save(held('a', 'b'));
    const good = await readFile(path());
    const altered = Buffer.from(good);
    altered[altered.length - 1]! ^= 1;
    for (const bad of [good.subarray(0, good.length - 3), altered, Buffer.from('{}'), Buffer.alloc(0)]) {
      await writeFile(path(), bad);
      expect(shown(await file.load())).toEqual([]);
    }
    expect(errors).toHaveLength(4);
  });

  it('goes with its workload', async () => {
    await file.save(held('a'));
    await file.remove();
    expect(await readdir(join(folder, 'cache'))).toEqual([]);
  });
});
