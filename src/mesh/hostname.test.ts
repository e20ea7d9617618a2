import { describe, expect, it } from 'vitest';
import { compareSpecificity, fullHost, hostMatches, hostsOverlap, shortNames } from './hostname.ts';

describe('hostnames', () => {
  it('match by pattern', () => {
    expect(hostMatches('*.a.com', 'b.a.com')).toBe(true);
    expect(hostMatches('*.a.com', '*.b.a.com')).toBe(true);
    expect(hostMatches('*', 'x')).toBe(true);
    expect(hostMatches('*.a.com', 'a.com')).toBe(false);
    expect(hostMatches('*.b.a.com', '*.a.com')).toBe(false);
    expect(hostMatches('b.a.com', '*.a.com')).toBe(false);
    expect(hostsOverlap('b.a.com', '*.a.com')).toBe(true);
    expect(hostsOverlap('*.a.com', '*.b.com')).toBe(false);
  });

  it('sort narrow patterns first', () => {
    expect(['*', 'b', '*.com', 'a', '*.a.com'].sort(compareSpecificity)).toEqual([
      'a',
      'b',
      '*.a.com',
      '*.com',
      '*',
    ]);
  });

  it('are completed by the namespace they are written in', () => {
    expect(fullHost('reviews', 'default', 'cluster.local')).toBe('reviews.default.svc.cluster.local');
    expect(fullHost('reviews.other', 'default', 'cluster.local')).toBe('reviews.other');
    expect(fullHost('*', 'default', 'cluster.local')).toBe('*');
  });

  it('are short for clients of the same cluster', () => {
    const host = 'reviews.default.svc.cluster.local';
    expect(shortNames(host, 'default', 'cluster.local')).toEqual([
      'reviews.default.svc',
      'reviews.default',
      'reviews',
    ]);
    expect(shortNames(host, 'other', 'cluster.local')).toEqual(['reviews.default.svc', 'reviews.default']);
    expect(shortNames('a.com', 'default', 'cluster.local')).toEqual([]);
  });
});
