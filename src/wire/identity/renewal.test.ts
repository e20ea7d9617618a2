import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../lib/random.ts';
import { renewAtMs, renewalRetryDelayMs } from './renewal.ts';

const uniform = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });

describe('renewal', () => {
  it('falls between 40 and 50 percent of the lifetime', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), uniform, (receivedAtMs, spanMs, chance) => {
        const at = renewAtMs({ receivedAtMs, notAfterMs: receivedAtMs + spanMs }, () => chance);
        expect(at).toBeGreaterThanOrEqual(receivedAtMs + spanMs * 0.4 - 1);
        expect(at).toBeLessThanOrEqual(receivedAtMs + spanMs * 0.5 + 1);
      }),
    );
  });

  it('of a fleet that came at once is spread over a tenth of the lifetime', () => {
    const spanMs = 86_400_000;
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), (seed) => {
        const random = seededRandom(seed);
        const draw = () => random.next();
        const perPart = new Array<number>(10).fill(0);
        for (let i = 0; i < 2000; i++) {
          const share = renewAtMs({ receivedAtMs: 0, notAfterMs: spanMs }, draw) / spanMs;
          const part = Math.min(9, Math.floor((share - 0.4) * 100));
          perPart[part] = (perPart[part] ?? 0) + 1;
        }
        // An even share is 200.
        for (const count of perPart) expect(count).toBeLessThan(300);
      }),
      { numRuns: 50 },
    );
  });

  it('never comes at a time when all is lost: half of the lifetime is left for a CA that is away', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 3_600_000, max: 7 * 86_400_000 }),
        fc.double({ min: 0, max: 0.45, noNaN: true }),
        uniform,
        (spanMs, away, chance) => {
          const random = () => chance;
          // The CA goes away just when it is asked, and comes back after a share of the lifetime.
          let at = renewAtMs({ receivedAtMs: 0, notAfterMs: spanMs }, random);
          const backMs = at + away * spanMs;
          let tries = 0;
          for (; at < backMs; at += renewalRetryDelayMs(tries, random)) tries += 1;
          expect(at).toBeLessThan(spanMs);
          // And it is not stormed: two tries a minute at most, beside the first ones.
          expect(tries).toBeLessThanOrEqual(10 + (away * spanMs) / 30_000);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('is due at once for a certificate that came expired', () => {
    expect(renewAtMs({ receivedAtMs: 1000, notAfterMs: 10 }, () => 0.5)).toBe(1000);
  });

  it('is tried again after growing pauses, up to a minute', () => {
    const pauses = [1, 2, 3, 8, 9, 5000].map((attempt) => renewalRetryDelayMs(attempt, () => 0.999999));
    expect(pauses.map(Math.round)).toEqual([500, 1000, 2000, 60_000, 60_000, 60_000]);
    expect(renewalRetryDelayMs(1, () => 0)).toBe(250);
  });
});
