import { spawn, spawnSync } from 'node:child_process';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Reaper } from './reaper.ts';

const pids: number[] = [];
const sleeper = (): number => {
  const child = spawn('sleep', ['62'], { detached: true, stdio: 'ignore' });
  pids.push(child.pid ?? 0);
  return child.pid ?? 0;
};
const isAlive = (pid: number): boolean =>
  !/^(Z.*)?$/.test(spawnSync('ps', ['-o', 'stat=', '-p', `${pid}`], { encoding: 'utf8' }).stdout.trim());
afterEach(() => {
  for (const pid of pids.splice(0)) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
});

describe('Reaper', () => {
  it('kills what it was told of and still runs, when its input ends', async () => {
    const [first, second, third, fourth] = [sleeper(), sleeper(), sleeper(), sleeper()] as const;
    const reaper = new Reaper();
    reaper.tell('a', first);
    reaper.tell('b', second);
    reaper.tell('c', third);
    reaper.tell('b', undefined);
    reaper.tell('c', fourth);
    reaper.close();
    await vi.waitUntil(() => !isAlive(first) && !isAlive(fourth), 10_000);
    expect(isAlive(second)).toBe(true);
    expect(isAlive(third)).toBe(true);
  });
});
