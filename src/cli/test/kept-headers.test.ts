import { describe, expect, it } from 'vitest';
import { withKept } from './kept-headers.ts';

describe('what a client keeps', () => {
  it('is its cookies, the newest of a name', () => {
    const answer = { 'set-cookie': 's="x="; Path=/a; HttpOnly,t=1' };
    expect(withKept([['Cookie', 's=old; u=2']], ['cookie'], answer, '/a/b?c')).toEqual([
      ['cookie', 's="x="; u=2; t=1'],
    ]);
  });

  it('is no cookie of another path', () => {
    const answer = { 'set-cookie': 's=1; Path=/a' };
    expect(withKept([], ['cookie'], answer, '/ab')).toEqual([]);
  });

  it('is the headers that are named', () => {
    expect(withKept([['x', '1']], ['X-Session'], { 'x-session': 'abc', other: '1' }, '/')).toEqual([
      ['x', '1'],
      ['x-session', 'abc'],
    ]);
  });
});
