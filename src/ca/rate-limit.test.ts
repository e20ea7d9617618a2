import { describe, expect, it } from 'vitest';
import { MAX_CLIENTS, makeRateLimit } from './rate-limit.ts';

describe('a rate limit', () => {
  it('admits so many at once, and then as many as the minute gives', () => {
    let nowMs = 0;
    const limit = makeRateLimit(60, () => nowMs);
    const burst = (count: number) =>
      Array.from({ length: count }, () => limit.admit('a')).filter(Boolean).length;
    expect(burst(100)).toBe(60);
    nowMs += 10_000;
    expect(burst(100)).toBe(10);
    nowMs += 600_000;
    expect(burst(100)).toBe(60);
    nowMs -= 60_000; // the clock was set back
    expect(burst(10)).toBe(0);
  });

  it('counts each client by itself', () => {
    const limit = makeRateLimit(1, () => 0);
    expect([limit.admit('a'), limit.admit('a'), limit.admit('b')]).toEqual([true, false, true]);
  });

  it('forgets the client unseen for longest when there are too many', () => {
    const limit = makeRateLimit(1, () => 0);
    limit.admit('first');
    limit.admit('second');
    for (let i = 0; i < MAX_CLIENTS - 2; i++) limit.admit(`client ${i}`);
    limit.admit('first');
    limit.admit('one more');
    expect([limit.admit('first'), limit.admit('second')]).toEqual([false, true]);
  });
});
