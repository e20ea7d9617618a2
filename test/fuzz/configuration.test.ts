import { expect, it } from 'vitest';
import { readBootstrap } from '../../src/proxy/configure/bootstrap.ts';
import { decodeProxyHeader } from '../../src/wire/proxy-protocol/decode.ts';
import { encodeProxyV2 } from '../../src/wire/proxy-protocol/encode.ts';
import { normalizePath } from '../../src/xds/match/path-normalization.ts';
import { BOOTSTRAPS, PATHS, PROXY_HEADERS } from './corpus.ts';
import { fuzz } from './fuzz.ts';

it('PROXY headers: what is said of a beginning stays true, and who called can be told again', () => {
  const report = fuzz({
    name: 'proxy protocol',
    corpus: PROXY_HEADERS,
    check(input, random) {
      const whole = decodeProxyHeader(input);
      const early = decodeProxyHeader(input.subarray(0, random.below(input.length + 1)));
      if (early.kind !== 'need-more') expect(whole).toEqual(early);
      if (whole.kind !== 'header') return whole.kind === 'wrong' ? whole.message : whole.kind;
      expect(whole.length).toBeLessThanOrEqual(input.length);
      const { connection, version, fields } = whole;
      if (connection !== undefined)
        expect(decodeProxyHeader(encodeProxyV2(connection))).toMatchObject({ connection });
      return `${version} ${connection === undefined} ${fields.map(({ type }) => type).join(' ')}`;
    },
  });
  console.log('proxy protocol', report);
  expect(report.kinds).toBeGreaterThan(8);
});

it('paths: the normal form is normal, and goes nowhere up', () => {
  const settings = { normalize: true, mergeSlashes: true, escapedSlashes: 'forward' } as const;
  const report = fuzz({
    name: 'paths',
    corpus: PATHS,
    maxBytes: 300,
    check(input) {
      const normal = normalizePath(input.toString('latin1'), settings);
      if (typeof normal !== 'string') return normal.kind;
      // A per cent sign that escapes nothing may come to stand before two hex digits (`%4%41`), as in Envoy.
      if (!/%(?![0-9a-f]{2})/i.test(input.toString('latin1')))
        expect(normalizePath(normal, settings)).toBe(normal);
      const only = normal.split('?')[0] as string;
      expect(only).not.toMatch(/(^|\/)\.\.?(;[^/]*)?(\/|$)|%2f|%5c|\\|[\0- ]/i);
      return only.replace(/[^/%.;]+/g, 'a').slice(0, 60);
    },
  });
  console.log('paths', report);
  expect(report.kinds).toBeGreaterThan(20);
});

it('bootstraps: any text is one, or is refused with a place and a sentence', () => {
  const report = fuzz({
    name: 'bootstrap',
    corpus: BOOTSTRAPS,
    check(input) {
      const read = readBootstrap(input.toString('utf8'));
      if (read.ok) return 'taken';
      expect(read.refusals.length).toBeGreaterThan(0);
      for (const { message } of read.refusals) expect(message).not.toBe('');
      return read.refusals
        .map(({ field, message }) => `${field} ${message}`)
        .join(' ')
        .replace(/[^a-z ]/g, '')
        .slice(0, 120);
    },
  });
  console.log('bootstrap', report);
  expect(report.kinds).toBeGreaterThan(10);
});
