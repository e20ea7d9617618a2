import { describe, expect, it } from 'vitest';
import { makeTestCa } from '../../testing/certificates.ts';
import { SPIFFE_VALIDATOR_TYPE, trustSecret } from '../../xds/mesh-trust.ts';
import { lowerSpiffeValidator } from './spiffe-validator.ts';

function lower(config: object) {
  const refusals: string[] = [];
  const validator = lowerSpiffeValidator(
    { name: 'any', typed_config: config as { '@type': string } },
    'v',
    { readFile: () => '' },
    (field, message) => refusals.push(`${field} ${message}`),
  );
  return { validator, refusals };
}

const own = await makeTestCa('own.example');
const other = await makeTestCa('other.example');

describe("Envoy's SPIFFE validator", () => {
  it('is taken as the control plane writes it', () => {
    const { validation_context } = trustSecret(
      'ROOTCA',
      own.rootsPem,
      ['own.example', 'old.example'],
      [{ trustDomain: 'other.example', rootsPem: other.rootsPem }],
    );
    const { validator, refusals } = lower(validation_context?.custom_validator_config?.typed_config ?? {});
    expect(refusals).toEqual([]);
    expect(validator?.trustDomains).toEqual(['own.example', 'old.example', 'other.example']);
    // What the roots are limited to: wire/identity/constrained-roots.test.ts.
    expect(validator?.trustedCaPem.split('BEGIN CERTIFICATE')).toHaveLength(3);
  });

  const domain = (name: string, pem = own.rootsPem) => ({ name, trust_bundle: { inline_string: pem } });
  it.each([
    [{ '@type': 'type.googleapis.com/other' }, 'v.typed_config'],
    [{ trust_domains: [] }, 'v.typed_config.trust_domains'],
    [{ trust_domains: [domain('a'), domain('a')] }, 'v.typed_config.trust_domains[1].name'],
    [{ trust_domains: [domain('')] }, 'v.typed_config.trust_domains[0].name'],
    [{ trust_domains: [domain('a', 'none')] }, 'v.typed_config.trust_domains[0].trust_bundle'],
    [{ trust_domains: [domain('a')], trust_bundles: {} }, 'v.typed_config.trust_bundles'],
  ])('refuses what it does not understand: %j', (config, field) => {
    const { refusals } = lower({ '@type': SPIFFE_VALIDATOR_TYPE, ...config });
    expect(refusals.join()).toContain(`${field} `);
  });
});
