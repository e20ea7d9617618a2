import type { Secret } from '../../api/kubernetes/config-data.ts';
import { compileStringMatcher } from '../../xds/match/string-matcher.ts';
import { credentialSecret } from '../../xds/names.ts';
import type { CertificateValidationContext, CommonTlsContext } from '../../xds/tls-types.ts';
import { objectOf } from '../resolve/world.ts';
import type { Certificate } from './certificate.ts';
import type { ExplainMesh } from './mesh.ts';
import type { ExplainedProxy } from './proxy.ts';

// Certificates that objects bring (Secrets): whether the other side takes them. What no object holds is taken for the
// work of one authority that everybody trusts who says nothing else; reading PEM is left to who makes the mesh.

const SCHEME = 'kubernetes://';
const CA_ENDING = '-cacert';

/** The certificate that a context shows, where an object holds it. */
export function shownCertificate(
  mesh: ExplainMesh,
  proxy: ExplainedProxy,
  { tls_certificate_sds_secret_configs: [config] = [] }: CommonTlsContext,
): Certificate | undefined {
  return certificateOf(mesh, proxy, config?.name ?? '');
}

function certificateOf(mesh: ExplainMesh, proxy: ExplainedProxy, name: string): Certificate | undefined {
  const secret = secretOf(mesh, proxy, name);
  const pem = secret && textOf(secret, 'tls.crt', 'cert');
  return pem === undefined ? undefined : mesh.readCertificate?.(pem);
}

/**
 * Whether a server has a key for one of the cipher suites that it is limited to. Those of TLS 1.3 cannot be limited.
 * Certificates that no object holds have keys of the usual kind now, ECDSA.
 */
export function hasCipher(mesh: ExplainMesh, proxy: ExplainedProxy, common: CommonTlsContext): boolean {
  const { tls_maximum_protocol_version: newest, cipher_suites: suites = [] } = common.tls_params ?? {};
  if (newest !== 'TLSv1_2' || suites.length === 0) return true;
  const keys = (common.tls_certificate_sds_secret_configs ?? []).map(
    ({ name = '' }) => certificateOf(mesh, proxy, name)?.keyType ?? 'ec',
  );
  return keys.length === 0 || suites.some((suite) => keys.includes(/ECDSA/.test(suite) ? 'ec' : 'rsa'));
}

/** What a context has against a certificate, undefined: nothing. `certificate` undefined: of the authority of all. */
export function objection(
  mesh: ExplainMesh,
  proxy: ExplainedProxy,
  common: CommonTlsContext,
  certificate: Certificate | undefined,
): string | undefined {
  const name = common.combined_validation_context?.validation_context_sds_secret_config?.name ?? '';
  if (mesh.readCertificate === undefined || !name.startsWith(SCHEME)) return undefined;
  const rules = common.combined_validation_context?.default_validation_context ?? {};
  if (rules.trust_chain_verification === 'ACCEPT_UNTRUSTED') return undefined;
  const trusted = secretOf(mesh, proxy, name);
  const authorities = trusted && textOf(trusted, 'ca.crt', 'cacert');
  if (!isTrusted(certificate, authorities)) return 'who signed the certificate is not trusted';
  const revoked = trusted && textOf(trusted, 'ca.crl', 'crl');
  if (revoked !== undefined && certificate?.revokedBy(revoked) === true) return 'the certificate is revoked';
  return certificate === undefined ? undefined : ruleAgainst(rules, certificate);
}

function isTrusted(certificate: Certificate | undefined, authorities: string | undefined): boolean {
  if (certificate === undefined || authorities === undefined)
    return certificate === undefined && authorities === undefined;
  return certificate.issuedBy(authorities);
}

/** Rules about names, and about hashes, of which one is enough. */
function ruleAgainst(rules: CertificateValidationContext, certificate: Certificate): string | undefined {
  const { match_typed_subject_alt_names: names = [] } = rules;
  const { verify_certificate_hash: hashes = [], verify_certificate_spki: keys = [] } = rules;
  const named = names.some(({ san_type, matcher }) =>
    certificate.names.some(
      ({ type, name }) => type === san_type && compileStringMatcher(matcher ?? {}, () => {}, '')(name),
    ),
  );
  if (names.length > 0 && !named)
    return `the certificate is for ${certificate.names.map(({ name }) => name).join(', ') || 'nobody'}`;
  const known =
    hashes.some((hash) => hash.replaceAll(':', '').toLowerCase() === certificate.hash) ||
    keys.includes(certificate.keyHash);
  return hashes.length + keys.length > 0 && !known ? 'the certificate is none of those listed' : undefined;
}

/** The Secret behind a name of SDS, of the proxy's own namespace. */
function secretOf(mesh: ExplainMesh, { namespace }: ExplainedProxy, sdsName: string): Secret | undefined {
  if (!sdsName.startsWith(SCHEME)) return undefined;
  const name = sdsName.slice(credentialSecret('').length);
  const find = (wanted: string) => objectOf(mesh.read, '/Secret', namespace, wanted)?.object;
  return find(name) ?? (name.endsWith(CA_ENDING) ? find(name.slice(0, -CA_ENDING.length)) : undefined);
}

/** The first of some keys that a Secret has. */
function textOf({ data = {}, stringData = {} }: Secret, ...keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const [plain, encoded] = [stringData[key], data[key]];
    if (plain !== undefined) return plain;
    if (encoded !== undefined) return atob(encoded);
  }
  return undefined;
}
