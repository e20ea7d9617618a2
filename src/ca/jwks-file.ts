// The public keys that tokens are verified with: a JWKS file, read again when it changes. A broken new version does
// not lock everybody out: the last good one stays and the error is told. Each key is good for one algorithm only,
// which it states or which follows from its kind, so a token's header can never choose.

import { readFile, stat } from 'node:fs/promises';
import { type CryptoKey, importJWK, type JWK } from 'jose';
import { array, maxLength, object, record, string, unknown } from 'zod/mini';
import { CaError } from './ca-error.ts';

/** A public key with the only algorithm it verifies. */
export interface TokenKey {
  readonly algorithm: TokenAlgorithm;
  readonly key: CryptoKey;
}

/** Signature algorithms accepted in tokens. All are asymmetric: a public key can never double as a secret. */
export const TOKEN_ALGORITHMS = ['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'EdDSA'] as const;
export type TokenAlgorithm = (typeof TOKEN_ALGORITHMS)[number];

/** Keys by `kid`; a key without one is under the empty text. */
export type TokenKeys = ReadonlyMap<string, TokenKey>;

/** Where the keys come from at the moment of asking. */
export interface TokenKeySource {
  keys(): Promise<TokenKeys>;
}

/** Longest JWKS read, in bytes, and most keys in it. */
export const MAX_JWKS_BYTES = 262_144;
export const MAX_JWKS_KEYS = 100;

const JWKS = object({ keys: array(record(string(), unknown())).check(maxLength(MAX_JWKS_KEYS)) });
const ALGORITHM_OF_CURVE: Readonly<Record<string, TokenAlgorithm>> = {
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
  Ed25519: 'EdDSA',
};

/** A source that follows a file. `onError` hears of versions that cannot be used, once each. */
export function watchJwksFile(path: string, onError: (error: CaError) => void): TokenKeySource {
  let seenVersion = '';
  let current: TokenKeys | undefined;
  const read = async (): Promise<TokenKeys> => {
    const version = await versionOf(path);
    if (version !== seenVersion || current === undefined) {
      try {
        current = await readJwks(path);
      } catch (error) {
        if (current === undefined || !(error instanceof CaError)) throw error;
        onError(error);
      }
      seenVersion = version;
    }
    return current;
  };
  return { keys: read };
}

/** The keys of a JWKS text. Keys for other uses and of kinds not accepted are passed over. Throws CaError. */
export async function parseJwks(text: string, from: string): Promise<TokenKeys> {
  const parsed = JWKS.safeParse(parseJson(text));
  if (!parsed.success) throw new CaError('jwks_unusable', `${from} is no JSON Web Key Set`);
  const keys = new Map<string, TokenKey>();
  for (const jwk of parsed.data.keys) {
    const algorithm = algorithmOf(jwk);
    if (algorithm === undefined) continue;
    const { kid } = jwk;
    const id = typeof kid === 'string' ? kid : '';
    if (keys.has(id))
      throw new CaError('jwks_unusable', `${from} has two keys with the kid ${JSON.stringify(id)}`);
    keys.set(id, { algorithm, key: await importPublicKey(jwk, algorithm, from) });
  }
  if (keys.size === 0) throw new CaError('jwks_unusable', `${from} has no key that verifies tokens`);
  return keys;
}

function algorithmOf(jwk: Readonly<Record<string, unknown>>): TokenAlgorithm | undefined {
  const { use, kty, crv, alg } = jwk;
  if (use !== undefined && use !== 'sig') return undefined;
  if (kty === 'RSA') {
    const stated = TOKEN_ALGORITHMS.find((algorithm) => algorithm === alg);
    return alg === undefined ? 'RS256' : stated?.startsWith('RS') ? stated : undefined;
  }
  const byCurve = kty === 'EC' || kty === 'OKP' ? ALGORITHM_OF_CURVE[String(crv)] : undefined;
  return alg === undefined || alg === byCurve ? byCurve : undefined;
}

async function importPublicKey(
  jwk: Readonly<Record<string, unknown>>,
  algorithm: TokenAlgorithm,
  from: string,
): Promise<CryptoKey> {
  const { kty, crv, n, e, x, y } = jwk;
  try {
    // Only the public members are taken, in case someone put a private key into the file.
    const publicJwk = Object.fromEntries(
      Object.entries({ kty, crv, n, e, x, y }).filter(([, v]) => v !== undefined),
    );
    const key = await importJWK(publicJwk as JWK, algorithm);
    if (!(key instanceof Uint8Array)) return key;
  } catch {
    // told below, without the parser's words
  }
  throw new CaError('jwks_unusable', `${from} has a key of kind ${String(kty)} that cannot be read`);
}

async function readJwks(path: string): Promise<TokenKeys> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new CaError('jwks_unusable', `${path} cannot be read`, { cause: error });
  });
  if (text.length > MAX_JWKS_BYTES) throw new CaError('jwks_unusable', `${path} is too large`);
  return parseJwks(text, path);
}

/** Changes whenever the file is replaced or written; `absent` while there is none. */
async function versionOf(path: string): Promise<string> {
  try {
    const { mtimeNs, size, ino } = await stat(path, { bigint: true });
    return `${mtimeNs}/${size}/${ino}`;
  } catch {
    return 'absent';
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
