// Whom workloads of the mesh trust, as the secret of the trust bundle says it. Alone, the mesh's roots are all there is:
// `trusted_ca`. Beside other trust domains each root speaks for its own only, which Envoy's SPIFFE validator sees to;
// `trusted_ca` goes on naming the mesh's own roots, which the validator passes over, for those who ask for just these.
// (Not always by that validator: unlike Envoy's usual one it does not ask what a certificate may be used for.)

import { any, type Secret } from './resources.ts';

/** A trust domain with the roots that may speak for it, and for no other. */
export interface DomainRoots {
  readonly trustDomain: string;
  /** PEM, concatenated. */
  readonly rootsPem: string;
}

/** Whom the mesh trusts. */
export interface MeshTrust {
  /** The mesh's own roots, that of the present signer first; PEM, concatenated. */
  readonly rootsPem: string;
  /** Every trust domain by name, the mesh's own first; empty where there is none but the mesh's own. */
  readonly domains: readonly DomainRoots[];
}

export const SPIFFE_VALIDATOR = 'envoy.tls.cert_validator.spiffe';
const CONFIG = 'envoy.extensions.transport_sockets.tls.v3.SPIFFECertValidatorConfig';
/** Type URL of the validator's configuration. */
export const SPIFFE_VALIDATOR_TYPE = `type.googleapis.com/${CONFIG}`;

/** What the validator is told. */
export interface SpiffeValidatorConfig {
  readonly trust_domains?: readonly {
    readonly name?: string;
    readonly trust_bundle?: { readonly inline_string?: string };
  }[];
}

/** The secret of a trust bundle. `own` are the mesh's trust domain and its aliases. */
export function trustSecret(
  name: string,
  rootsPem: string,
  own: readonly string[],
  federated: readonly DomainRoots[],
): Secret {
  const trusted_ca = { inline_string: rootsPem };
  if (federated.length === 0) return { name, validation_context: { trusted_ca } };
  const domains = [...own.map((trustDomain) => ({ trustDomain, rootsPem })), ...federated];
  const trust_domains = domains.map((one) => ({
    name: one.trustDomain,
    trust_bundle: { inline_string: one.rootsPem },
  }));
  const custom_validator_config = { name: SPIFFE_VALIDATOR, typed_config: any(CONFIG, { trust_domains }) };
  return { name, validation_context: { trusted_ca, custom_validator_config } };
}

/** What such a secret tells; undefined where it names no roots. */
export function meshTrustOf({ validation_context: context }: Secret): MeshTrust | undefined {
  const rootsPem = context?.trusted_ca?.inline_string;
  if (rootsPem === undefined) return undefined;
  const config = context?.custom_validator_config?.typed_config;
  const { trust_domains = [] } =
    config?.['@type'] === SPIFFE_VALIDATOR_TYPE ? (config as SpiffeValidatorConfig) : {};
  const domains = trust_domains.flatMap(({ name = '', trust_bundle }) =>
    trust_bundle?.inline_string === undefined
      ? []
      : [{ trustDomain: name, rootsPem: trust_bundle.inline_string }],
  );
  return { rootsPem, domains };
}
