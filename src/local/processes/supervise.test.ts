import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { nextDelayMs, RESTART_BACKOFF } from './backoff.ts';
import { LogFile } from './log-file.ts';
import { type ProcessOrder, SupervisedProcess } from './supervise.ts';

let folder: string;
let running: SupervisedProcess[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'weft-supervise-'));
  running = [];
});
afterEach(async () => {
  for (const process of running) {
    await process.stop(0);
    process.order.log.close();
  }
  rmSync(folder, { recursive: true });
});

const start = (script: string, order: Partial<ProcessOrder> = {}): SupervisedProcess => {
  const standard = {
    name: 'a',
    kind: 'app',
    cwd: folder,
    graceMs: 5000,
    env: { PATH: process.env['PATH'] ?? '' },
  } as const;
  const log = new LogFile(join(folder, 'a.log'));
  const backoff = { firstMs: 10, maxMs: 40, resetAfterMs: 60_000 };
  const supervised = new SupervisedProcess(
    { ...standard, argv: ['sh', '-c', script], log, ...order },
    systemClock,
    () => {},
    backoff,
  );
  running.push(supervised);
  supervised.start();
  return supervised;
};
// A zombie that nobody reaps is as dead as can be.
const isAlive = (pid: number): boolean =>
  !/^(Z.*)?$/.test(spawnSync('ps', ['-o', 'stat=', '-p', `${pid}`], { encoding: 'utf8' }).stdout.trim());

describe('nextDelayMs', () => {
  it('doubles from a second to half a minute, and starts anew after a minute of health', () => {
    const delays: number[] = [];
    let delay: number | undefined;
    for (let i = 0; i < 7; i++) delays.push((delay = nextDelayMs(RESTART_BACKOFF, delay, 100)));
    expect(delays).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    expect(nextDelayMs(RESTART_BACKOFF, delay, 60_000)).toBe(1000);
  });
});

describe('SupervisedProcess', () => {
  it('starts a process that ended again, with its output in one log', async () => {
    const supervised = start('echo run; exit 3');
    await vi.waitUntil(() => supervised.status.restarts >= 3, { timeout: 5000 });
    expect(supervised.status.lastExit).toBe('code 3');
    expect(supervised.order.log.lastLine()).toBe('run');
  });

  it('starts a killed process again under another pid', async () => {
    const supervised = start('exec sleep 60');
    const first = supervised.status.pid ?? 0;
    process.kill(first, 'SIGKILL');
    await vi.waitUntil(
      () => supervised.status.restarts === 1 && supervised.status.state === 'running',
      10_000,
    );
    expect(supervised.status.pid).not.toBe(first);
    expect(supervised.status.lastExit).toBe('SIGKILL');
  });

  it('goes on trying what cannot be started, and says why', async () => {
    const supervised = start('', { argv: ['/no/such/program'] });
    await vi.waitUntil(() => supervised.status.restarts >= 2, 10_000);
    expect(supervised.status.lastExit).toContain('ENOENT');
  });

  it('stops with SIGTERM where that is enough', async () => {
    const supervised = start('trap "echo bye; exit 0" TERM; echo up; while :; do sleep 0.05; done');
    await vi.waitUntil(() => supervised.order.log.lastLine() === 'up', 10_000);
    await supervised.stop();
    expect(supervised.status).toMatchObject({ state: 'stopped', lastExit: 'code 0' });
    expect(readFileSync(join(folder, 'a.log'), 'utf8')).toContain('bye');
  });

  it('kills what does not obey, and what it left running', async () => {
    const supervised = start('sleep 61 & echo $!; trap "" TERM; while :; do sleep 0.05; done');
    await vi.waitUntil(() => supervised.order.log.lastLine() !== '', 10_000);
    const child = Number(supervised.order.log.lastLine());
    expect(isAlive(child)).toBe(true);
    await supervised.stop(50);
    expect(supervised.status.lastExit).toBe('SIGKILL');
    await vi.waitUntil(() => !isAlive(child), 10_000);
  });
});

describe('LogFile', () => {
  it('is turned over while its process goes on writing', async () => {
    const supervised = start('while :; do echo 0123456789; sleep 0.01; done');
    const { log } = supervised.order;
    await vi.waitUntil(() => readFileSync(log.path).length > 50, 10_000);
    log.rotate(50);
    const former = readFileSync(`${log.path}.1`, 'utf8');
    expect(former).toMatch(/^(0123456789\n)+$/);
    await vi.waitUntil(() => readFileSync(log.path).length > 20, 10_000);
    expect(readFileSync(log.path, 'utf8')).toMatch(/^(0123456789\n)+$/);
  });
});
