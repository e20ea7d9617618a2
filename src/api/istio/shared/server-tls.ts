import type { Report } from '../../report.ts';
import { bool, type Infer, list, message, oneOf, text, texts } from '../../schema.ts';
import { isKnownCipherSuite } from './cipher-suites.ts';

const certificate = message({}, { serverCertificate: text, privateKey: text, caCertificates: text });
const tlsVersion = oneOf('TLS_AUTO', 'TLSV1_0', 'TLSV1_1', 'TLSV1_2', 'TLSV1_3');

/** TLS towards clients: of Gateway servers and of a Sidecar's ingress listeners. */
export const serverTls = message(
  {},
  {
    httpsRedirect: bool,
    mode: oneOf('PASSTHROUGH', 'SIMPLE', 'MUTUAL', 'AUTO_PASSTHROUGH', 'ISTIO_MUTUAL', 'OPTIONAL_MUTUAL'),
    serverCertificate: text,
    privateKey: text,
    caCertificates: text,
    caCrl: text,
    tlsCertificates: list(certificate),
    credentialName: text,
    credentialNames: texts,
    caCertCredentialName: text,
    subjectAltNames: texts,
    verifyCertificateSpki: texts,
    verifyCertificateHash: texts,
    minProtocolVersion: tlsVersion,
    maxProtocolVersion: tlsVersion,
    cipherSuites: texts,
    ecdhCurves: texts,
    insecureSkipVerify: bool,
  },
);
export type ServerTls = Infer<typeof serverTls>;

/** Mode of a TLS block that does not name one. */
export const defaultServerTlsMode = 'PASSTHROUGH';

/** What each mode needs and what it cannot use. */
export function checkServerTls(tls: ServerTls | undefined, report: Report): void {
  if (tls === undefined) return;
  checkCiphers(tls, report);
  const mode = tls.mode ?? defaultServerTlsMode;
  if (mode === 'ISTIO_MUTUAL') checkNoCertificates(tls, report);
  else {
    if (mode === 'PASSTHROUGH' || mode === 'AUTO_PASSTHROUGH') warnUnusedCertificates(tls, mode, report);
    checkOneSource(tls, report);
    if (mode !== 'PASSTHROUGH' && mode !== 'AUTO_PASSTHROUGH') checkTerminating(tls, mode, report);
    else if (isSet(tls.caCrl) && isSet(tls.credentialName)) reportCrlInCredential(report);
  }
}

function checkCiphers(tls: ServerTls, report: Report): void {
  const suites = tls.cipherSuites ?? [];
  const old = tls.minProtocolVersion === 'TLSV1_0' || tls.minProtocolVersion === 'TLSV1_1';
  if (old && suites.length === 0)
    report.warn(
      'minProtocolVersion',
      'TLS below 1.2 needs cipherSuites of its own; the default ones do not fit it',
    );
  const seen = new Set<string>();
  for (const [i, suite] of suites.entries()) {
    if (!isKnownCipherSuite(suite))
      report.warn(['cipherSuites', i], `"${suite}" is not a known cipher suite; it is ignored`);
    else if (seen.has(suite)) report.warn(['cipherSuites', i], `"${suite}" is already in this list`);
    seen.add(suite);
  }
}

const CERTIFICATE_FIELDS = [
  'serverCertificate',
  'privateKey',
  'caCertificates',
  'tlsCertificates',
  'credentialName',
  'credentialNames',
] as const;

function checkNoCertificates(tls: ServerTls, report: Report): void {
  for (const field of CERTIFICATE_FIELDS)
    if (isSet(tls[field]))
      report.error(
        field,
        `ISTIO_MUTUAL uses the mesh's own certificates; leave ${field} out or use mode MUTUAL`,
      );
}

function warnUnusedCertificates(tls: ServerTls, mode: string, report: Report): void {
  for (const field of [...CERTIFICATE_FIELDS, 'caCrl'] as const)
    if (isSet(tls[field])) report.warn(field, `${mode} does not end TLS, so ${field} is not used`);
}

function checkOneSource(tls: ServerTls, report: Report): void {
  const sources = [
    ...(isSet(tls.serverCertificate) && isSet(tls.privateKey) ? ['serverCertificate'] : []),
    ...(['credentialName', 'credentialNames', 'tlsCertificates'] as const).filter((field) =>
      isSet(tls[field]),
    ),
  ];
  const [first, ...others] = sources;
  for (const other of others)
    report.error(other, `the certificate is already given by ${first}; keep one of the two`);
}

function checkTerminating(tls: ServerTls, mode: string, report: Report): void {
  if (isSet(tls.credentialName) || isSet(tls.credentialNames)) return;
  if (mode !== 'SIMPLE' && !isSet(tls.caCertificates))
    report.error(
      'caCertificates',
      `mode ${mode} verifies clients and needs caCertificates or credentialName`,
    );
  const several = tls.tlsCertificates ?? [];
  if (several.length > 2)
    report.warn('tlsCertificates', 'at most 2 certificates are used (one RSA, one ECDSA)');
  if (several.length === 0) checkPair(tls, mode, report);
  for (const [i, pair] of several.entries()) checkPair(pair, mode, report.at('tlsCertificates', i));
  if (isSet(tls.caCrl) && mode === 'SIMPLE')
    report.error(
      'caCrl',
      'SIMPLE does not verify clients, so there is nothing to revoke; use MUTUAL or leave caCrl out',
    );
}

function checkPair(
  pair: { readonly serverCertificate?: string; readonly privateKey?: string },
  mode: string,
  report: Report,
): void {
  if (!isSet(pair.serverCertificate))
    report.error(
      'serverCertificate',
      `mode ${mode} needs serverCertificate and privateKey, or credentialName`,
    );
  if (!isSet(pair.privateKey)) report.error('privateKey', `mode ${mode} needs privateKey, or credentialName`);
}

function reportCrlInCredential(report: Report): void {
  report.error('caCrl', 'with credentialName the revocation list belongs into that secret; leave caCrl out');
}

/** Empty text and empty lists count as not set, as in protobuf. */
function isSet(value: string | readonly unknown[] | undefined): boolean {
  return value !== undefined && value.length > 0;
}
