import { mkdir, mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../lib/clock.ts';
import { manualClock } from '../../../lib/manual-clock.ts';
import type { Change, Source } from '../source.ts';
import { openFileSource } from './file-source.ts';

let folder: string;
let source: Source | undefined;
/** What files hold as far as the source told: path within the folder -> names of objects, or `!` and the problem. */
let told: Map<string, string[]>;
let batches: (readonly Change[])[];

const service = (name: string): string => `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}}\n`;
const at = (...names: string[]): string => join(folder, ...names);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-files-'));
  [told, batches] = [new Map(), []];
});
afterEach(async () => {
  await source?.close();
  await rm(folder, { recursive: true, force: true });
});

async function open(...paths: string[]): Promise<void> {
  source = openFileSource({ paths: paths.length === 0 ? [folder] : paths, clock: systemClock });
  await source.watch(take);
}

/** One edit: written in place, replaced, emptied and written, deleted, or its folder deleted. */
async function edit(path: string, what: number, name: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  if (what === 0) await writeFile(path, service(name));
  if (what === 1) {
    await writeFile(join(dirname(path), '.tmp'), service(name));
    await rename(join(dirname(path), '.tmp'), path);
  }
  if (what === 2) {
    await writeFile(path, '');
    await writeFile(path, service(name));
  }
  if (what === 3) await rm(path, { force: true });
  if (what === 4 && dirname(path).endsWith('y')) await rm(dirname(path), { recursive: true });
}

function take(batch: readonly Change[]): void {
  batches.push(batch);
  record(batch, told);
}

function record(batch: readonly Change[], told: Map<string, string[]>): void {
  for (const change of batch) {
    const name = change.origin.replace(`${folder}/`, '');
    if (change.type === 'delete') told.delete(name);
    else {
      const names = change.documents.map(
        ({ value }) => (value as { metadata: { name: string } }).metadata.name,
      );
      told.set(name, [...names, ...change.problems.map(({ message }) => `!${message.slice(0, 16)}`)]);
    }
  }
}

/** Bounded: looks every few ms, for ten seconds at most. */
async function until(wanted: Record<string, string[]>): Promise<void> {
  for (let i = 0; i < 2000; i++) {
    const now = Object.fromEntries([...told].sort(([a], [b]) => (a < b ? -1 : 1)));
    if (JSON.stringify(now) === JSON.stringify(wanted)) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(Object.fromEntries(told)).toEqual(wanted);
}

describe('files as a source', () => {
  it('delivers all files of a folder and its folders in one batch, before watch resolves', async () => {
    await mkdir(at('b', 'deep'), { recursive: true });
    await writeFile(at('a.yaml'), `${service('a1')}---\n${service('a2')}`);
    await writeFile(at('b', 'deep', 'x.json'), JSON.stringify({ metadata: { name: 'x' } }));
    for (const other of ['readme.md', '.hidden.yaml', 'package.json', 'old.yaml~'])
      await writeFile(at(other), 'a: 1');
    await open();
    expect(Object.fromEntries(told)).toEqual({ 'a.yaml': ['a1', 'a2'], 'b/deep/x.json': ['x'] });
    expect(batches).toHaveLength(1);
  });

  it('passes over a folder with .weftignore, unless it is the one that was named', async () => {
    await mkdir(at('variants', 'canary'), { recursive: true });
    await writeFile(at('variants', '.weftignore'), '');
    await writeFile(at('variants', 'canary', 'v.yaml'), service('v'));
    await writeFile(at('a.yaml'), service('a'));
    await open();
    expect([...told.keys()]).toEqual(['a.yaml']);
    await source?.close();
    told.clear();
    await open(at('variants'));
    expect([...told.keys()]).toEqual(['variants/canary/v.yaml']);
  });

  it('refuses a path where there is nothing', async () => {
    await expect(open(at('nowhere'))).rejects.toThrow('there is no file or folder');
  });

  it('sees changed, new, renamed and deleted files', async () => {
    await writeFile(at('a.yaml'), service('a'));
    await open();
    await writeFile(at('a.yaml'), service('b'));
    await until({ 'a.yaml': ['b'] });
    await writeFile(at('c.yaml'), service('c'));
    await until({ 'a.yaml': ['b'], 'c.yaml': ['c'] });
    await rename(at('c.yaml'), at('d.yaml'));
    await until({ 'a.yaml': ['b'], 'd.yaml': ['c'] });
    await unlink(at('a.yaml'));
    await until({ 'd.yaml': ['c'] });
  });

  it('never reports a file as gone or empty that is replaced as editors do it', async () => {
    const clock = manualClock();
    /** Some time of the source's passes, less than its patience, while real events arrive. */
    const pause = async (): Promise<void> => {
      for (let ms = 0; ms < 30; ms += 5) {
        await new Promise((resolve) => setTimeout(resolve, 2));
        clock.advance(5);
      }
    };
    await writeFile(at('a.yaml'), service('a0'));
    source = openFileSource({ paths: [folder], clock });
    await source.watch(take);
    const steps = [
      // vim: the old file becomes a backup, a new one is written, the backup goes.
      () => rename(at('a.yaml'), at('a.yaml~')),
      () => writeFile(at('a.yaml'), service('a1')),
      () => unlink(at('a.yaml~')),
      // Most programs: written aside and renamed.
      () => writeFile(at('.a.yaml.tmp'), service('a2')),
      () => rename(at('.a.yaml.tmp'), at('a.yaml')),
      // nano, a shell's >: emptied and written in place.
      () => writeFile(at('a.yaml'), ''),
      () => writeFile(at('a.yaml'), service('a3')),
    ];
    for (const step of steps) {
      await step();
      await pause();
    }
    for (let i = 0; i < 2000 && told.get('a.yaml')?.[0] !== 'a3'; i++) await pause();
    expect(Object.fromEntries(told)).toEqual({ 'a.yaml': ['a3'] });
    expect(batches.flat().filter(({ type }) => type === 'delete')).toEqual([]);
    const empty = batches.flat().filter((change) => change.type === 'put' && change.documents.length === 0);
    expect(empty).toEqual([]);
  });

  it('believes in an empty file in the end', async () => {
    await writeFile(at('a.yaml'), service('a'));
    await open();
    await writeFile(at('a.yaml'), '');
    await until({ 'a.yaml': [] });
  });

  it('follows folders that are made, deleted and made again', async () => {
    await open();
    await mkdir(at('x', 'y'), { recursive: true });
    await writeFile(at('x', 'y', 'a.yaml'), service('a'));
    await until({ 'x/y/a.yaml': ['a'] });
    await rm(at('x'), { recursive: true });
    await until({});
    await mkdir(at('x', 'y'), { recursive: true });
    await writeFile(at('x', 'y', 'a.yaml'), service('b'));
    await until({ 'x/y/a.yaml': ['b'] });
    await writeFile(at('x', 'y', 'a.yaml'), service('c'));
    await until({ 'x/y/a.yaml': ['c'] });
  });

  it('follows symbolic links that are turned, as Kubernetes turns those of a mounted ConfigMap', async () => {
    await mkdir(at('..1'));
    await mkdir(at('..2'));
    await writeFile(at('..1', 'a.yaml'), service('one'));
    await writeFile(at('..2', 'a.yaml'), service('two'));
    await symlink('..1', at('..data'));
    await symlink(join('..data', 'a.yaml'), at('a.yaml'));
    await open();
    expect(Object.fromEntries(told)).toEqual({ 'a.yaml': ['one'] });
    await symlink('..2', at('..tmp'));
    await rename(at('..tmp'), at('..data'));
    await until({ 'a.yaml': ['two'] });
    expect(batches.flat().filter(({ type }) => type === 'delete')).toEqual([]);
  });

  it('follows the named folder when it is a link that is turned', async () => {
    await mkdir(at('r1'));
    await mkdir(at('r2'));
    await writeFile(at('r1', 'a.yaml'), service('one'));
    await writeFile(at('r2', 'a.yaml'), service('two'));
    await symlink('r1', at('current'));
    await open(at('current'));
    await symlink('r2', at('next'));
    await rename(at('next'), at('current'));
    await until({ 'current/a.yaml': ['two'] });
    await writeFile(at('r2', 'a.yaml'), service('three'));
    await until({ 'current/a.yaml': ['three'] });
  });

  it('keeps everything while the named folder is gone, and goes on when it is back', async () => {
    await mkdir(at('root'));
    await writeFile(at('root', 'a.yaml'), service('a'));
    await writeFile(at('root', 'b.yaml'), service('b'));
    await open(at('root'));
    await rename(at('root'), at('away'));
    await until({ root: ['!the folder '.padEnd(17, folder)], 'root/a.yaml': ['a'], 'root/b.yaml': ['b'] });
    await mkdir(at('root'));
    await writeFile(at('root', 'a.yaml'), service('again'));
    await until({ 'root/a.yaml': ['again'] });
  });

  it('watches single files, whatever they are called, and only those', async () => {
    await writeFile(at('resources'), service('a'));
    await writeFile(at('other.yaml'), service('o'));
    await open(at('resources'));
    expect(Object.fromEntries(told)).toEqual({ resources: ['a'] });
    await writeFile(at('.tmp'), service('b'));
    await rename(at('.tmp'), at('resources'));
    await until({ resources: ['b'] });
  });

  it('reports a file that cannot be parsed, with its sound documents', async () => {
    await open();
    await writeFile(at('a.yaml'), `${service('a')}---\nb: [\n`);
    await until({ 'a.yaml': ['a', '!this is not YAML'.slice(0, 17)] });
  });

  it('knows the same files after any edits as when it starts anew', async () => {
    const paths = ['a.yaml', 'b.yaml', 'x/c.yaml', 'x/y/d.yaml'];
    const random = fc.array(fc.record({ path: fc.constantFrom(...paths), what: fc.nat(4) }), {
      minLength: 5,
      maxLength: 25,
    });
    for (const [run, edits] of fc.sample(random, { numRuns: 5, seed: 7 }).entries()) {
      const root = at(`run${run}`);
      await mkdir(root);
      told.clear();
      await open(root);
      for (const [i, { path, what }] of edits.entries()) await edit(join(root, path), what, `${run}-${i}`);
      const last = join(root, 'last.yaml');
      await writeFile(last, service('last'));
      const fresh = new Map<string, string[]>();
      const anew = openFileSource({ paths: [root], clock: systemClock });
      await anew.watch((batch) => record(batch, fresh));
      await anew.close();
      await until(Object.fromEntries([...fresh].sort(([a], [b]) => (a < b ? -1 : 1))));
      await source?.close();
    }
  });

  it('delivers nothing after it is closed', async () => {
    await writeFile(at('a.yaml'), service('a'));
    await open();
    await source?.close();
    const count = batches.length;
    await writeFile(at('a.yaml'), service('b'));
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(batches.length).toBe(count);
  });
});
