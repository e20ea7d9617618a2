import { expect, test } from 'vitest';
import { runsOf } from './runs.ts';

const chunk = (text: string): Uint8Array => Buffer.from(text.repeat(40));
const row = Array.from({ length: 1000 }, (_, i) => chunk(`host ${i} `));
const bytesOf = (chunks: readonly Uint8Array[]): Buffer => Buffer.concat(chunks);

test('runs are the row, and equal content has equal runs', () => {
  const runs = runsOf(row);
  expect(runs.length).toBeGreaterThan(1);
  expect(bytesOf(runs.map(({ bytes }) => bytes)).equals(bytesOf(row))).toBe(true);
  const copy = row.map((one) => Uint8Array.from(one));
  expect(runsOf(copy).map(({ version }) => version)).toEqual(runs.map(({ version }) => version));
});

test('a row that differs in one place shares the other runs', () => {
  const before = runsOf(row);
  const changed = row.map((one, i) => (i === 500 ? chunk('another host ') : one));
  const after = runsOf(changed);
  const fresh = after.filter((run) => !before.includes(run));
  expect(fresh.length).toBeGreaterThan(0);
  expect(fresh.length).toBeLessThan(before.length / 2);
  expect(bytesOf(after.map(({ bytes }) => bytes)).equals(bytesOf(changed))).toBe(true);
  expect(runsOf(row).every((run, i) => run === before[i])).toBe(true);
});

test('a longer row goes on where a shorter one ended', () => {
  const short = runsOf(row.slice(0, 10));
  const longer = runsOf(row.slice(0, 20));
  expect(short).toHaveLength(1);
  expect(bytesOf(longer.map(({ bytes }) => bytes)).equals(bytesOf(row.slice(0, 20)))).toBe(true);
  expect(runsOf([])).toEqual([]);
});
