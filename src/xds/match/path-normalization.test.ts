import { expect, it } from 'vitest';
import { normalizePath } from './path-normalization.ts';

const settings = { normalize: true, mergeSlashes: true, escapedSlashes: 'forward' } as const;

it.each([
  ['/a/..;x/b', '/b'],
  ['/a/%2e%2e;x/b', '/b'],
  ['/a/.%2E;x/b?c=/../d', '/b?c=/../d'],
  ['/a%2f..%2fb', '/b'],
])('%s is %s: escaped dots and slashes are dots and slashes', (path, normal) => {
  expect(normalizePath(path, settings)).toBe(normal);
});

it.each(['/a%00', '/%00/b', '/a/%00/../b', '/a\0/%41'])('%j is none: a NUL ends paths for some', (path) => {
  expect(normalizePath(path, settings)).toMatchObject({ kind: 'invalid' });
  expect(normalizePath(path, { ...settings, normalize: false })).toBe(path);
});
