import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

// An issuer of tokens for tests, written without the library that verifies them.

export interface TestIssuer {
  /** The public key as in a JWKS. */
  readonly jwk: { readonly [field: string]: unknown };
  /** A token; `header` and `claims` are added to the usual ones. */
  token(claims?: object, header?: object): string;
}

const DIGITS = /\d+$/;

/** A fresh key for an algorithm. */
export function testIssuer(alg: string, fields: object = {}): TestIssuer {
  if (alg.startsWith('HS')) return symmetricIssuer(alg, fields);
  const { publicKey, privateKey } = pairFor(alg);
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: 'one', alg, ...fields };
  return {
    jwk,
    token: (claims, header) => compact({ alg, kid: 'one', ...header }, claims, signer(alg, privateKey)),
  };
}

/** A token whose signature is whatever `make` makes of the text before it. */
export function compact(
  header: object,
  claims: object = {},
  make: (text: Buffer) => Buffer = () => Buffer.alloc(0),
): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${part({ typ: 'JWT', ...header })}.${part({ iss: 'me', sub: 'jason', ...claims })}`;
  return `${text}.${make(Buffer.from(text)).toString('base64url')}`;
}

export function hmac(alg: string, secret: string | Buffer): (text: Buffer) => Buffer {
  return (text) =>
    createHmac(`sha${DIGITS.exec(alg)?.[0]}`, secret)
      .update(text)
      .digest();
}

function symmetricIssuer(alg: string, fields: object): TestIssuer {
  const secret = Buffer.alloc(64, 7);
  const jwk = { kty: 'oct', k: secret.toString('base64url'), kid: 'one', alg, ...fields };
  return {
    jwk,
    token: (claims, header) => compact({ alg, kid: 'one', ...header }, claims, hmac(alg, secret)),
  };
}

const CURVES: Readonly<Record<string, string>> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' };

function pairFor(alg: string): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  if (alg === 'EdDSA') return generateKeyPairSync('ed25519');
  const namedCurve = CURVES[alg];
  if (namedCurve !== undefined) return generateKeyPairSync('ec', { namedCurve });
  return generateKeyPairSync('rsa', { modulusLength: 2048 });
}

function signer(alg: string, key: KeyObject): (text: Buffer) => Buffer {
  const digest = alg === 'EdDSA' ? null : `sha${DIGITS.exec(alg)?.[0]}`;
  return (text) =>
    sign(digest, text, {
      key,
      dsaEncoding: 'ieee-p1363',
      ...(alg.startsWith('PS') ? { padding: 6, saltLength: Number(DIGITS.exec(alg)?.[0]) / 8 } : {}),
    });
}
