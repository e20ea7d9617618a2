import { describe, expect, it } from 'vitest';
import type { DenialReport } from '../../server/contract.ts';
import { Allowance, DENIAL_LIMITS, DenialRing } from './denial-ring.ts';

const denial = (id: string): DenialReport => ({ id }) as DenialReport;
const ids = (ring: DenialRing, id: string) => ring.find(id, 0).denials.map((one) => one.id);

describe('denials that are kept', () => {
  it('are found by their reference or the beginning of one, the newest first', () => {
    const ring = new DenialRing();
    for (const id of ['abcdef-1', 'abcdef-2', 'bcdefg-1', 'bcdefg-1']) ring.add(denial(id));
    expect(ids(ring, 'abcdef-1')).toEqual(['abcdef-1']);
    expect(ids(ring, 'bcdefg')).toEqual(['bcdefg-1', 'bcdefg-1']);
    expect(ids(ring, 'abcdef')).toEqual([]);
    expect(ids(ring, 'bcd')).toEqual([]);
    expect(ids(ring, '')).toEqual(['bcdefg-1', 'bcdefg-1', 'abcdef-2', 'abcdef-1']);
  });

  it('are so many at most, the last ones', () => {
    const ring = new DenialRing();
    for (let i = 0; i < DENIAL_LIMITS.maxKept + 10; i++) ring.add(denial(`denial-${i}.`));
    expect(ring.find('', 0)).toMatchObject({ kept: DENIAL_LIMITS.maxKept });
    expect(ids(ring, '')).toHaveLength(DENIAL_LIMITS.maxListed);
    expect(ids(ring, 'denial-9.')).toEqual([]);
    expect(ids(ring, 'denial-10.')).toEqual(['denial-10.']);
  });
});

it('what observing policies would deny is counted by caller', () => {
  const ring = new DenialRing();
  const would = (name: string, principal: string, atMs: number) =>
    ring.add({
      ...denial('x'),
      verdict: 'would-deny',
      policy: { kind: 'AuthorizationPolicy', namespace: 'a', name, rule: 0, file: '', line: 0 },
      caller: { principal, address: '10.0.0.1' },
      workload: 'a/w',
      atMs,
    });
  would('p', 'spiffe://a', 1);
  would('p', '', 2);
  would('p', '', 3);
  expect(ring.find('', 0).observed.map(({ caller, count, lastAtMs }) => [caller, count, lastAtMs])).toEqual([
    ['10.0.0.1', 2, 3],
    ['spiffe://a', 1, 1],
  ]);
  for (let i = 0; i < 2 * DENIAL_LIMITS.maxObserved; i++) would('p', `spiffe://${i}`, 4);
  expect(ring.find('', 0).observed).toHaveLength(DENIAL_LIMITS.maxListed);
});

it('of one proxy a burst is looked at, then so many each second', () => {
  const allowance = new Allowance(0);
  let taken = 0;
  for (let i = 0; i < 2 * DENIAL_LIMITS.burst; i++) if (allowance.take(0)) taken++;
  expect(taken).toBe(DENIAL_LIMITS.burst);
  for (let i = 0; i < 2 * DENIAL_LIMITS.burst; i++) if (allowance.take(1000)) taken++;
  expect(taken).toBe(DENIAL_LIMITS.burst + DENIAL_LIMITS.perSecond);
});
