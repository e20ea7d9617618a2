import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deadline, Deadlines } from './deadlines.ts';
import { manualClock } from './manual-clock.ts';

describe('deadlines', () => {
  it('expire in time and order, once, and not when cleared or moved', () => {
    const clock = manualClock(0);
    const deadlines = new Deadlines(clock);
    const seen: string[] = [];
    const make = (name: string): Deadline => new Deadline(() => seen.push(`${name}@${clock.monotonicMs()}`));
    const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(make) as [Deadline, Deadline, Deadline, Deadline];
    deadlines.set(a, 100);
    deadlines.set(b, 100);
    deadlines.set(d, 30);
    clock.advance(50);
    deadlines.set(c, 100);
    deadlines.set(a, 100); // again: from now on
    deadlines.clear(b);
    clock.advance(99);
    expect(seen).toEqual(['d@30']);
    clock.advance(1);
    expect(seen).toEqual(['d@30', 'c@150', 'a@150']);
    clock.advance(1000);
    expect(seen).toHaveLength(3);
    expect(a.pending).toBe(false);
  });

  it('may be set again by what they call', () => {
    const clock = manualClock(0);
    const deadlines = new Deadlines(clock);
    let times = 0;
    const again: Deadline = new Deadline(() => {
      if (++times < 3) deadlines.set(again, 10);
    });
    deadlines.set(again, 10);
    clock.advance(100);
    expect(times).toBe(3);
  });

  it('whatever is set and cleared: exactly what is still set expires, never early', () => {
    const step = fc.record({
      which: fc.integer({ min: 0, max: 5 }),
      durationMs: fc.constantFrom(0, 5, 20, 50),
      passMs: fc.integer({ min: 0, max: 15 }),
      clear: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const clock = manualClock(0);
        const deadlines = new Deadlines(clock);
        const due = new Map<number, number>();
        const all = Array.from({ length: 6 }, (_, i) => {
          return new Deadline(() => {
            expect(clock.monotonicMs()).toBeGreaterThanOrEqual(due.get(i) as number);
            due.delete(i);
          });
        });
        for (const { which, durationMs, passMs, clear } of steps) {
          const deadline = all[which] as Deadline;
          if (clear) deadlines.clear(deadline);
          else deadlines.set(deadline, durationMs);
          if (clear) due.delete(which);
          else due.set(which, clock.monotonicMs() + durationMs);
          clock.advance(passMs);
          for (const dueMs of due.values()) expect(dueMs + 1).toBeGreaterThanOrEqual(clock.monotonicMs());
        }
        clock.advance(200);
        expect(due.size).toBe(0);
      }),
    );
  });
});
