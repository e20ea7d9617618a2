import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Io } from './io.ts';
import { runValidate, type ValidateResult } from './validate.ts';

let folder: string;
let written: { out: string; err: string };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'weft-validate-'));
  written = { out: '', err: '' };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function io(stdin = ''): Io {
  return {
    out: (text) => void (written.out += text),
    err: (text) => void (written.err += text),
    terminal: false,
    cwd: folder,
    env: {},
    stdin: async () => stdin,
  };
}

const results = (): ValidateResult[] => (JSON.parse(written.out) as { results: ValidateResult[] }).results;

const mesh = `apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: shop
  namespace: web
spec:
  hosts: [shop]
  http:
  - rout:
    - destination: {host: shop}
---
a: [
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: c}
`;

describe('weft validate', () => {
  it('gives one result per document in input order, with file and line', async () => {
    await writeFile(join(folder, 'mesh.yaml'), mesh);
    expect(await runValidate(['mesh.yaml'], { output: 'json' }, io())).toBe(1);
    expect(
      results().map(({ index, file, line, kind, namespace, name, valid }) => [
        index,
        file,
        line,
        kind,
        namespace,
        name,
        valid,
      ]),
    ).toEqual([
      [0, 'mesh.yaml', 1, 'Service', 'default', 'shop', true],
      [1, 'mesh.yaml', 6, 'VirtualService', 'web', 'shop', false],
      [2, 'mesh.yaml', 18, '', '', '', false],
      [3, 'mesh.yaml', 19, 'Certificate', 'default', 'c', true],
    ]);
    expect(results()[1]?.errors).toContainEqual({
      field: 'spec.http[0].rout',
      message: 'there is no field "rout" here; did you mean route?',
    });
    expect(results()[3]?.warnings).toEqual([
      { field: 'kind', message: 'Certificate is not a kind weft reads' },
    ]);
  });

  it('tells people the line of each field', async () => {
    await writeFile(join(folder, 'mesh.yaml'), mesh);
    await runValidate(['mesh.yaml'], { output: 'text' }, io());
    const lines = written.out.split('\n');
    expect(lines[0]).toBe(
      'mesh.yaml:14: VirtualService web/shop: spec.http[0].rout: there is no field "rout" here; did you mean route?',
    );
    expect(lines).toContain(
      'mesh.yaml:20: Certificate default/c: kind: warning: Certificate is not a kind weft reads',
    );
    expect(lines.at(-2)).toBe('4 objects, 2 not valid');
  });

  it('reads folders recursively, standard input and JSON lines, and is fine with valid objects', async () => {
    await mkdir(join(folder, 'a', 'b'), { recursive: true });
    await writeFile(
      join(folder, 'a', 'b', 'x.yaml'),
      'apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n',
    );
    const object = (name: string) =>
      JSON.stringify({ apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name } });
    const code = await runValidate(['a', '-'], { output: 'json' }, io(`${object('x')}\n${object('y')}\n`));
    expect(code).toBe(0);
    expect(results().map(({ file, line, namespace, name }) => [file, line, namespace, name])).toEqual([
      ['a/b/x.yaml', 1, '', 'n'],
      ['-', 1, 'default', 'x'],
      ['-', 2, 'default', 'y'],
    ]);
  });

  it('is used wrongly with a path that leads to nothing', async () => {
    expect(await runValidate(['nowhere.yaml'], { output: 'text' }, io())).toBe(2);
    expect(written.err).toContain('there is no file or folder nowhere.yaml');
  });

  it('says what little it knows of what is no object', async () => {
    await runValidate(['-'], { output: 'json' }, io('- 1\n---\nkind: Gateway\nmetadata: {name: 1}\n'));
    expect(results().map(({ kind, errors }) => [kind, errors.map(({ field }) => field)])).toEqual([
      ['', ['']],
      ['Gateway', ['apiVersion', 'metadata.name']],
    ]);
  });

  it('reads the pieces of configuration in an EnvoyFilter', async () => {
    const patch = (value: string) => `{ applyTo: CLUSTER, patch: { operation: MERGE, value: ${value} } }`;
    const text = `apiVersion: networking.istio.io/v1alpha3
kind: EnvoyFilter
metadata: { name: a }
spec:
  configPatches:
    - ${patch('{ connect_timeout: 1s }')}
    - ${patch('{ type: NOWHERE }')}
    - ${patch('{ of_tomorrow: 1 }')}
`;
    expect(await runValidate(['-'], { output: 'json' }, io(text))).toBe(1);
    const [{ errors = [], warnings = [] } = {}] = results();
    expect(errors.map(({ field }) => field)).toEqual(['spec.configPatches[1].patch.value']);
    expect(warnings.map(({ field }) => field)).toEqual(['spec', 'spec.configPatches[2].patch.value']);
  });
});
