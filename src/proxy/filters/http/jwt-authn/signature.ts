import { type CryptoKey, compactVerify, importJWK } from 'jose';
import { FAILURE, type Failure } from './failure.ts';
import type { VerificationKey } from './key-set.ts';
import type { Token } from './token.ts';

// Signatures. Loaded with the first token that is to be verified: most proxies never see one.

type Imported = CryptoKey | Uint8Array | undefined;

/** Keys as the library wants them, by algorithm; made once. */
const imported = new WeakMap<VerificationKey, Map<string, Promise<Imported>>>();

/** Undefined where one of the keys made the token's signature. */
export async function verifySignature(
  token: Token,
  keys: readonly VerificationKey[],
): Promise<Failure | undefined> {
  if (keys.length === 0) return FAILURE.noKeys;
  const fitting = keys.filter(
    ({ kid, algorithms }) =>
      (kid === '' || token.kid === '' || kid === token.kid) && algorithms.includes(token.algorithm),
  );
  if (fitting.length === 0) return FAILURE.noMatchingKey;
  for (const key of fitting) if (await isSignedBy(token, key)) return undefined;
  return FAILURE.verification;
}

async function isSignedBy(token: Token, key: VerificationKey): Promise<boolean> {
  const usable = await importOnce(key, token.algorithm);
  if (usable === undefined) return false;
  return compactVerify(token.text, usable, { algorithms: [token.algorithm] }).then(
    () => true,
    () => false,
  );
}

/** Undefined for a key that is broken: it signs nothing. */
function importOnce(key: VerificationKey, algorithm: string): Promise<Imported> {
  const known = imported.get(key) ?? new Map<string, Promise<Imported>>();
  imported.set(key, known);
  let found = known.get(algorithm);
  if (found === undefined) {
    found = importJWK(key.jwk, algorithm).catch(() => undefined) as Promise<Imported>;
    known.set(algorithm, found);
  }
  return found;
}
