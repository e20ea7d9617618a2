import { describe, expect, it } from 'vitest';
import { sleep, systemClock } from './clock.ts';
import { manualClock } from './manual-clock.ts';
import { seededRandom } from './random.ts';

describe('a manual clock', () => {
  it('runs what is due in order, timers made meanwhile included', () => {
    const clock = manualClock(1000);
    const seen: string[] = [];
    clock.setTimeout(() => seen.push(`b@${clock.nowMs()}`), 20);
    clock.setTimeout(() => {
      seen.push(`a@${clock.nowMs()}`);
      clock.setTimeout(() => seen.push(`c@${clock.nowMs()}`), 15);
    }, 10);
    clock.setTimeout(() => seen.push('never'), 5).cancel();
    clock.advance(30);
    expect(seen).toEqual(['a@1010', 'b@1020', 'c@1025']);
    expect([clock.nowMs(), clock.monotonicMs(), clock.pending()]).toEqual([1030, 30, 0]);
  });
});

describe('the system clock', () => {
  it('calls back, and monotonic time does not run backwards', async () => {
    const before = systemClock.monotonicMs();
    await sleep(systemClock, 1);
    expect(systemClock.monotonicMs()).toBeGreaterThanOrEqual(before);
  });
});

describe('seeded randomness', () => {
  it('repeats for a seed, differs between seeds, and is spread evenly', () => {
    const take = (seed: number) => {
      const random = seededRandom(seed);
      return Array.from({ length: 4 }, () => random.uint32());
    };
    expect(take(1)).toEqual(take(1));
    expect(take(1)).not.toEqual(take(2));
    const random = seededRandom(7);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 4000; i++) counts[random.below(4)]! += 1;
    for (const count of counts) expect(count).toBeGreaterThan(850);
  });
});
