import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Folder } from './folder.ts';
import { identityOf } from './objects.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-folder-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
const service = (name: string, port: number | string = 80): string =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name} }\nspec:\n  ports:\n  - port: ${port}\n`;

describe('Folder', () => {
  it('reads every file below it, many documents each, lists, and JSON', () => {
    mkdirSync(join(folder, 'more'));
    write('a.yaml', `${service('a')}---\n${service('b')}---\n`);
    write(
      'more/c.json',
      JSON.stringify({
        kind: 'List',
        items: [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }],
      }),
    );
    write('.hidden.yaml', service('hidden'));
    write('notes.txt', 'kind: Service');
    write('package.json', '{ "name": "x" }');
    mkdirSync(join(folder, 'variants'));
    write('variants/.weftignore', '');
    write('variants/a.yaml', service('variant'));
    const { objects, problems } = new Folder(folder).read();
    expect(objects.map(identityOf)).toEqual(['Service/default/a', 'Service/default/b', 'Namespace//shop']);
    expect(problems).toEqual([]);
  });

  it('names file and line of a field that is wrong, and goes on with the rest', () => {
    write('a.yaml', service('a', '"eighty"'));
    write('b.yaml', service('b'));
    const { objects, problems } = new Folder(folder).read();
    expect(objects.map(identityOf)).toEqual(['Service/default/b']);
    expect(problems).toEqual([
      {
        file: join(folder, 'a.yaml'),
        line: 6,
        message: 'spec.ports[0].port: must be a whole number from 1 to 65535, not "eighty"',
      },
    ]);
  });

  it('names the line of broken YAML and keeps the last good version of what is gone with it', () => {
    write('a.yaml', `${service('a')}---\n${service('b')}`);
    const reader = new Folder(folder);
    reader.read();
    write('a.yaml', `${service('a', 81)}---\nkind: [\nmetadata:\n`);
    const { objects, problems } = reader.read();
    expect(objects.map((o) => [identityOf(o), o.kind === 'Service' && o.spec.ports[0]?.port])).toEqual([
      ['Service/default/a', 81],
      ['Service/default/b', 80],
    ]);
    expect(problems).toMatchObject([{ file: join(folder, 'a.yaml') }]);
    expect(problems[0]?.line).toBeGreaterThan(7);
  });

  it('forgets an object that is taken out of a whole file, and a file that is gone', () => {
    write('a.yaml', `${service('a')}---\n${service('b')}`);
    write('c.yaml', service('c'));
    const reader = new Folder(folder);
    reader.read();
    write('a.yaml', service('a'));
    rmSync(join(folder, 'c.yaml'));
    expect(reader.read().objects.map(identityOf)).toEqual(['Service/default/a']);
  });

  it('takes the first of two objects with one name and reports the second', () => {
    write('a.yaml', service('a', 1));
    write('b.yaml', service('a', 2));
    const { objects, problems } = new Folder(folder).read();
    expect(objects).toHaveLength(1);
    expect(problems).toMatchObject([
      { file: join(folder, 'b.yaml'), line: 1, message: expect.stringContaining('a.yaml:1') },
    ]);
  });
});
