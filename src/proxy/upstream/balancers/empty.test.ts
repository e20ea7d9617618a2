import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../lib/random.ts';
import { leastRequest } from './least-request.ts';
import { randomChoice } from './random.ts';

const NO_HASH = { hi: 0, lo: 0 };

describe('balancers of nobody', () => {
  const random = seededRandom(1);

  it.each([true, false])('least request picks nobody; full scan: %s', (fullScan) => {
    const balancing = { choiceCount: 2, activeRequestBias: 1, fullScan, slowStart: undefined };
    expect(leastRequest([], balancing, { random, nowMs: () => 0 }).pick(NO_HASH, 0)).toBe(undefined);
  });

  it('random picks nobody', () => expect(randomChoice([], random).pick(NO_HASH, 0)).toBe(undefined));
});
