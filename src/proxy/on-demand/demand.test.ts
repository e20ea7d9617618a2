import { describe, expect, it } from 'vitest';
import { manualClock } from '../../lib/manual-clock.ts';
import { typeUrls } from '../../xds/resources.ts';
import { createDemand } from './demand.ts';
import { DEMAND_LIMITS } from './limits.ts';

const { listener, virtualHost } = typeUrls;
const idle = () => false;

function demandWith(limits: Partial<typeof DEMAND_LIMITS> = {}) {
  const clock = manualClock();
  let changes = 0;
  const demand = createDemand(clock, { ...DEMAND_LIMITS, ...limits }, () => void changes++);
  return { clock, demand, changes: () => changes };
}

describe('what is wanted', () => {
  it('is asked for once, and stays known whether there is such a thing or not', () => {
    const { demand, changes } = demandWith();
    expect(demand.want(listener, 'a')?.state).toBe('asked');
    demand.want(listener, 'a');
    demand.want(listener, 'b');
    expect(changes()).toBe(2);
    demand.present(listener, 'a');
    demand.absent(listener, 'b');
    expect(demand.want(listener, 'a')?.state).toBe('present');
    expect(demand.want(listener, 'b')?.state).toBe('absent');
    expect(demand.names(listener)).toEqual(['a', 'b']);
    demand.present(listener, 'b'); // it appeared
    expect(demand.find(listener, 'b')?.state).toBe('present');
  });

  it('is given back when nobody used it for the idle time, not before, and not while it is in use', () => {
    const { demand, clock } = demandWith({ idleMs: 1_000 });
    for (const name of ['used', 'busy', 'idle']) {
      demand.want(listener, name);
      demand.present(listener, name);
    }
    const sweep = () => demand.sweep(({ name }) => name === 'busy');
    sweep();
    clock.advance(600);
    demand.want(listener, 'used');
    expect(sweep()).toBe(false);
    clock.advance(600);
    expect(sweep()).toBe(true);
    expect(demand.names(listener)).toEqual(['used', 'busy']);
  });

  it('tells who keeps it that it was given back', () => {
    const { demand, clock } = demandWith({ idleMs: 1_000 });
    const kept = demand.want(virtualHost, '80/a');
    demand.sweep(idle);
    clock.advance(1_000);
    demand.sweep(idle);
    expect(kept?.dropped).toBe(true);
  });

  it('and was given back a moment ago is not taken for gone by the word that its end was heard', () => {
    const { demand, clock } = demandWith({ idleMs: 1_000 });
    demand.want(listener, 'a');
    demand.present(listener, 'a');
    demand.sweep(idle);
    clock.advance(1_000);
    demand.sweep(idle);
    demand.want(listener, 'a');
    expect(demand.absent(listener, 'a')).toBe(false); // the answer to giving it back
    expect(demand.find(listener, 'a')?.state).toBe('asked');
    expect(demand.absent(listener, 'a')).toBe(true); // and this to asking again
    expect(demand.find(listener, 'a')?.state).toBe('absent');
  });

  it('is bounded: absent names that nobody uses make room, what is held does not', () => {
    const { demand } = demandWith({ maxNames: 2 });
    demand.want(virtualHost, 'held');
    demand.present(virtualHost, 'held');
    demand.want(virtualHost, 'gone');
    demand.absent(virtualHost, 'gone');
    demand.sweep(idle);
    expect(demand.want(virtualHost, 'new')).toBeDefined();
    expect(demand.names(virtualHost)).toEqual(['held', 'new']);
    expect(demand.want(virtualHost, 'more')).toBeUndefined();
    expect(demand.want(listener, 'of another kind')).toBeDefined();
  });

  it('by an earlier run is wanted again, and absent names are known to be absent', () => {
    const { demand } = demandWith();
    demand.restore(listener, 'a', 'present');
    demand.restore(listener, 'b', 'absent');
    expect(demand.want(listener, 'b')?.state).toBe('absent');
    expect(demand.names(listener)).toEqual(['a', 'b']);
  });
});
