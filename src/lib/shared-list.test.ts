import { expect, it } from 'vitest';
import { sharedList } from './shared-list.ts';

const [a, b, c] = [{ name: 'a' }, { name: 'b' }, { name: 'c' }] as const;

it('gives the same list for the same things in the same order', () => {
  const first = sharedList([a, b]);
  expect(sharedList([a, b])).toBe(first);
  expect(sharedList([a])).not.toBe(first);
  expect(sharedList([a, c])).toEqual([a, c]);
  expect(sharedList([b, a])).toEqual([b, a]);
  expect(sharedList([a, b])).toBe(first);
  expect(sharedList([])).toBe(sharedList([]));
});

it('remembers so many, those that are asked for', () => {
  const first = sharedList([a, b]);
  for (let i = 0; i < 100; i++) {
    sharedList([a, { name: String(i) }]);
    expect(sharedList([a, b])).toBe(first);
  }
});
