import type { Report } from '../../report.ts';
import { bool, type Infer, message, oneOf, text, texts } from '../../schema.ts';

/** TLS towards upstreams: of DestinationRules. */
export const clientTls = message(
  {},
  {
    mode: oneOf('DISABLE', 'SIMPLE', 'MUTUAL', 'ISTIO_MUTUAL'),
    clientCertificate: text,
    privateKey: text,
    caCertificates: text,
    credentialName: text,
    subjectAltNames: texts,
    sni: text,
    insecureSkipVerify: bool,
    caCrl: text,
  },
);
export type ClientTls = Infer<typeof clientTls>;

/** Mode of a TLS block that does not name one. */
export const defaultClientTlsMode = 'DISABLE';

/** Where certificates come from, and what skipping verification leaves without effect. */
export function checkClientTls(tls: ClientTls | undefined, namespace: string, report: Report): void {
  if (tls === undefined) return;
  checkConfigMapCredential(tls.credentialName ?? '', namespace, report);
  const mode = tls.mode ?? defaultClientTlsMode;
  if (mode !== 'SIMPLE' && mode !== 'MUTUAL') return;
  if (tls.insecureSkipVerify === true) checkSkippedVerification(tls, mode, report);
  if (isSet(tls.credentialName)) checkCredentialAlone(tls, report);
  else if (mode === 'MUTUAL') checkClientCertificate(tls, report);
}

function checkSkippedVerification(tls: ClientTls, mode: 'SIMPLE' | 'MUTUAL', report: Report): void {
  const fields = [
    'caCertificates',
    'subjectAltNames',
    ...(mode === 'SIMPLE' ? ['credentialName' as const] : []),
  ] as const;
  for (const field of fields)
    if (isSet(tls[field]))
      report.error(
        field,
        `insecureSkipVerify turns verification off, so ${field} would have no effect; drop one of the two`,
      );
}

function checkCredentialAlone(tls: ClientTls, report: Report): void {
  for (const field of ['clientCertificate', 'privateKey', 'caCertificates', 'caCrl'] as const)
    if (isSet(tls[field]))
      report.error(field, `credentialName already brings the certificates; leave ${field} out`);
}

function checkClientCertificate(tls: ClientTls, report: Report): void {
  if (!isSet(tls.clientCertificate))
    report.error(
      'clientCertificate',
      'mode MUTUAL needs clientCertificate and privateKey, or credentialName',
    );
  if (!isSet(tls.privateKey)) report.error('privateKey', 'mode MUTUAL needs privateKey, or credentialName');
}

/** `configmap://NAMESPACE/NAME`, where the namespace is the object's own. */
function checkConfigMapCredential(credential: string, namespace: string, report: Report): void {
  if (!credential.startsWith('configmap://')) return;
  const [own = '', name = ''] = credential.slice('configmap://'.length).split('/');
  if (own === '' || name === '')
    report.error('credentialName', `"${credential}" is not of the form configmap://NAMESPACE/NAME`);
  else if (own !== namespace)
    report.error(
      'credentialName',
      `a ConfigMap with certificates must be in the same namespace, ${namespace}`,
    );
}

function isSet(value: string | readonly unknown[] | undefined): boolean {
  return value !== undefined && value.length > 0;
}
