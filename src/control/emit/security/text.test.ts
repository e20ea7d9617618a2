import { describe, expect, it } from 'vitest';
import { namesWithout } from './text.ts';

describe('names of headers but some', () => {
  const matchers = namesWithout(['connection', 'content-', 'date', 'host']).map(
    (one) => new RegExp(`^(?:${one})$`),
  );
  const isAmong = (name: string): boolean => matchers.some((matcher) => matcher.test(name));

  it.each(['connection', 'connections', 'content-type', 'content-', 'date', 'dates', 'host', ':status', ''])(
    '%s is none',
    (name) => {
      expect(isAmong(name)).toBe(false);
    },
  );

  it.each([
    'x-user',
    'authorization',
    'cookie',
    'c',
    'content',
    'contents',
    'connect',
    'consumer',
    'd',
    'dat',
    'data',
    'hos',
    'hostess'.slice(0, 3),
    'h',
    'te',
  ])('%s is one', (name) => {
    expect(isAmong(name)).toBe(true);
  });

  it('are short expressions', () => {
    for (const { source } of matchers) expect(source.length).toBeLessThan(40);
  });
});
