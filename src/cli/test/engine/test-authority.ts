import { createPublicKey, generateKeyPairSync, type KeyObject, type X509Certificate } from 'node:crypto';
import { buildCertificate, CLIENT_AUTH, SERVER_AUTH } from '../../../ca/certificate-builder.ts';
import { BACKDATE_MS, makeRoot, makeSerialHex } from '../../../ca/issuer.ts';
import { toSigningKey } from '../../../ca/signing-key.ts';

/** The authority of one run: it certifies everything that tests call by TLS. */
export interface TestAuthority {
  readonly key: KeyObject;
  readonly root: X509Certificate;
}

/** PEM of a certificate and of whom to trust for it. */
export interface Credential {
  readonly certificate: string;
  readonly key: string;
  readonly root: string;
}

const LIFETIME_MS = 24 * 3600 * 1000;

/** A fresh one. */
export async function makeTestAuthority(): Promise<TestAuthority> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { key: privateKey, root: await makeRoot(privateKey, 'weft-test', Date.now()) };
}

/** A certificate for all of the names; what is no name of DNS is passed over. */
export async function credentialFor(
  { key, root }: TestAuthority,
  names: readonly string[],
): Promise<Credential> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const nowMs = Date.now();
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
      extendedKeyUsage: [SERVER_AUTH, CLIENT_AUTH],
      dnsNames: ['echo.weft.test', ...dnsNames],
    },
    { key: toSigningKey(key, 'the key of the root'), certificate: root },
  );
  return {
    certificate: `${certificate.toString()}\n${root.toString()}\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    root: `${root.toString()}\n`,
  };
}
