import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileSubstitution } from './regex.ts';
import { indexHosts, matchHost, withoutPort } from './virtual-host.ts';
import { choose, weightedChoice } from './weighted.ts';

function index(...domains: string[]) {
  const refused: string[] = [];
  const hosts = domains.map((domain, i) => ({
    domains: [domain],
    value: domain,
    field: `virtual_hosts[${i}]`,
  }));
  return { index: indexHosts(hosts, (field) => refused.push(field)), refused };
}

describe('virtual hosts', () => {
  const { index: hosts } = index('reviews', 'reviews:9080', '*.com', '*.foo.com', 'foo.*', 'foo.bar.*', '*');

  it.each([
    ['reviews', 'reviews'],
    ['Reviews:9080', 'reviews:9080'],
    ['reviews:80', '*'],
    ['a.foo.com', '*.foo.com'],
    ['.foo.com', '*.com'],
    ['a.com', '*.com'],
    ['foo.org', 'foo.*'],
    ['foo.bar.org', 'foo.bar.*'],
    ['foo.bar.com', '*.com'],
    ['', '*'],
  ])('%j goes to %s', (host, expected) => expect(matchHost(hosts, host)).toBe(expected));

  it('has none where nothing fits, and refuses a domain claimed twice', () => {
    expect(matchHost(index('a').index, 'b')).toBeUndefined();
    expect(index('a', 'b', 'A').refused).toEqual(['virtual_hosts[2].domains[0]']);
  });

  it('takes the port off', () => {
    expect(['a:80', 'a', '[::1]:80', '[::1]', 'a:b'].map(withoutPort)).toEqual([
      'a',
      'a',
      '[::1]',
      '[::1]',
      'a:b',
    ]);
  });
});

describe('weights', () => {
  it('give each option its share of the draws', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 6 }), (weights) => {
        const choice = weightedChoice(weights.map((weight, value) => ({ value, weight })));
        const counts = weights.map(() => 0);
        for (let draw = 0; draw < choice.total; draw++) counts[choose(choice, draw) as number]! += 1;
        if (choice.options.length !== 1) expect(counts).toEqual(weights);
      }),
    );
    expect(choose(weightedChoice([]), 7)).toBeUndefined();
  });
});

describe('rewriting by regular expression', () => {
  const rewrite = (regex: string, substitution: string, value: string): string =>
    compileSubstitution({ pattern: { regex }, substitution }, (field) => expect(field).toBe(''), 'f')(value);

  it('puts groups where the substitution names them', () => {
    expect(rewrite('^/service/([^/]+)(/.*)$', '\\2/instance/\\1', '/service/foo/v1')).toBe(
      '/v1/instance/foo',
    );
    expect(rewrite('one', 'two', '/xxx/one/yyy/one')).toBe('/xxx/two/yyy/two');
    expect(rewrite('a', '$1\\\\1\\0', 'a')).toBe('$1\\1a');
  });

  it('refuses a group that is not there', () => {
    const refused: string[] = [];
    compileSubstitution(
      { pattern: { regex: 'a' }, substitution: '\\1' },
      (field) => refused.push(field),
      'f',
    );
    expect(refused).toEqual(['f.substitution']);
  });
});
