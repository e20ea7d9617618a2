import type { JWK } from 'jose';

// Keys of an issuer (JWKS, RFC 7517). Which algorithms a key takes follows from the key alone: a token only chooses
// among them, so that no key is ever used in a way its owner did not mean.

/** Most keys of one issuer that are kept; further ones are left out. */
const MAX_KEYS = 100;

export interface VerificationKey {
  /** '' for none. */
  readonly kid: string;
  readonly algorithms: readonly string[];
  readonly jwk: JWK;
}

/** The keys of a JWKS that can be used, undefined where the text is no JWKS. */
export function parseKeySet(text: string): readonly VerificationKey[] | undefined {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return undefined;
  }
  const keys = (document as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) return undefined;
  return keys.slice(0, MAX_KEYS).flatMap((key: unknown) => readKey(key) ?? []);
}

function readKey(value: unknown): VerificationKey | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const jwk = value as JWK;
  const possible = algorithmsOf(jwk);
  const algorithms = jwk.alg === undefined ? possible : possible.filter((name) => name === jwk.alg);
  if (algorithms.length === 0) return undefined;
  return { kid: typeof jwk.kid === 'string' ? jwk.kid : '', algorithms, jwk: publicPart(jwk) };
}

const BY_CURVE: Readonly<Record<string, readonly string[]>> = {
  'P-256': ['ES256'],
  'P-384': ['ES384'],
  'P-521': ['ES512'],
};

function algorithmsOf({ kty, crv = '' }: JWK): readonly string[] {
  switch (kty) {
    case 'RSA':
      return ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
    case 'EC':
      return BY_CURVE[crv] ?? [];
    case 'OKP':
      return crv === 'Ed25519' ? ['EdDSA'] : [];
    case 'oct':
      return ['HS256', 'HS384', 'HS512'];
    default:
      return [];
  }
}

/** Only what verifying takes: neither private parts nor hints that Envoy does not heed. */
function publicPart({ kty, crv, x, y, n, e, k }: JWK): JWK {
  const all = { kty, crv, x, y, n, e, k };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => typeof value === 'string')) as JWK;
}
