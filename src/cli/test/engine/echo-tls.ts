import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { buildCertificate, SERVER_AUTH } from '../../../ca/certificate-builder.ts';
import { BACKDATE_MS, makeRoot, makeSerialHex } from '../../../ca/issuer.ts';
import { toSigningKey } from '../../../ca/signing-key.ts';

/** PEM with which echoes end TLS, and of whom to trust for it. */
export interface EchoTls {
  readonly certificate: string;
  readonly key: string;
  readonly root: string;
}

const LIFETIME_MS = 24 * 3600 * 1000;

/** A root of this run's own and a certificate for all of the names; what is no name of DNS is passed over. */
export async function echoTls(names: readonly string[]): Promise<EchoTls> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { privateKey: rootKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const nowMs = Date.now();
  const root = await makeRoot(rootKey, 'weft-test', nowMs);
  const dnsNames = [...new Set(names)].filter((name) => /^[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(name));
  const certificate = await buildCertificate(
    {
      subject: '',
      publicKeyDer: createPublicKey(privateKey).export({ type: 'spki', format: 'der' }),
      serialHex: makeSerialHex(),
      notBeforeMs: nowMs - BACKDATE_MS,
      notAfterMs: nowMs + LIFETIME_MS,
      isCa: false,
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: [SERVER_AUTH],
      dnsNames: ['echo.weft.test', ...dnsNames],
    },
    { key: toSigningKey(rootKey, 'the key of the root'), certificate: root },
  );
  return {
    certificate: `${certificate.toString()}\n${root.toString()}`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    root: root.toString(),
  };
}
