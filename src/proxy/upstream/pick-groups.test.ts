import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LocalityEndpoints } from './endpoint-set.ts';
import type { BalancingFields } from './lower-balancing.ts';
import { metadataMatch } from './metadata-match.ts';
import { ANY_CONTEXT, type PickContext } from './pick-context.ts';
import type { Member } from './plan-facts.ts';
import { priorityLoads } from './priority-load.ts';
import { expectShare, locality, member, planOf, several, shares } from './test-plan.ts';

describe('health', () => {
  const sick = { health: 'unhealthy' } as const;

  it('takes the sick out, until too few are left', () => {
    expect(shares([member('a'), member('b'), member('c', sick)], 30)).toEqual({ a: 15, b: 15 });
    // One of three is below the panic threshold: all are used.
    expect(shares([member('a'), member('b', sick), member('c', sick)], 30)).toEqual({ a: 10, b: 10, c: 10 });
    const never = { common_lb_config: { healthy_panic_threshold: {} } };
    expect(shares([member('a', sick)], 3, never)).toEqual({ nobody: 3 });
    expect(shares([], 1)).toEqual({ nobody: 1 });
    const fail = { common_lb_config: { zone_aware_lb_config: { fail_traffic_on_panic: true } } };
    expect(shares([member('a'), member('b', sick), member('c', sick)], 3, fail)).toEqual({ nobody: 3 });
  });

  it('lets the next priority help as the first one loses members', () => {
    const next = locality({ priority: 1 });
    const members = (sick: number) => [
      ...Array.from({ length: 4 }, (_, i) => member('p0', { health: i < sick ? 'unhealthy' : 'healthy' })),
      ...Array.from({ length: 4 }, () => member('p1', {}, next)),
    ];
    expect(shares(members(0), 1000)).toEqual({ p0: 1000 });
    expect(shares(members(1), 1000)).toEqual({ p0: 1000 }); // 75 % times 1.4 is enough
    expectShare(shares(members(2), 1000)['p0'], 1000, 0.7);
    expect(shares(members(4), 1000)).toEqual({ p1: 1000 });
    const avoided = { ...ANY_CONTEXT, avoidedPriorities: new Set([0]) };
    expect(shares(members(0), 100, {}, {}, avoided)).toEqual({ p1: 100 });
    const all = { ...ANY_CONTEXT, avoidedPriorities: new Set([0, 1]) };
    expect(shares(members(0), 100, {}, {}, all)).toEqual({ p0: 100 });
  });

  it('leaves out of the sum who was not checked yet', () => {
    const members = [member('a'), member('b'), ...several(8, { excluded: true, health: 'unhealthy' })];
    expect(shares(members, 100)).toEqual({ a: 50, b: 50 });
  });

  it('never picks the unhealthy or excluded while healthy ones exist and nobody panics', () => {
    const health = fc.constantFrom<Member['health']>('healthy', 'degraded', 'unhealthy');
    const one = fc.record({
      health,
      priority: fc.nat(2),
      weight: fc.integer({ min: 1, max: 9 }),
      excluded: fc.boolean(),
    });
    const policy = fc.constantFrom('ROUND_ROBIN', 'LEAST_REQUEST', 'RANDOM', 'RING_HASH', 'MAGLEV');
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 12 }), policy, (specs, lb_policy) => {
        const members = specs.map(({ health, priority, weight, excluded }, i) =>
          member(String(i), { health, weight, excluded }, locality({ priority })),
        );
        const table = { maglev_lb_config: { table_size: 101 } };
        const common_lb_config = { healthy_panic_threshold: {} };
        const { plan } = planOf(members, {
          lb_policy,
          common_lb_config,
          ...table,
        } as Partial<BalancingFields>);
        const usable = members.filter(({ health, excluded }) => health !== 'unhealthy' && !excluded);
        for (let i = 0; i < 20; i++) {
          const picked = plan.pick(ANY_CONTEXT);
          // Below one in 140 a priority counts for nothing; so few members are never that many.
          if (usable.length === 0) expect(picked).toBeUndefined();
          else expect(usable).toContain(picked);
        }
      }),
    );
  });

  it('always shares out all of the load', () => {
    const health = fc
      .record({ total: fc.nat(20), healthy: fc.nat(20), degraded: fc.nat(20) })
      .filter(({ total, healthy, degraded }) => healthy + degraded <= total)
      .map((one) => ({
        ...one,
        size: one.total,
        usablePercent: one.total === 0 ? 0 : (100 * (one.healthy + one.degraded)) / one.total,
      }));
    fc.assert(
      fc.property(
        fc.array(health, { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 0, max: 100 }),
        (all, panic) => {
          const loads = priorityLoads(all, 140, panic);
          expect(loads.reduce((total, { healthy, degraded }) => total + healthy + degraded, 0)).toBe(100);
          for (const [i, load] of loads.entries())
            if (load.degraded > 0) expect(all[i]?.degraded).toBeGreaterThan(0);
        },
      ),
    );
  });
});

describe('localities', () => {
  const weighted = { common_lb_config: { locality_weighted_lb_config: {} } };

  it('share by weight where they are weighted, and by members where not', () => {
    const [a, b] = [locality({ zone: 'a', weight: 3 }), locality({ zone: 'b', weight: 1 })];
    const members = [member('a', {}, a), member('b', {}, b), member('b', {}, b)];
    expectShare(shares(members, 4000, weighted)['a'], 4000, 3 / 4);
    expect(shares(members, 300)).toEqual({ a: 100, b: 200 });
  });

  it('lose weight with their members', () => {
    const [a, b] = [locality({ zone: 'a', weight: 1 }), locality({ zone: 'b', weight: 1 })];
    const sick = Array.from({ length: 2 }, () => member('a', { health: 'unhealthy' }, a));
    const members = [member('a', {}, a), ...sick, member('b', {}, b), member('b', {}, b), member('b', {}, b)];
    const left = 1.4 / 3;
    expectShare(shares(members, 4000, weighted)['a'], 4000, left / (1 + left));
  });

  it('without any weight count for nothing', () => {
    const members = [member('a', {}, locality({ zone: 'a' })), member('b', {}, locality({ zone: 'b' }))];
    expect(shares(members, 100, weighted)).toEqual({ a: 50, b: 50 });
  });
});

describe('zones', () => {
  const at = (zone: string): LocalityEndpoints => locality({ zone });
  const zone = (a: number, b: number) => ({
    own: '/a/',
    healthy: new Map([
      ['/a/', a],
      ['/b/', b],
    ]),
    members: new Map([
      ['/a/', a],
      ['/b/', b],
    ]),
  });
  const members = (a: number, b: number) => [
    ...Array.from({ length: a }, () => member('a', {}, at('a'))),
    ...Array.from({ length: b }, () => member('b', {}, at('b'))),
  ];

  it('keep all traffic where there is enough, and what fits where not', () => {
    expect(shares(members(4, 4), 100, {}, { zone: zone(2, 2) })).toEqual({ a: 100 });
    // 25 % of the endpoints for 50 % of the fleet: half of the own traffic stays.
    expectShare(shares(members(2, 6), 4000, {}, { zone: zone(2, 2) })['a'], 4000, 0.5);
  });

  it('do not come into it for few endpoints, or where the own zone is not known', () => {
    expectShare(shares(members(2, 2), 1000, {}, { zone: zone(2, 2) })['a'], 1000, 0.5);
    expectShare(shares(members(4, 4), 1000, {}, { zone: zone(0, 2) })['a'], 1000, 0.5);
    const small = { common_lb_config: { zone_aware_lb_config: { min_cluster_size: 2 } } };
    expect(shares(members(2, 2), 100, small, { zone: zone(2, 2) })).toEqual({ a: 100 });
  });
});

describe('subsets', () => {
  const at = locality();
  const members = [
    member('v1-prod', {}, at, { version: 'v1', stage: 'prod' }),
    member('v2-prod', {}, at, { version: 'v2', stage: 'prod' }),
    member('v2-test', {}, at, { version: 'v2', stage: 'test' }),
    member('plain'),
  ];
  const wanting = (fields: Record<string, string | object[]>): PickContext => ({
    ...ANY_CONTEXT,
    metadataMatch: metadataMatch(fields as never),
  });
  const names = (
    lb_subset_config: object,
    wanted: Record<string, string | object[]>,
    of = members,
  ): string[] => Object.keys(shares(of, 60, { lb_subset_config } as never, {}, wanting(wanted))).sort();
  const selectors = [{ keys: ['version'] }, { keys: ['version', 'stage'] }];

  it('are found by exactly the keys of a selector', () => {
    const config = { subset_selectors: selectors };
    expect(names(config, { version: 'v2' })).toEqual(['v2-prod', 'v2-test']);
    expect(names(config, { stage: 'prod', version: 'v2' })).toEqual(['v2-prod']);
    expect(names(config, { stage: 'prod' })).toEqual(['nobody']);
    expect(names(config, { version: 'v3' })).toEqual(['nobody']);
    expect(names(config, {})).toEqual(['nobody']);
  });

  it('fall back to anyone, to the default, or as the selector says', () => {
    const any = { subset_selectors: selectors, fallback_policy: 'ANY_ENDPOINT' };
    expect(names(any, { version: 'v3' })).toHaveLength(4);
    const byDefault = { ...any, fallback_policy: 'DEFAULT_SUBSET', default_subset: { stage: 'test' } };
    expect(names(byDefault, { version: 'v3' })).toEqual(['v2-test']);
    expect(names({ ...byDefault, default_subset: { stage: 'x' } }, {})).toEqual(['nobody']);
    expect(names({ ...byDefault, default_subset: { stage: 'x' }, panic_mode_any: true }, {})).toHaveLength(4);
    const keys = {
      subset_selectors: [
        { keys: ['version'], fallback_policy: 'NO_FALLBACK' },
        { keys: ['version', 'stage'], fallback_policy: 'KEYS_SUBSET', fallback_keys_subset: ['version'] },
      ],
      fallback_policy: 'ANY_ENDPOINT',
    };
    expect(names(keys, { version: 'v1', stage: 'test' })).toEqual(['v1-prod']);
    expect(names(keys, { version: 'v9', stage: 'test' })).toEqual(['nobody']);
  });

  it('take a list as each of its values, and a list of criteria in its order', () => {
    const listed = [
      member('both', {}, at, { version: ['v1', 'v2'] }),
      member('v2', {}, at, { version: 'v2' }),
    ];
    const config = { subset_selectors: selectors, list_as_any: true };
    expect(names(config, { version: 'v1' }, listed)).toEqual(['both']);
    expect(names(config, { version: 'v2' }, listed)).toEqual(['both', 'v2']);
    const fallback = { subset_selectors: selectors, metadata_fallback_policy: 'FALLBACK_LIST' };
    const list = [{ version: 'v9' }, { version: 'v1' }, { version: 'v2' }];
    expect(names(fallback, { fallback_list: list })).toEqual(['v1-prod']);
  });

  it('of one endpoint each know no health', () => {
    const sick = member('v1', { health: 'unhealthy' }, at, { version: 'v1' });
    const config = { subset_selectors: [{ keys: ['version'], single_host_per_subset: true }] };
    expect(names(config, { version: 'v1' }, [sick])).toEqual(['v1']);
  });

  it('weigh localities only where they are told to', () => {
    const [a, b] = [locality({ zone: 'a', weight: 3 }), locality({ zone: 'b', weight: 1 })];
    const list = [member('a', {}, a, { v: '1' }), member('b', {}, b, { v: '1' }), member('x', {}, b)];
    const share = (more: object) => {
      const fields = {
        common_lb_config: { locality_weighted_lb_config: {} },
        lb_subset_config: { subset_selectors: [{ keys: ['v'] }], ...more },
      };
      return shares(list, 4000, fields, {}, wanting({ v: '1' }))['a'];
    };
    expectShare(share({}), 4000, 1 / 2);
    expectShare(share({ locality_weight_aware: true }), 4000, 3 / 4);
    // Half of locality b is in the subset: 3 to round(0.5).
    expectShare(share({ locality_weight_aware: true, scale_locality_weight: true }), 4000, 3 / 4);
  });
});
