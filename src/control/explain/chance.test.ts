import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { everyWay } from './chance.ts';

describe('every way', () => {
  it('is gone once, with its exact probability', () => {
    const ways = everyWay((chance) => {
      const first = chance.pick([1, 3]);
      return first === 0 ? 'a' : `b${chance.pick([1, 0, 1])}`;
    });
    expect(ways).toEqual([
      { probability: 0.25, value: 'a' },
      { probability: 0.375, value: 'b0' },
      { probability: 0.375, value: 'b2' },
    ]);
  });

  it('adds up to one, whatever is asked', () => {
    const weights = fc
      .array(fc.nat(5), { minLength: 1, maxLength: 4 })
      .filter((list) => list.some((w) => w > 0));
    fc.assert(
      fc.property(fc.array(weights, { maxLength: 5 }), (questions) => {
        const ways = everyWay((chance) => questions.map((one) => chance.pick(one)).join());
        const sum = ways.reduce((total, { probability }) => total + probability, 0);
        expect(sum).toBeCloseTo(1, 9);
        expect(new Set(ways.map(({ value }) => value)).size).toBe(ways.length);
      }),
    );
  });

  it('ends where there are too many', () => {
    const ways = everyWay((chance) => Array.from({ length: 20 }, () => chance.pick([1, 1])), 10);
    expect(ways).toHaveLength(10);
  });
});
