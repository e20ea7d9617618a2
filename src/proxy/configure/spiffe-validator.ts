/**
 * Envoy's SPIFFE validator (envoy.tls.cert_validator.spiffe): each trust domain has roots of its own, and a root speaks
 * for its trust domain alone. Loaded where a configuration first names it (scripts/lazy-parts.ts).
 */
import { constrainedRootsPem } from '../../wire/identity/constrained-roots.ts';
import { type TrustAnchor, trustBundleFromPem } from '../../wire/identity/trust-bundle.ts';
import { SPIFFE_VALIDATOR_TYPE } from '../../xds/mesh-trust.ts';
import type * as gen from '../../xds/tls-types.ts';
import { type Refuse, readSource, refuseRest } from './data-source.ts';

/** What peers of several trust domains are held to. */
export interface SpiffeValidator {
  /** Every root, PEM, limited to its trust domain: the TLS library verifies chains with them. */
  readonly trustedCaPem: string;
  readonly trustDomains: readonly string[];
}

/** Lowers `custom_validator_config`; undefined where it is refused. */
export function lowerSpiffeValidator(
  extension: NonNullable<gen.CertificateValidationContext['custom_validator_config']>,
  field: string,
  environment: { readonly readFile: (path: string) => string },
  refuse: Refuse,
): SpiffeValidator | undefined {
  const config = extension.typed_config;
  if (config?.['@type'] !== SPIFFE_VALIDATOR_TYPE) {
    refuse(`${field}.typed_config`, `${config?.['@type'] ?? 'no type'} is no validator this proxy knows`);
    return undefined;
  }
  const { '@type': _type, trust_domains = [], ...rest } = config as gen.SpiffeCertValidatorConfig;
  refuseRest(rest, `${field}.typed_config`, refuse);
  if (trust_domains.length === 0) refuse(`${field}.typed_config.trust_domains`, 'names no trust domain');
  const anchors: TrustAnchor[] = [];
  const trustDomains: string[] = [];
  for (const [i, { name = '', trust_bundle }] of trust_domains.entries()) {
    const at = `${field}.typed_config.trust_domains[${i}]`;
    if (name === '' || trustDomains.includes(name))
      refuse(`${at}.name`, name === '' ? 'is missing' : 'is there twice');
    trustDomains.push(name);
    const pem = readSource(trust_bundle, `${at}.trust_bundle`, environment, refuse) ?? '';
    attempt(`${at}.trust_bundle`, () => anchors.push(...trustBundleFromPem(pem, [name]).anchors));
  }
  let trustedCaPem = '';
  attempt(`${field}.typed_config.trust_domains`, () => (trustedCaPem = constrainedRootsPem(anchors)));
  return { trustedCaPem, trustDomains };

  function attempt(at: string, what: () => void): void {
    try {
      what();
    } catch (error) {
      refuse(at, (error as Error).message);
    }
  }
}
