import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { recordedIo } from '../../testing/traffic/recorded-io.ts';
import { runTest, type TestOptions } from '../test.ts';

const SERVICE = `
apiVersion: v1
kind: Service
metadata: { name: api }
spec: { selector: { app: api }, ports: [{ name: http, port: 80 }] }
`;
const rule = (status: number) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: api }
spec:
  hosts: [api]
  http: [{ directResponse: { status: ${status} } }]
`;
const test = (name: string, status: number, resources = './mesh') => `
apiVersion: weft.dev/v1
kind: TrafficTest
metadata: { name: ${name} }
spec:
  resources: [${resources}]
  workloads: [{ name: client }, { name: api-1, labels: { app: api }, ports: [80] }]
  requests: [{ name: r, from: default/client, send: { url: 'http://api/' }, expect: { status: ${status} } }]
`;

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

/** Watches a folder; `next` resolves with what the next run printed. */
function watched(files: Readonly<Record<string, string>>, options: Partial<TestOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'weft-watch-'));
  mkdirSync(join(folder, 'mesh'));
  const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
  for (const [name, text] of Object.entries(files)) write(name, text);
  const io = recordedIo(folder);
  let stopped = false;
  const all = { engine: 'simulate', output: 'text', watch: true, ...options } as const;
  const running = runTest(['.'], all, io, () => stopped);
  let read = 0;
  const stop = async () => {
    stopped = true;
    const code = await running;
    rmSync(folder, { recursive: true, force: true });
    return code;
  };
  ends.push(stop);
  return {
    write,
    remove: (name: string) => rmSync(join(folder, name)),
    stop,
    async next(): Promise<string> {
      for (const endMs = performance.now() + 10_000; performance.now() < endMs; ) {
        const text = io.written.out.slice(read);
        // The last line of a run.
        if (/requests? of|no TrafficTest|^\{.*\}\n$/.test(text)) {
          read += text.length;
          return text;
        }
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      throw new Error(`nothing was printed; before: ${io.written.out} ${io.written.err}`);
    },
  };
}

describe('weft test --watch', () => {
  it('runs again what a changed file is a part of, and prints what comes out otherwise', async () => {
    const { write, next, stop } = watched({
      'mesh/api.yaml': SERVICE,
      'mesh/rule.yaml': rule(201),
      'a.yaml': test('a', 201),
      'b.yaml': test('b', 200, './mesh/api.yaml'),
    });
    expect(await next()).toBe('2 requests of 2 tests, all as expected\n');
    write('mesh/rule.yaml', rule(202));
    expect(await next()).toBe(
      '\nmesh/rule.yaml changed\n./a.yaml:8 FAIL a: r\n    status: expected 201, got 202\n2 requests of 2 tests, 1 not as expected\n',
    );
    write('a.yaml', test('a', 202));
    expect(await next()).toBe(
      '\na.yaml changed\n./a.yaml:8 ok a: r\n2 requests of 2 tests, all as expected\n',
    );
    write('a.yaml', `# nothing new\n${test('a', 202)}`);
    expect(await next()).toBe('\na.yaml changed\n2 requests of 2 tests, all as expected\n');
    expect(await stop()).toBe(0);
  });

  it('goes on with broken files, and names file and line', async () => {
    const { write, remove, next } = watched({
      'mesh/api.yaml': SERVICE,
      'mesh/rule.yaml': rule(201),
      'a.yaml': test('a', 201),
    });
    await next();
    write('mesh/rule.yaml', rule(201).replace('directResponse', 'directResponce'));
    expect(await next()).toMatch(/mesh\/rule\.yaml:7 FAIL a\n {4}spec\.http\[0\]\.directResponce: /);
    write('a.yaml', 'kind: [');
    expect(await next()).toMatch(/a\.yaml:\d+ FAIL/);
    remove('a.yaml');
    expect(await next()).toContain('there is no TrafficTest');
    write('a.yaml', test('a', 201).replace('expect: { status', 'expect: { statuss'));
    expect(await next()).toMatch(/a\.yaml:8 FAIL a\n {4}spec\.requests\[0\]\.expect\.statuss: /);
    write('a.yaml', test('a', 201));
    write('mesh/rule.yaml', rule(201));
    expect(await next()).toContain('1 request of 1 test, all as expected');
  });

  it('sees files that come, and prints a line of JSON for each run', async () => {
    const { write, next } = watched(
      { 'mesh/api.yaml': SERVICE, 'a.yaml': test('a', 201, './mesh, ./later.yaml') },
      { output: 'json' },
    );
    expect(JSON.parse(await next())).toMatchObject({ changed: [], failed: 2, requests: 2 });
    write('later.yaml', rule(201));
    expect(JSON.parse(await next())).toEqual({
      changed: ['later.yaml'],
      tests: [expect.objectContaining({ test: 'a', request: 'r', pass: true })],
      requests: 1,
      failed: 0,
    });
  });

  it('is not for standard input or JUnit', async () => {
    const io = recordedIo(tmpdir());
    expect(await runTest(['-'], { engine: 'simulate', output: 'text', watch: true }, io)).toBe(2);
    expect(await runTest(['.'], { engine: 'simulate', output: 'junit', watch: true }, io)).toBe(2);
  });
});
