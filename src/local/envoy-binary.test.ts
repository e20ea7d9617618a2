import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findEnvoy, installEnvoy } from './envoy-binary.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-envoy-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});
const program = (...names: string[]): string => {
  const file = join(folder, ...names);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, '#!/bin/sh\necho envoy\n');
  chmodSync(file, 0o755);
  return file;
};

describe('findEnvoy', () => {
  it('takes the file that was named, then PATH, then the newest in a cache', () => {
    const named = program('named');
    const onPath = program('bin', 'envoy');
    program('cache', 'envoy', '1.9.0', 'envoy');
    const newest = program('cache', 'envoy', '1.40.0', 'envoy');
    const caches = [join(folder, 'none'), join(folder, 'cache')];
    expect(findEnvoy({ file: named, path: join(folder, 'bin'), caches })).toBe(named);
    expect(findEnvoy({ path: join(folder, 'bin'), caches })).toBe(onPath);
    expect(findEnvoy({ path: '/nowhere', caches })).toBe(newest);
    expect(findEnvoy({ path: '/nowhere', caches: [] })).toBeUndefined();
  });

  it('does not silently use another than the one that was named', () => {
    expect(() => findEnvoy({ file: join(folder, 'no'), path: '/usr/bin', caches: [] })).toThrow(
      'there is no such program',
    );
    expect(() => findEnvoy({ file: folder, path: '/usr/bin', caches: [] })).toThrow(
      'there is no such program',
    );
  });
});

describe('installEnvoy', () => {
  it('says what to do without Python, and when pip fails', async () => {
    await expect(installEnvoy(folder, '/nowhere')).rejects.toThrow('--envoy FILE');
    const python = program('bin', 'python3');
    writeFileSync(python, '#!/bin/sh\necho "ERROR: no route to host" >&2; exit 1\n');
    await expect(installEnvoy(folder, `${join(folder, 'bin')}:/bin:/usr/bin`)).rejects.toThrow(
      'cannot be downloaded: ERROR: no route to host',
    );
  });
});
