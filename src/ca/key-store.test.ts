import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../testing/openssl.ts';
import { MAX_STORED_BYTES, readOrCreate, readStored } from './key-store.ts';

describe('the key store', () => {
  it('makes a secret once, readable by its owner alone, in a folder of its own', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'keys', 'a.pem');
    expect(await readOrCreate(path, 0o600, () => 'first')).toBe('first');
    expect(await readOrCreate(path, 0o600, () => 'second')).toBe('first');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder.path, 'keys'))).mode & 0o777).toBe(0o700);
  });

  it('gives everyone who comes at once the same text, and leaves nothing else behind', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'a.pem');
    const texts = await Promise.all(
      Array.from({ length: 20 }, (_, i) => readOrCreate(path, 0o600, async () => `text ${i}`)),
    );
    expect(new Set(texts).size).toBe(1);
    expect(await readdir(folder.path)).toEqual(['a.pem']);
  });

  it('refuses a secret that others can read', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'a.pem');
    await writeFile(path, 'secret');
    await chmod(path, 0o640);
    await expect(readStored(path, 0o600)).rejects.toMatchObject({ code: 'ca_key_readable_by_others' });
    expect(await readStored(path, 0o644)).toBe('secret');
  });

  it('says so when a file is too large or no file', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'a.pem');
    await writeFile(path, Buffer.alloc(MAX_STORED_BYTES + 1));
    await expect(readStored(path, 0o644)).rejects.toMatchObject({ code: 'ca_file_unreadable' });
    await mkdir(join(folder.path, 'b'));
    await expect(readStored(join(folder.path, 'b'), 0o644)).rejects.toMatchObject({
      code: 'ca_file_unreadable',
    });
    expect(await readStored(join(folder.path, 'c'), 0o600)).toBeUndefined();
  });

  it('writes public files so that others can read them', async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, 'root.pem');
    await readOrCreate(path, 0o644, () => 'public');
    expect((await stat(path)).mode & 0o777).toBe(0o644);
    expect(await readFile(path, 'utf8')).toBe('public');
  });
});
