import { describe, expect, it } from 'vitest';
import { launchersOf, type ProcessFacts } from './launchers.ts';

const line = (...argvs: string[][]): number[] => {
  const facts = argvs.map((argv, i): ProcessFacts => ({ pid: i + 1, parent: i, started: `${i}`, argv }));
  return launchersOf(argvs.length, (pid) => facts[pid - 1]).map(({ pid }) => pid);
};
const self = ['/n/node', '/weft/dist/cli.js', 'up'];

describe('launchersOf', () => {
  it('finds what npm start puts above us', () => {
    const above = [['npm start'], ['sh', '-c', 'node scripts/start.mjs'], ['node', 'scripts/start.mjs']];
    expect(line(['/bin/bash'], ...above, self)).toEqual([4, 3, 2]);
  });

  it('finds what npx and the launcher for an older Node put above us', () => {
    const npx = ['npm exec weft up'];
    expect(
      line(['init'], npx, ['sh', '-c', 'weft up'], ['node', '/x/node_modules/.bin/weft', 'up'], self),
    ).toEqual([4, 3, 2]);
    expect(line(['bash'], ['node', '/x/bin/weft.js', 'up'], self)).toEqual([2]);
    expect(
      line(['bash'], ['node', '/usr/bin/npm', 'start'], ['sh', '-c', 'x'], ['node', 'start.mjs'], self),
    ).toEqual([4, 3, 2]);
  });

  it('leaves shells of people and services alone', () => {
    expect(line(['init'], ['-bash'], self)).toEqual([]);
    expect(line(['init'], ['bash', '-c', 'weft up &'], self)).toEqual([]);
    expect(line(['/sbin/init'], self)).toEqual([]);
  });
});
