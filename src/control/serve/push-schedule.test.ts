import { describe, expect, it } from 'vitest';
import { manualClock } from '../../lib/manual-clock.ts';
import { createPushSchedule } from './push-schedule.ts';

describe('the schedule of pushes', () => {
  it('acts on a lone change at once', () => {
    const clock = manualClock();
    const runs: number[] = [];
    const schedule = createPushSchedule(clock, () => runs.push(clock.monotonicMs()));
    schedule.note();
    clock.advance(500);
    schedule.note();
    expect(runs).toEqual([0, 500]);
  });

  it('takes a storm together, and always comes to the last change', () => {
    const clock = manualClock();
    const runs: number[] = [];
    let changes = 0;
    let seen = 0;
    const schedule = createPushSchedule(clock, () => {
      runs.push(clock.monotonicMs());
      seen = changes;
    });
    for (let i = 0; i < 1000; i++) {
      changes += 1;
      schedule.note();
      clock.advance(1);
    }
    clock.advance(1000);
    expect(seen).toBe(1000);
    expect(runs.slice(0, 4)).toEqual([0, 20, 60, 140]);
    expect(runs.length).toBeLessThan(15);
  });

  it('does nothing after stop', () => {
    const clock = manualClock();
    let runs = 0;
    const schedule = createPushSchedule(clock, () => runs++);
    schedule.note();
    schedule.note();
    schedule.stop();
    schedule.note();
    clock.advance(1000);
    expect(runs).toBe(1);
  });
});
