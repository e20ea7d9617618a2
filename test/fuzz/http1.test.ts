import { expect, it } from 'vitest';
import { DEFAULT_HTTP1_LIMITS } from '../../src/wire/http1/limits.ts';
import { type Told, tellRequests, tellResponses } from '../../src/wire/http1/recorder.ts';
import { HTTP1_REQUESTS, HTTP1_RESPONSES } from './corpus.ts';
import { cut, fuzz } from './fuzz.ts';

const small = {
  ...DEFAULT_HTTP1_LIMITS,
  maxStartLineBytes: 80,
  maxHeaderBytes: 200,
  maxHeaderCount: 6,
  maxChunkLineBytes: 16,
  maxChunkExtensionBytes: 30,
  maxInformationalHeads: 2,
};
const to = [
  { method: 'GET', upgrade: false },
  { method: 'HEAD', upgrade: false },
  { method: 'GET', upgrade: true },
];

/** Heads that are told are ones that may be passed on: their framing has one reading, and they hold no line end. */
function assertSafe(told: readonly Told[]): void {
  for (const event of told) {
    if (!('head' in event)) continue;
    const { headers } = event.head;
    expect(headers.some((text) => /[\r\n\0]/.test(text))).toBe(false);
    const names = headers.filter((_, i) => i % 2 === 0).map((name) => name.toLowerCase());
    const framing = names.filter((name) => name === 'content-length' || name === 'transfer-encoding');
    expect(framing.length).toBeLessThanOrEqual(1);
  }
}

const say = (told: readonly Told[]): string =>
  told.map((event) => ('error' in event ? event.error : Object.keys(event)[0])).join(' ');

it('requests of HTTP/1: any bytes tell the same however they are split, and nothing ambiguous', () => {
  const report = fuzz({
    name: 'http1 requests',
    corpus: HTTP1_REQUESTS,
    check(input, random) {
      const limits = random.below(3) === 0 ? small : DEFAULT_HTTP1_LIMITS;
      const whole = tellRequests([input.toString('latin1')], limits);
      const pieces = cut(input, random).map((piece) => piece.toString('latin1'));
      expect(tellRequests(pieces, limits)).toEqual(whole);
      assertSafe(whole);
      return say(whole);
    },
  });
  console.log('http1 requests', report);
  expect(report.kinds).toBeGreaterThan(20);
});

it('responses of HTTP/1: any bytes tell the same however they are split, and nothing ambiguous', () => {
  const report = fuzz({
    name: 'http1 responses',
    corpus: HTTP1_RESPONSES,
    check(input, random) {
      const limits = random.below(3) === 0 ? small : DEFAULT_HTTP1_LIMITS;
      const whole = tellResponses([input.toString('latin1')], to, limits);
      const pieces = cut(input, random).map((piece) => piece.toString('latin1'));
      expect(tellResponses(pieces, to, limits)).toEqual(whole);
      assertSafe(whole);
      return say(whole);
    },
  });
  console.log('http1 responses', report);
  expect(report.kinds).toBeGreaterThan(20);
});
