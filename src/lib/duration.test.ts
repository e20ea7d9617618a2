import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatProtoDuration, parseGoDurationMs, parseProtoDurationMs } from './duration.ts';

describe('proto-JSON durations', () => {
  it.each([
    ['1.5s', 1500],
    ['0s', 0],
    ['0.29s', 290],
    ['-3s', -3000],
    ['0.000000001s', 1e-6],
  ])('%s is %d ms', (text, ms) => expect(parseProtoDurationMs(text)).toBe(ms));

  it.each(['', 's', '1', '1m', '1.s', '.5s', '1.0000000000s', '1e3s', ' 1s', '999999999999s'])(
    '%j is none',
    (text) => expect(parseProtoDurationMs(text)).toBeUndefined(),
  );

  it('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e12, max: 1e12 }), (micros) => {
        expect(parseProtoDurationMs(formatProtoDuration(micros / 1000))).toBeCloseTo(micros / 1000, 5);
      }),
    );
    expect(formatProtoDuration(250)).toBe('0.25s');
    expect(formatProtoDuration(10_000)).toBe('10s');
    expect(formatProtoDuration(-0)).toBe('0s');
  });
});

describe('Go durations', () => {
  it.each([
    ['1h5m10s', 3_910_000],
    ['250ms', 250],
    ['1.5h', 5_400_000],
    ['-2m', -120_000],
    ['0', 0],
    ['3us', 0.003],
    ['3µs', 0.003],
    ['.5s', 500],
  ])('%s is %d ms', (text, ms) => expect(parseGoDurationMs(text)).toBe(ms));

  it.each(['', '1', 'h', '1x', '1h-5m', '1 h', '.s', '1hh'])('%j is none', (text) =>
    expect(parseGoDurationMs(text)).toBeUndefined(),
  );

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void [parseGoDurationMs(text), parseProtoDurationMs(text)]));
  });
});
