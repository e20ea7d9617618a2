import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { recordedIo } from '../testing/traffic/recorded-io.ts';
import { runTest, type TestOptions } from './test.ts';

async function run(
  files: readonly string[],
  options: Partial<TestOptions> = {},
  cwd = process.cwd(),
  stdin = '',
) {
  const io = recordedIo(cwd, stdin);
  const code = await runTest(files, { engine: 'simulate', output: 'text', ...options }, io);
  return { code, ...io.written };
}

async function results(files: readonly string[], cwd?: string, stdin?: string) {
  const { code, out } = await run(files, { output: 'json' }, cwd, stdin);
  return { code, tests: JSON.parse(out).tests };
}

describe('the traffic tests of this project', () => {
  it('pass in simulation', async () => {
    const { code, tests } = await results(['test/traffic']);
    expect(tests.filter(({ pass }: { pass: boolean }) => !pass)).toEqual([]);
    expect(code).toBe(0);
    expect(tests.length).toBeGreaterThan(150);
  }, 120_000);
});

const MESH = `
apiVersion: v1
kind: Service
metadata: { name: api }
spec: { selector: { app: api }, ports: [{ name: http, port: 80 }] }
`;

const test = (spec: string) => `
apiVersion: weft.dev/v1
kind: TrafficTest
metadata: { name: t }
spec:
  resources: [./mesh.yaml]
  workloads:
    - { name: api-1, labels: { app: api }, serviceAccount: api, ports: [80] }
    - { name: api-2, labels: { app: api }, serviceAccount: api, ports: [80] }
    - { name: client }
    - { name: plain, mesh: false }
${spec}`;

/** A folder with a mesh and a test of it. */
function folderWith(spec: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'weft-test-'));
  writeFileSync(join(folder, 'mesh.yaml'), MESH);
  writeFileSync(join(folder, 't.yaml'), test(spec));
  return folder;
}

const request = (expectation: string, more = '') =>
  `  requests:\n    - { from: default/client, send: { url: 'http://api/' }, expect: ${expectation} ${more} }\n`;

describe('weft test', () => {
  it('says what was expected and what happened, where the test stands', async () => {
    const folder = folderWith(request('{ status: 404, tls: none, attempts: 1 }'));
    const { code, tests } = await results(['t.yaml'], folder);
    expect(code).toBe(1);
    expect(tests).toEqual([
      {
        file: 't.yaml',
        line: 13,
        test: 't',
        request: 'GET http://api/ from default/client',
        pass: false,
        failures: [
          { what: 'status', expected: '404', actual: '200' },
          { what: 'tls', expected: 'none', actual: 'mutual' },
        ],
        unobserved: [],
      },
    ]);
    const { out } = await run(['t.yaml'], {}, folder);
    expect(out).toContain(
      't.yaml:13 FAIL t: GET http://api/ from default/client\n    status: expected 404, got 200\n',
    );
    expect(out).toContain('1 request of 1 test, 1 not as expected');
  });

  it('wants every way a request can go to be as expected', async () => {
    const { tests } = await results(['t.yaml'], folderWith(request('{ workload: default/api-1 }')));
    expect(tests[0].failures).toEqual([
      { what: 'workload', expected: 'default/api-1', actual: 'default/api-1 (50 %), default/api-2 (50 %)' },
    ]);
  });

  it('knows whether requests stay together, without knowing where', async () => {
    const rule = `
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: api }
spec: { host: api, trafficPolicy: { loadBalancer: { consistentHash: { httpHeaderName: x-user } } } }
`;
    const together = async (headers: string, same: boolean, times = 9) => {
      const folder = folderWith(
        `  requests:\n    - { from: default/client, send: { url: 'http://api/', headers: {${headers}} }, times: ${times}, expect: { sameWorkload: ${same} } }\n`,
      );
      writeFileSync(join(folder, 'mesh.yaml'), MESH + rule);
      return (await results(['t.yaml'], folder)).code;
    };
    expect(await together('x-user: a', true)).toBe(0);
    expect(await together('x-user: a', false)).toBe(1);
    expect(await together('', false)).toBe(0);
    expect(await together('', true, 1)).toBe(1);
  });

  it('holds shares to four standard errors', async () => {
    const shares = (first: number, times: number) =>
      results(
        ['t.yaml'],
        folderWith(
          request(
            `{ shares: { default/api-1: ${first}, default/api-2: ${(1 - first).toFixed(2)} } }`,
            `, times: ${times}`,
          ),
        ),
      );
    expect((await shares(0.55, 1000)).code).toBe(0);
    expect((await shares(0.57, 1000)).code).toBe(1);
    expect((await shares(0.57, 100)).code).toBe(0);
    expect((await shares(1, 100)).tests[0].failures).toHaveLength(2);
  });

  it('never passes what it cannot see', async () => {
    const only = await results(['t.yaml'], folderWith(request('{ afterMs: { atLeast: 1 } }')));
    expect(only).toMatchObject({ code: 1, tests: [{ pass: false, unobserved: ['afterMs'] }] });
    const beside = await results(['t.yaml'], folderWith(request('{ status: 200, afterMs: { atLeast: 1 } }')));
    expect(beside).toMatchObject({
      code: 0,
      tests: [{ pass: true, failures: [{ what: 'afterMs', actual: 'unobserved' }], unobserved: ['afterMs'] }],
    });
  });

  it('names file and line of what is wrong in a test', async () => {
    const { code, out } = await run(['t.yaml'], {}, folderWith(request('{ statuss: 200 }')));
    expect(code).toBe(1);
    expect(out).toMatch(/^t\.yaml:13 FAIL t\n {4}spec\.requests\[0\]\.expect\.statuss: /);
  });

  it('names the caller that nobody is, and the resources that are not there', async () => {
    const folder = folderWith(
      "  requests:\n    - { name: r, from: default/cliemt, send: { url: 'http://api/' }, expect: { status: 200 } }\n",
    );
    writeFileSync(
      join(folder, 'u.yaml'),
      test(request('{ workload: default/api-1 }')).replace('./mesh.yaml', './nothing.yaml'),
    );
    const { tests } = await results(['t.yaml', 'u.yaml'], folder);
    expect(tests.map(({ failures }: { failures: object[] }) => failures[0])).toMatchObject([
      { what: 'from', actual: expect.stringContaining('there is no workload default/cliemt') },
      { what: 'spec.resources[0]', actual: expect.stringContaining('nothing.yaml') },
      { what: 'workload', expected: 'default/api-1' },
    ]);
  });

  it('names the line of an inline object that is not valid', async () => {
    const objects = `  objects:
    - apiVersion: networking.istio.io/v1
      kind: VirtualService
      metadata: { name: api }
      spec:
        hosts: [api]
        http: [{ rout: [] }]
`;
    const { tests } = await results(['t.yaml'], folderWith(objects + request('{ status: 200 }')));
    expect(tests[0]).toMatchObject({ file: 't.yaml', request: '', pass: false });
    expect(tests[0].failures[0].what).toContain('spec.http[0].rout');
    expect(tests.at(-1)).toMatchObject({ request: 'GET http://api/ from default/client', pass: true });
  });

  it('puts inline objects and earlier resources in front of later ones', async () => {
    const objects = `  objects:
    - apiVersion: v1
      kind: Service
      metadata: { name: api }
      spec: { selector: { app: api }, ports: [{ name: http, port: 8080 }] }
`;
    const { tests } = await results(
      ['t.yaml'],
      folderWith(objects + request('{ cluster: PassthroughCluster }')),
    );
    expect(tests).toMatchObject([{ pass: true }]);
  });

  it('writes what pipelines read', async () => {
    const { out } = await run(
      ['t.yaml'],
      { output: 'junit' },
      folderWith(request('{ tls: none, status: 200 }')),
    );
    expect(out).toMatch(/<testsuite name="weft test \(simulate\)" tests="1" failures="1">/);
    expect(out).toContain('<failure message="tls: expected none, got mutual">');
  });

  it('is used wrongly without tests or files', async () => {
    const folder = folderWith(request('{ status: 200 }'));
    expect(await run(['mesh.yaml'], {}, folder)).toMatchObject({
      code: 2,
      err: expect.stringContaining('no TrafficTest'),
    });
    expect(await run(['nothing.yaml'], {}, folder)).toMatchObject({ code: 2 });
  });
});
