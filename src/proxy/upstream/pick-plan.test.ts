import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../lib/random.ts';
import type { Balancing } from './cluster-config.ts';
import type { LocalityEndpoints } from './endpoint-set.ts';
import { type Member, makePickPlan, pickFrom } from './pick-plan.ts';
import { priorityLoads } from './priority-load.ts';

const balancing: Balancing = {
  policy: 'round-robin',
  choiceCount: 2,
  panicThreshold: 50,
  localityWeighted: false,
};
const locality = (priority = 0, weight?: number): LocalityEndpoints => ({
  region: '',
  zone: '',
  subZone: '',
  priority,
  weight,
  endpoints: [],
});
const here = locality();

interface Named extends Member {
  readonly name: string;
  active: number;
}

function member(name: string, more: Partial<Named> = {}, at: LocalityEndpoints = here): Named {
  return { name, weight: 1, active: 0, health: 'healthy', placement: { locality: at }, ...more };
}

function counts(
  members: readonly Named[],
  picks: number,
  rules: Partial<Balancing> = {},
): Record<string, number> {
  const random = seededRandom(7);
  const plan = makePickPlan(members, { ...balancing, ...rules }, 140, random);
  const result: Record<string, number> = {};
  for (let i = 0; i < picks; i++) {
    const name = pickFrom(plan, random)?.name ?? 'nobody';
    result[name] = (result[name] ?? 0) + 1;
  }
  return result;
}

describe('round robin', () => {
  it('gives everyone exactly the turns of his weight', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 }), (weights) => {
        const total = weights.reduce((a, b) => a + b);
        const members = weights.map((weight, i) => member(String(i), { weight }));
        expect(counts(members, total)).toEqual(
          Object.fromEntries(weights.map((weight, i) => [String(i), weight])),
        );
      }),
    );
  });
});

describe('least request', () => {
  it('prefers who has less to do, for his weight', () => {
    const busy = counts([member('a', { active: 5 }), member('b')], 1000, { policy: 'least-request' });
    expect(busy['b']).toBeGreaterThan(700);
    const weighted = counts([member('a', { weight: 3 }), member('b')], 4000, { policy: 'least-request' });
    expect(weighted['a']! / 4000).toBeGreaterThan(0.7);
  });
});

describe('health', () => {
  it('takes the sick out, until too few are left', () => {
    const sick = { health: 'unhealthy' } as const;
    expect(counts([member('a'), member('b'), member('c', sick)], 30)).toEqual({ a: 15, b: 15 });
    // One of three is below the panic threshold: all are used.
    expect(counts([member('a'), member('b', sick), member('c', sick)], 30)).toEqual({ a: 10, b: 10, c: 10 });
    expect(counts([member('a', sick)], 3, { panicThreshold: 0 })).toEqual({ nobody: 3 });
    expect(counts([], 1)).toEqual({ nobody: 1 });
  });

  it('lets the next priority help as the first one loses members', () => {
    const next = locality(1);
    const members = (sick: number) => [
      ...Array.from({ length: 4 }, (_, i) => member('p0', { health: i < sick ? 'unhealthy' : 'healthy' })),
      ...Array.from({ length: 4 }, () => member('p1', {}, next)),
    ];
    expect(counts(members(0), 1000)).toEqual({ p0: 1000 });
    expect(counts(members(1), 1000)).toEqual({ p0: 1000 }); // 75 % times 1.4 is enough
    const half = counts(members(2), 1000);
    expect(half['p0']).toBeGreaterThan(640);
    expect(half['p1']).toBeGreaterThan(240);
    expect(counts(members(4), 1000)).toEqual({ p1: 1000 });
  });

  it('always shares out all of the load, or none', () => {
    const health = fc
      .record({ total: fc.nat(20), healthy: fc.nat(20), degraded: fc.nat(20) })
      .filter(({ total, healthy, degraded }) => healthy + degraded <= total);
    fc.assert(
      fc.property(fc.array(health, { minLength: 1, maxLength: 5 }), (priorities) => {
        const loads = priorityLoads(priorities, 140, 50);
        const sum = loads.reduce((total, { healthy, degraded }) => total + healthy + degraded, 0);
        const anyone = priorities.some(({ total }) => total > 0);
        expect(sum).toBeCloseTo(anyone ? 100 : 0, 5);
        for (const [i, load] of loads.entries())
          if (load.degraded > 0) expect(priorities[i]?.degraded).toBeGreaterThan(0);
      }),
    );
  });
});

describe('localities', () => {
  it('share by weight where they are weighted, and by members where not', () => {
    const [a, b] = [locality(0, 3), locality(0, 1)];
    const members = [member('a', {}, a), member('b', {}, b), member('b', {}, b)];
    const weighted = counts(members, 4000, { localityWeighted: true });
    expect(weighted['a']! / 4000).toBeCloseTo(0.75, 1);
    expect(counts(members, 300)).toEqual({ a: 100, b: 200 });
  });
});
