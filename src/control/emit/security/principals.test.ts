import { describe, expect, it } from 'vitest';
import { compileStringMatcher } from '../../../xds/match/string-matcher.ts';
import type { RbacPrincipal } from '../../../xds/resources.ts';
import { principalOf } from './principals.ts';

const settings = { trustDomain: 'new.example', trustDomainAliases: ['old.example', 'cluster.one'] };
const ids = ['new.example', 'old.example', 'cluster.one', 'cluster.local', 'other.org'].map(
  (domain) => `spiffe://${domain}/ns/shop/sa/web`,
);

/** The trust domains of those who are meant. */
function meant(attribute: 'source.principal' | 'source.trustDomain', value: string): string[] {
  const principals = principalOf({ attribute, path: [] } as never, value, settings);
  return ids.filter((id) => principals.some((one) => takes(one, id))).map((id) => id.split('/')[2] ?? '');
}

function takes({ authenticated }: RbacPrincipal, id: string): boolean {
  return compileStringMatcher(authenticated?.principal_name ?? {}, () => {}, '')(id);
}

const own = ['new.example', 'old.example', 'cluster.one'];

describe('Who is meant by a principal where the trust domain has aliases', () => {
  it.each([
    ['new.example/ns/shop/sa/web', own],
    ['old.example/ns/shop/sa/web', own],
    ['cluster.local/ns/shop/sa/web', own],
    ['*.example/ns/shop/sa/web', own],
    ['*one/ns/shop/sa/web', own],
    ['old.example/ns/shop/*', own],
    ['*.org/ns/shop/sa/web', ['other.org']],
    ['other.org/ns/shop/sa/web', ['other.org']],
    ['old.example/ns/shop/sa/other', []],
    ['*/ns/shop/sa/web', [...own, 'cluster.local', 'other.org']],
    ['*', [...own, 'cluster.local', 'other.org']],
  ])('%s', (value, domains) => {
    expect(meant('source.principal', value)).toEqual(domains);
  });

  it.each([
    ['old.example', own],
    ['other.org', ['other.org']],
    ['*.example', ['new.example', 'old.example']],
  ])('trust domain %s', (value, domains) => {
    expect(meant('source.trustDomain', value)).toEqual(domains);
  });
});
