import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { xxHash64 } from '../../lib/xxhash64.ts';
import type { BalancingFields } from './lower-balancing.ts';
import { ANY_CONTEXT, type PickContext } from './pick-context.ts';
import { expectShare, member, type Named, planOf, several, shares } from './test-plan.ts';

describe('round robin', () => {
  it('gives everyone exactly the turns of his weight', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 8 }), (weights) => {
        const total = weights.reduce((a, b) => a + b);
        const members = weights.map((weight, i) => member(String(i), { weight }));
        const counts = shares(members, total * 5);
        for (const [i, weight] of weights.entries())
          expect(Math.abs((counts[String(i)] ?? 0) - weight * 5)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('gives an endpoint that is new little at first', () => {
    let nowMs = 0;
    const fields = {
      round_robin_lb_config: {
        slow_start_config: { slow_start_window: '10s', aggression: { default_value: 1 } },
      },
    };
    const members = [member('old'), member('new', { healthySinceMs: 0 })];
    const { plan } = planOf(members, fields, { nowMs: () => nowMs });
    const share = (): number => {
      let fresh = 0;
      for (let i = 0; i < 1100; i++) if (plan.pick(ANY_CONTEXT)?.name === 'new') fresh++;
      return fresh / 1100;
    };
    expect(share()).toBeCloseTo(0.1 / 1.1, 2);
    nowMs = 5000;
    expect(share()).toBeCloseTo(0.5 / 1.5, 2);
    nowMs = 10_000;
    expect(share()).toBeCloseTo(0.5, 2);
  });
});

describe('least request', () => {
  const fields = { lb_policy: 'LEAST_REQUEST' } as const;

  it('compares two, and takes who has less to do', () => {
    const busy = [member('a', { active: 5 }), member('b')];
    expectShare(shares(busy, 4000, fields)['b'], 4000, 0.75);
    const three = { ...fields, least_request_lb_config: { choice_count: 3 } };
    expectShare(shares(busy, 4000, three)['b'], 4000, 7 / 8);
  });

  it('takes of a weight what is carried already', () => {
    const members = [member('a', { weight: 3 }), member('b')];
    expectShare(shares(members, 4000, fields)['a'], 4000, 3 / 4);
    expectShare(shares([member('a', { weight: 3, active: 2 }), member('b')], 4000, fields)['a'], 4000, 1 / 2);
    const unbiased = { ...fields, least_request_lb_config: { active_request_bias: { default_value: 0 } } };
    expectShare(
      shares([member('a', { weight: 3, active: 2 }), member('b')], 4000, unbiased)['a'],
      4000,
      3 / 4,
    );
  });

  it('can compare all', () => {
    const members = [...several(20, { active: 2 }), member('idle')];
    const policies = [
      {
        typed_extension_config: {
          name: 'lr',
          typed_config: {
            '@type':
              'type.googleapis.com/envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest',
            selection_method: 'FULL_SCAN',
          },
        },
      },
    ];
    expect(shares(members, 50, { load_balancing_policy: { policies } })).toEqual({ idle: 50 });
  });
});

describe('random', () => {
  it('knows no weights', () => {
    const members = [member('a', { weight: 9 }), member('b')];
    expectShare(shares(members, 4000, { lb_policy: 'RANDOM' })['a'], 4000, 1 / 2);
  });
});

const keyed = (key: string): PickContext => ({ ...ANY_CONTEXT, hash: () => xxHash64(key) });

describe.each(['RING_HASH', 'MAGLEV'] as const)('%s', (lb_policy) => {
  const owners = (members: readonly Named[], fields: Partial<BalancingFields> = {}): string[] => {
    const { plan } = planOf(members, { lb_policy, ...fields });
    return Array.from({ length: 2000 }, (_, i) => plan.pick(keyed(`key-${i}`))?.name ?? 'nobody');
  };

  it('sends a key to the same endpoint, whatever the order of endpoints', () => {
    expect(owners(several(10))).toEqual(owners(several(10).toReversed()));
  });

  it('moves few keys when an endpoint comes or goes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 3, max: 30 }), fc.nat(29), (count, gone) => {
        const members = several(count);
        const before = owners(members);
        const removed = members[gone % count]!;
        const after = owners(members.filter((one) => one !== removed));
        const moved = before.filter((name, i) => name !== removed.name && name !== after[i]).length;
        // Of the others few: the places of a ring are as many as before, and fewer have more each.
        expect(moved).toBeLessThanOrEqual(2000 * 0.2);
        expect(after).not.toContain(removed.name);
      }),
      { numRuns: 10 },
    );
  });

  it('shares keys out by weight', () => {
    const members = [...several(3), member('heavy', { weight: 3 })];
    const fields = lb_policy === 'RING_HASH' ? { ring_hash_lb_config: { minimum_ring_size: 65_536 } } : {};
    const heavy = owners(members, fields).filter((name) => name === 'heavy').length;
    expect(heavy / 2000).toBeGreaterThan(0.45);
    expect(heavy / 2000).toBeLessThan(0.55);
  });

  it('draws another endpoint where one is excluded', () => {
    const { plan } = planOf(several(10), { lb_policy });
    const first = plan.pick(keyed('k'));
    const second = plan.pick({ ...keyed('k'), redraws: 20, excludes: (one) => one === first });
    expect(second).toBeDefined();
    expect(second).not.toBe(first);
  });

  it('lets nobody carry more than the balance factor allows', () => {
    const members = several(10);
    const common_lb_config = { consistent_hashing_lb_config: { hash_balance_factor: 150 } };
    const { plan } = planOf(members, { lb_policy, common_lb_config });
    for (let i = 0; i < 1000; i++) plan.pick(keyed('hot'))!.active++;
    const most = Math.max(...members.map(({ active }) => active));
    expect(most).toBeLessThanOrEqual(Math.ceil(1001 * 1.5 * 0.1) + 1);
  });

  it('hashes host names where that is wanted', () => {
    const common_lb_config = { consistent_hashing_lb_config: { use_hostname_for_hashing: true } };
    const moved = several(10).map((one, i) => ({ ...one, address: `10.9.9.${i}:80` }));
    const before = owners(several(10), { common_lb_config });
    expect(owners(moved, { common_lb_config })).toEqual(before);
  });
});
