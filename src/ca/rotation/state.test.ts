import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CensusEntry, progressOf } from './census.ts';
import { advanced, begin, needed, readState, stable, trusted } from './state.ts';

const entry = (changes: Partial<CensusEntry> = {}): CensusEntry => ({
  name: 'a.default',
  connected: true,
  trustsPresent: true,
  leafIsPresent: true,
  ...changes,
});

describe('A rotation', () => {
  it('trusts before it signs, and signs before it withdraws trust', () => {
    const rest = stable('old', 'own', 1);
    const distribute = begin(rest, 'new', 'folder', 2);
    const reissue = advanced(distribute, 3);
    const retire = advanced(reissue, 4);
    const done = advanced(retire, 5);
    expect([rest, distribute, reissue, retire, done].map((s) => [s.phase, s.signer, ...trusted(s)])).toEqual([
      ['stable', 'old', 'old'],
      ['distribute', 'old', 'old', 'new'],
      ['reissue', 'new', 'new', 'old'],
      ['retire', 'new', 'new'],
      ['stable', 'new', 'new'],
    ]);
    expect([reissue.origin, retire.startedAtMs, done]).toEqual(['folder', 2, stable('new', 'folder', 5)]);
    expect(needed(retire)).toEqual(['new', 'old']);
  });

  it('does not begin in the middle of another, or to the CA that signs', () => {
    const under = begin(stable('a', 'own', 1), 'b', 'own', 2);
    expect(() => begin(under, 'c', 'own', 3)).toThrow('under way');
    expect(() => begin(stable('a', 'own', 1), 'a', 'own', 2)).toThrow('signs already');
  });

  it('is read back as it was written, and nothing else is', () => {
    const states = [stable('a', 'own', 1), begin(stable('a', 'own', 1), 'b', 'secret', 2)];
    for (const state of [...states, advanced(states[1]!, 3)])
      expect(readState(JSON.stringify(state))).toEqual(state);
    for (const text of [
      '',
      '{}',
      '{"format":2}',
      JSON.stringify({ ...states[1], next: undefined }),
      JSON.stringify({ ...states[0], phase: 'retire' }),
    ])
      expect(readState(text), text).toBeUndefined();
  });
});

describe('The step of a phase', () => {
  it('is taken when nobody is missing, and says who is', () => {
    const census = [
      entry(),
      entry({ name: 'b.default', trustsPresent: false }),
      entry({ name: 'c.default', trustsPresent: false, connected: false }),
    ];
    expect(progressOf('distribute', census)).toEqual({
      done: 1,
      of: 3,
      missing: [
        { name: 'b.default', why: 'has not acknowledged the trust bundle' },
        { name: 'c.default', why: 'is not connected' },
      ],
    });
    const old = entry({ name: 'd.default', leafIsPresent: false });
    expect(progressOf('reissue', [entry(), old]).missing).toEqual([
      { name: 'd.default', why: 'still uses a certificate of the CA before' },
    ]);
    expect(progressOf('retire', [entry(), old]).missing).toEqual([]);
    expect(progressOf('stable', census)).toEqual({ done: 0, of: 0, missing: [] });
  });

  it('is never over while one proxy lacks what the phase is about', () => {
    const anyone = fc.record({
      name: fc.string(),
      connected: fc.boolean(),
      trustsPresent: fc.boolean(),
      leafIsPresent: fc.constantFrom(true, false, undefined),
    });
    fc.assert(
      fc.property(
        fc.array(anyone),
        fc.constantFrom('distribute', 'reissue', 'retire' as const),
        (all, phase) => {
          const { done, of, missing } = progressOf(phase, all);
          expect(done + missing.length).toBe(of);
          if (missing.length > 0) return;
          if (phase !== 'reissue') expect(all.every(({ trustsPresent }) => trustsPresent)).toBe(true);
          else expect(all.every(({ leafIsPresent }) => leafIsPresent !== false)).toBe(true);
        },
      ),
    );
  });
});
