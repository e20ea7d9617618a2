// Service-account tokens for platforms without Kubernetes: what the API server's TokenRequest does there. The key
// stays in its folder; verifiers get the public half as a JWKS.

import { createPublicKey, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { calculateJwkThumbprint, SignJWT } from 'jose';
import { readOrCreate } from './key-store.ts';
import { makePrivateKeyPem, readPrivateKey } from './signing-key.ts';

/** Whom a token is for. */
export interface TokenOrder {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Name of the pod the token is bound to. */
  readonly pod: string;
  readonly audience: string;
  readonly ttlSeconds: number;
}

/** Makes tokens and shows the key they are verified with. */
export interface TokenIssuer {
  /** A JSON Web Key Set with public members only, as text. */
  readonly jwks: string;
  /** A signed token. Secret. Rejects with RangeError on a lifetime out of bounds. */
  issueToken(order: TokenOrder): Promise<string>;
}

/** `iss` of the tokens. */
export const TOKEN_ISSUER = 'https://weft.local';
/** Longest lifetime, in seconds: a day. */
export const MAX_TOKEN_TTL_S = 24 * 3600;

/** Opens the key `token-key.pem` of a folder (mode 0600), made at the first start. Signs with ES256. */
export async function openTokenIssuer(folder: string, nowMs: () => number): Promise<TokenIssuer> {
  const path = join(folder, 'token-key.pem');
  const privateKey = readPrivateKey(await readOrCreate(path, 0o600, makePrivateKeyPem), path);
  const publicJwk = createPublicKey(privateKey).export({ format: 'jwk' });
  const kid = await calculateJwkThumbprint(publicJwk);
  return {
    jwks: `${JSON.stringify({ keys: [{ ...publicJwk, kid, alg: 'ES256', use: 'sig' }] }, undefined, 2)}\n`,
    async issueToken(order) {
      const { namespace, serviceAccount, pod, audience, ttlSeconds } = order;
      if (!(ttlSeconds >= 1 && ttlSeconds <= MAX_TOKEN_TTL_S)) {
        throw new RangeError(`a token lives from 1 to ${MAX_TOKEN_TTL_S} seconds`);
      }
      const nowS = Math.floor(nowMs() / 1000);
      const claims = { namespace, pod: { name: pod }, serviceaccount: { name: serviceAccount } };
      return new SignJWT({ 'kubernetes.io': claims })
        .setProtectedHeader({ alg: 'ES256', kid, typ: 'JWT' })
        .setIssuer(TOKEN_ISSUER)
        .setSubject(`system:serviceaccount:${namespace}:${serviceAccount}`)
        .setAudience(audience)
        .setIssuedAt(nowS)
        .setNotBefore(nowS)
        .setExpirationTime(nowS + Math.floor(ttlSeconds))
        .setJti(randomUUID())
        .sign(privateKey);
    },
  };
}
