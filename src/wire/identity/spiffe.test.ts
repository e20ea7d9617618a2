import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatSpiffeId,
  isTrustDomain,
  MAX_SPIFFE_ID_BYTES,
  parseSpiffeId,
  workloadIdentityOf,
  workloadSpiffeId,
} from './spiffe.ts';

const segment = fc.stringMatching(/^[A-Za-z0-9._-]{1,20}$/).filter((text) => text !== '.' && text !== '..');
const trustDomain = fc.stringMatching(/^[a-z0-9._-]{1,30}$/);

describe('SPIFFE ids', () => {
  it('reads trust domain and path', () => {
    expect(parseSpiffeId('spiffe://cluster.local/ns/default/sa/reviews')).toEqual({
      ok: true,
      id: { trustDomain: 'cluster.local', path: '/ns/default/sa/reviews' },
    });
    expect(parseSpiffeId('spiffe://example.org')).toEqual({
      ok: true,
      id: { trustDomain: 'example.org', path: '' },
    });
  });

  it.each([
    ['', 'empty'],
    ['spiffe://', 'no trust domain'],
    ['spiffe:///ns/a/sa/b', 'no trust domain before the path'],
    ['SPIFFE://example.org/a', 'scheme in upper case'],
    ['spiffe://Example.org/a', 'trust domain in upper case'],
    ['spiffe://example.org:8443/a', 'port'],
    ['spiffe://user@example.org/a', 'user'],
    ['spiffe://example.org/a?x=1', 'query'],
    ['spiffe://example.org/a#x', 'fragment'],
    ['spiffe://example.org/', 'empty segment'],
    ['spiffe://example.org/a/', 'slash at the end'],
    ['spiffe://example.org/a//b', 'double slash'],
    ['spiffe://example.org/a/../b', 'parent segment'],
    ['spiffe://example.org/./b', 'dot segment'],
    ['spiffe://example.org/a%2fb', 'percent-encoding'],
    ['spiffe://example.org/ns/a\u0000/sa/b', 'NUL'],
    ['spiffe://example.org/ns/a\n', 'line end'],
    ['spiffe://exämple.org/a', 'beyond ASCII'],
    [' spiffe://example.org/a', 'leading space'],
    ['https://example.org/a', 'other scheme'],
    [`spiffe://example.org/${'a'.repeat(MAX_SPIFFE_ID_BYTES)}`, 'too long'],
    [`spiffe://${'a'.repeat(256)}/a`, 'trust domain too long'],
  ])('refuses %j: %s', (text) => {
    expect(parseSpiffeId(text).ok).toBe(false);
  });

  it('is the inverse of formatting, for every legal id', () => {
    fc.assert(
      fc.property(trustDomain, fc.array(segment, { maxLength: 6 }), (domain, segments) => {
        const id = { trustDomain: domain, path: segments.map((part) => `/${part}`).join('') };
        expect(parseSpiffeId(formatSpiffeId(id))).toEqual({ ok: true, id });
      }),
    );
  });

  it('accepts nothing that reads back differently', () => {
    const nearly = fc.tuple(fc.constantFrom('spiffe://', 'spiffe:/', ''), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(nearly, ([scheme, rest]) => {
        const parsed = parseSpiffeId(scheme + rest);
        if (parsed.ok) expect(formatSpiffeId(parsed.id)).toBe(scheme + rest);
      }),
    );
  });
});

describe('workload identities', () => {
  it('go there and back', () => {
    fc.assert(
      fc.property(trustDomain, segment, segment, (domain, namespace, serviceAccount) => {
        const identity = { trustDomain: domain, namespace, serviceAccount };
        const parsed = parseSpiffeId(workloadSpiffeId(identity));
        expect(parsed.ok && workloadIdentityOf(parsed.id)).toEqual(identity);
      }),
    );
  });

  it.each(['/ns/a/sa', '/ns/a/sa/b/c', '/sa/b/ns/a', '/a/b', ''])('are not read from the path %j', (path) => {
    expect(workloadIdentityOf({ trustDomain: 'cluster.local', path })).toBeUndefined();
  });

  it.each([
    ['a/sa/b', 'c'],
    ['..', 'b'],
    ['a', ''],
    ['a', 'b/../c'],
    ['a b', 'c'],
  ])('cannot be smuggled through the names %j and %j', (namespace, serviceAccount) => {
    expect(() => workloadSpiffeId({ trustDomain: 'cluster.local', namespace, serviceAccount })).toThrow(
      RangeError,
    );
  });

  it('need a trust domain', () => {
    expect(isTrustDomain('prod.example_1-a')).toBe(true);
    for (const text of ['', 'A', 'a/b', 'a:1', 'spiffe://a', 'a b']) expect(isTrustDomain(text)).toBe(false);
  });
});
