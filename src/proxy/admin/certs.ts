import { X509Certificate } from 'node:crypto';
import type { Secrets } from '../configure/secrets.ts';

/** /certs in the shape of envoy.admin.v3.Certificates: the proxy's own chain and the roots it trusts. */
export function certificates(secrets: Secrets, nowMs: number): object {
  const own = secrets.certificate('default');
  const roots = secrets.validation('ROOTCA');
  if (own === undefined) return { certificates: [] };
  const ca_cert = roots === undefined ? [] : [facts(roots.trustedCaPem, nowMs)];
  return { certificates: [{ ca_cert, cert_chain: [facts(own.chainPem, nowMs)] }] };
}

function facts(pem: string, nowMs: number): object {
  const certificate = new X509Certificate(pem);
  const names = (certificate.subjectAltName ?? '').split(', ').filter((name) => name.startsWith('URI:'));
  return {
    serial_number: certificate.serialNumber.toLowerCase(),
    subject_alt_names: names.map((name) => ({ uri: name.slice(4) })),
    days_until_expiration: String(
      Math.max(0, Math.floor((new Date(certificate.validTo).getTime() - nowMs) / 86_400_000)),
    ),
    valid_from: new Date(certificate.validFrom).toISOString(),
    expiration_time: new Date(certificate.validTo).toISOString(),
  };
}
