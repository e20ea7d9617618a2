import { X509Certificate } from 'node:crypto';
import type { Secrets } from '../configure/secrets.ts';

/** /certs in the shape of envoy.admin.v3.Certificates: the proxy's own chain and the roots it trusts. */
export function certificates(secrets: Secrets): object {
  const own = secrets.certificate('default');
  const roots = secrets.validation('ROOTCA');
  if (own === undefined) return { certificates: [] };
  const ca_cert = roots === undefined ? [] : [facts(roots.trustedCaPem)];
  return { certificates: [{ ca_cert, cert_chain: [facts(own.chainPem)] }] };
}

function facts(pem: string): object {
  const certificate = new X509Certificate(pem);
  const names = (certificate.subjectAltName ?? '').split(', ').filter((name) => name.startsWith('URI:'));
  return {
    serial_number: certificate.serialNumber.toLowerCase(),
    subject_alt_names: names.map((name) => ({ uri: name.slice(4) })),
    valid_from: new Date(certificate.validFrom).toISOString(),
    expiration_time: new Date(certificate.validTo).toISOString(),
  };
}
