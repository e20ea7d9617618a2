import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Report } from '../../bench/peers/report.ts';
import { root } from '../mesh/run-mesh.ts';

/** Runs the bench until it ends; `folder` is where it may put its files. */
function bench(
  folder: string,
  flags: readonly string[],
): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  const child = spawn(process.execPath, [join(root, 'bench/peers/main.ts'), ...flags], {
    env: { ...process.env, TMPDIR: folder },
  });
  let out = '';
  let err = '';
  child.stdout.on('data', (bytes) => (out += bytes));
  child.stderr.on('data', (bytes) => (err += bytes));
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
}

/** Processes whose command line holds the text. */
function processesWith(text: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    })
    .filter((line) => line.includes(text));
}

describe('the bench', () => {
  it('measures a scenario and leaves nothing behind', { timeout: 60_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'weft-bench-test-'));
    const tiny = ['--rounds=1', '--seconds=0.2', '--connections=4', '--rate=50'];
    const { code, out, err } = await bench(folder, ['--only=http1', '--peers=weft', ...tiny, '-o', 'json']);
    expect(code, err).toBe(0);
    const report = JSON.parse(out) as Report;
    const [result] = report.scenarios[0]?.results ?? [];
    expect(result, err).toMatchObject({ peer: 'weft', state: 'measured', values: { failed: 0 } });
    const values = result?.state === 'measured' ? result.values : {};
    // So little load may cost less than a tick of the kernel's accounts.
    for (const { key } of report.scenarios[0]?.metrics ?? [])
      expect(values[key], key).toBeGreaterThanOrEqual(0);
    expect(values['requestsPerSecond']).toBeGreaterThan(0);
    expect(processesWith(folder)).toEqual([]);
    expect(readdirSync(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  it('says which names it knows', async () => {
    const { code, err } = await bench(tmpdir(), ['--only=nonsense']);
    expect(code).toBe(2);
    expect(err).toContain('--only nonsense: takes http1, tls-upstream');
  });
});
