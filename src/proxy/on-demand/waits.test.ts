import { describe, expect, it } from 'vitest';
import { manualClock } from '../../lib/manual-clock.ts';
import { Waits } from './waits.ts';

describe('who waits', () => {
  it('hears when it is there, once', () => {
    const clock = manualClock();
    const waits = new Waits(clock, 10);
    const heard: boolean[] = [];
    let here = false;
    waits.until(
      () => here,
      1_000,
      (known) => heard.push(known),
    );
    waits.check();
    expect(heard).toEqual([]);
    here = true;
    waits.check();
    waits.check();
    clock.advance(2_000);
    expect(heard).toEqual([true]);
    expect(clock.pending()).toBe(0);
  });

  it('hears that nobody said, when the time is up', () => {
    const clock = manualClock();
    const heard: boolean[] = [];
    new Waits(clock, 10).until(
      () => false,
      1_000,
      (known) => heard.push(known),
    );
    clock.advance(999);
    expect(heard).toEqual([]);
    clock.advance(1);
    expect(heard).toEqual([false]);
  });

  it('hears so at once where too many wait', async () => {
    const waits = new Waits(manualClock(), 0);
    expect(await new Promise((resolve) => waits.until(() => true, 1_000, resolve))).toBe(false);
  });
});
