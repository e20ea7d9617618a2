import { X509Certificate } from 'node:crypto';
import type { TlsContextOptions } from '../../wire/connection.ts';
import type { CommonTlsContext, TlsCertificate } from '../../xds/tls-types.ts';
import { type Refuse, readSource, refuseRest } from './data-source.ts';
import type { CertificateSecret, Secrets } from './secrets.ts';

/** What certificates are read with. */
interface CertificateEnvironment {
  readonly secrets: Secrets;
  readonly readFile: (path: string) => string;
}

/**
 * What speaks against showing these certificates together; undefined: nothing. Of each kind of key the TLS library
 * shows one: which of two would depend on their order and not on the name that the client asks for.
 */
export function clashOf(certificates: TlsContextOptions['certificates']): string | undefined {
  if (certificates.length < 2) return undefined;
  const kinds = certificates.map(({ chainPem }) => kindOf(chainPem));
  const twice = kinds.find((kind, i) => kind !== '' && kinds.indexOf(kind) !== i);
  return twice && `has several certificates with ${twice} keys: one filter chain for each name is needed`;
}

function kindOf(chainPem: string): string {
  try {
    return new X509Certificate(chainPem).publicKey.asymmetricKeyType ?? '';
  } catch {
    return ''; // the TLS library will say what is wrong with it
  }
}

/** Certificates of our own, wherever they come from. */
export interface CertificateSource {
  readonly given: boolean;
  readonly secretNames: readonly string[];
  /** Undefined until all have arrived. */
  current(): TlsContextOptions['certificates'] | undefined;
}

/** Those in the message, and those that SDS brings. */
export function certificateSource(
  inline: CommonTlsContext['tls_certificates'],
  sds: CommonTlsContext['tls_certificate_sds_secret_configs'],
  field: string,
  environment: CertificateEnvironment,
  refuse: Refuse,
): CertificateSource {
  const fixed = (inline ?? []).map((certificate, i) =>
    lowerCertificate(certificate, `${field}.tls_certificates[${i}]`, environment, refuse),
  );
  const clash = clashOf(fixed);
  if (clash !== undefined) refuse(`${field}.tls_certificates`, clash);
  const names = (sds ?? []).map((config) => config.name ?? '');
  return {
    given: fixed.length > 0 || names.length > 0,
    secretNames: names,
    current() {
      const named = names.map((name) => environment.secrets.certificate(name));
      return named.includes(undefined) ? undefined : [...fixed, ...named.filter((c) => c !== undefined)];
    },
  };
}

/** A TlsCertificate; '' for what it lacks. */
export function lowerCertificate(
  certificate: TlsCertificate,
  field: string,
  environment: Pick<CertificateEnvironment, 'readFile'>,
  refuse: Refuse,
): CertificateSecret {
  const { certificate_chain, private_key, ...rest } = certificate;
  refuseRest(rest, field, refuse);
  return {
    chainPem: readSource(certificate_chain, `${field}.certificate_chain`, environment, refuse) ?? '',
    privateKeyPem: readSource(private_key, `${field}.private_key`, environment, refuse) ?? '',
  };
}
