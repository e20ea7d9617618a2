import { describe, expect, it } from 'vitest';
import type { TlsPeer } from '../../wire/connection.ts';
import { lowerValidation } from './lower-validation.ts';

const peer: TlsPeer = {
  certificate: undefined,
  uris: ['spiffe://cluster.local/ns/a/sa/b'],
  dnsNames: ['*.example.com', 'plain.test'],
  emails: ['ann@example.com'],
  ipAddresses: ['10.0.0.1', '2001:db8::1'],
  chainError: '',
};

type Kind = 'URI' | 'DNS' | 'EMAIL' | 'IP_ADDRESS';

function takes(san_type: Kind, exact: string): boolean {
  const rules = lowerValidation(
    { match_typed_subject_alt_names: [{ san_type, matcher: { exact } }] },
    'v',
    { readFile: () => '' },
    (field, message) => expect.fail(`${field} ${message}`),
  );
  return rules.judgeNames(peer) === undefined;
}

describe('names of a peer', () => {
  it.each<[Kind, string, boolean]>([
    ['URI', 'spiffe://cluster.local/ns/a/sa/b', true],
    ['DNS', 'plain.test', true],
    ['DNS', 'Plain.Test', true],
    ['DNS', 'a.example.com', true],
    ['DNS', 'a.b.example.com', false],
    ['DNS', 'example.com', false],
    ['EMAIL', 'ann@example.com', true],
    ['IP_ADDRESS', '10.0.0.1', true],
    ['IP_ADDRESS', '2001:db8::1', true],
    ['URI', 'plain.test', false],
    ['DNS', '10.0.0.1', false],
    ['EMAIL', 'plain.test', false],
  ])('%s %s: %s', (kind, name, expected) => expect(takes(kind, name)).toBe(expected));
});
