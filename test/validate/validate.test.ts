import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { ValidateResult } from '../../src/cli/validate.ts';

const run = fileURLToPath(new URL('./run.ts', import.meta.url));

function validate(input: string): Promise<{ code: number | null; out: string; cpuMs: number }> {
  const child = spawn(process.execPath, [run, 'json', '-'], { stdio: ['pipe', 'pipe', 'pipe'] });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  let err = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  child.stdin.end(input);
  return new Promise((resolve) => {
    child.on('close', (code) => resolve({ code, out, cpuMs: Number(/([\d.]+) ms of CPU/.exec(err)?.[1]) }));
  });
}

function rule(index: number): string {
  return JSON.stringify({
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name: `v${index}`, namespace: 'web' },
    spec: {
      hosts: [`s${index}.web.svc.cluster.local`],
      http: [
        {
          match: [{ uri: { regex: `/a${index}/.*` } }],
          route: [{ destination: { host: 's' }, weight: 100 }],
        },
        { timeout: index % 3 === 0 ? '0s' : '1s', route: [{ destination: { host: 's', subset: 'v1' } }] },
      ],
    },
  });
}

describe('weft validate as a process', () => {
  it('judges hundreds of objects from standard input in well under two seconds of CPU, start included', async () => {
    const lines = Array.from({ length: 333 }, (_, i) => rule(i)).join('\n');
    const { code, out, cpuMs } = await validate(lines);
    expect(code).toBe(1);
    const { results } = JSON.parse(out) as { results: ValidateResult[] };
    expect(results).toHaveLength(333);
    expect(results.filter(({ valid }) => !valid).map(({ index }) => index % 3)).toEqual(
      new Array(111).fill(0),
    );
    // Of CPU: how long that takes is a matter of the machine's other work.
    expect(cpuMs).toBeLessThan(2000);
  });
});
