// The private key of a CA: PEM in, a handle out that signs and cannot be read back.

import { createPrivateKey, generateKeyPairSync, type KeyObject, type webcrypto } from 'node:crypto';
import { CaError } from './ca-error.ts';

/** A key that signs certificates. */
export interface SigningKey {
  /** Not extractable. */
  readonly privateKey: webcrypto.CryptoKey;
  /** The algorithm with its hash, as WebCrypto wants it. */
  readonly algorithm: { readonly name: string; readonly hash?: string };
}

const HASH_OF_CURVE: Readonly<Record<string, { namedCurve: string; hash: string }>> = {
  prime256v1: { namedCurve: 'P-256', hash: 'SHA-256' },
  secp384r1: { namedCurve: 'P-384', hash: 'SHA-384' },
  secp521r1: { namedCurve: 'P-521', hash: 'SHA-512' },
};
const MIN_RSA_BITS = 2048;

/** PEM (PKCS#8) of a new ECDSA P-256 key. Secret. */
export function makePrivateKeyPem(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** Reads PKCS#8, PKCS#1 or SEC1 PEM: ECDSA P-256/384/521, RSA from 2048 bits, Ed25519. `from` names it in errors. */
export function readPrivateKey(pem: string, from: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    // The cause is left out on purpose: parser errors may quote their input.
    const why = pem.includes('ENCRYPTED')
      ? 'is encrypted; weft reads plain keys'
      : 'holds no readable private key';
    throw new CaError('ca_key_unusable', `${from} ${why}`);
  }
}

/** The signing handle of a key. Throws CaError for kinds that must not sign certificates. */
export function toSigningKey(key: KeyObject, from: string): SigningKey {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  const curve = HASH_OF_CURVE[namedCurve];
  if (key.asymmetricKeyType === 'ec' && curve !== undefined) {
    const algorithm = { name: 'ECDSA', namedCurve: curve.namedCurve };
    return {
      privateKey: key.toCryptoKey(algorithm, false, ['sign']),
      algorithm: { name: 'ECDSA', hash: curve.hash },
    };
  }
  if (key.asymmetricKeyType === 'rsa' && modulusLength >= MIN_RSA_BITS) {
    const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
    return { privateKey: key.toCryptoKey(algorithm, false, ['sign']), algorithm };
  }
  if (key.asymmetricKeyType === 'ed25519') {
    const algorithm = { name: 'Ed25519' };
    return { privateKey: key.toCryptoKey(algorithm, false, ['sign']), algorithm };
  }
  throw new CaError(
    'ca_key_unusable',
    `${from} is of a kind that does not sign here: use ECDSA P-256, P-384, P-521, RSA from ${MIN_RSA_BITS} bits or Ed25519`,
  );
}
