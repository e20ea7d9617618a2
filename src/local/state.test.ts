import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { closeRun, liveRuns, openHome, openRun, ownRunName, stateHomes } from './state.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-state-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('openHome', () => {
  it('takes the project, then the user’s cache, then the machine’s temporary folder', () => {
    const homes = stateHomes('/project', { HOME: '/home/me', XDG_CACHE_HOME: '/cache' });
    expect(homes.slice(0, 3)).toEqual(['/project/.weft', '/cache/weft', '/home/me/.cache/weft']);
    expect(homes[3]).toMatch(/\/weft-\d+$/);
  });

  it('passes over what cannot be made, what others may write, and what is too long for a socket', () => {
    const open = join(folder, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const good = join(folder, 'good', 'home');
    expect(openHome([join(file, 'no'), open, join(folder, 'x'.repeat(100)), good])).toBe(good);
    expect(() => openHome([join(file, 'no')])).toThrow(file);
  });
});

describe('openRun', () => {
  it('makes the folders, and refuses to share them with a run that goes on', () => {
    const run = openRun(folder, 8080);
    expect(existsSync(run.objects)).toBe(true);
    expect(() => openRun(folder, 8080)).toThrow('still going on');
    expect(liveRuns([folder, '/no/such/folder'])).toEqual([run]);
  });

  it('has names for many runs of one process', () => {
    const runs = [1, 2, 3].map(() => openRun(folder, ownRunName()));
    expect(liveRuns([folder])).toHaveLength(runs.length);
    expect(readdirSync(folder)).toHaveLength(runs.length);
  });

  it('removes what runs left that are over, but the logs of others', () => {
    for (const port of [1, 2]) {
      const dead = join(folder, `run-${port}`);
      mkdirSync(join(dead, 'logs'), { recursive: true });
      writeFileSync(join(dead, 'logs', 'a.log'), '');
      writeFileSync(join(dead, 'token'), '');
      writeFileSync(join(dead, 'owner.json'), JSON.stringify({ pid: process.pid, started: 'long ago' }));
    }
    openRun(folder, 1);
    expect(existsSync(join(folder, 'run-1', 'logs', 'a.log'))).toBe(false);
    expect(existsSync(join(folder, 'run-2', 'logs', 'a.log'))).toBe(true);
    expect(existsSync(join(folder, 'run-2', 'token'))).toBe(false);
    expect(liveRuns([folder])).toHaveLength(1);
  });

  it('leaves only the logs at the end', () => {
    const run = openRun(folder, 8080);
    closeRun(run);
    expect(existsSync(run.logs)).toBe(true);
    expect(existsSync(run.objects)).toBe(false);
    expect(liveRuns([folder])).toEqual([]);
  });
});
