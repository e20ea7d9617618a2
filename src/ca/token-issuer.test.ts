import { statSync } from 'node:fs';
import { join } from 'node:path';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { describe, expect, it } from 'vitest';
import { temporaryFolder } from '../testing/openssl.ts';
import { MAX_TOKEN_TTL_S, openTokenIssuer, TOKEN_ISSUER } from './token-issuer.ts';

const NOW = Date.UTC(2026, 5, 1);
const order = { namespace: 'default', serviceAccount: 'reviews', pod: 'reviews-1', audience: 'istio-ca' };

describe('the token issuer', () => {
  it('makes tokens in the form of Kubernetes, which any JOSE library verifies by the JWKS', async () => {
    using folder = temporaryFolder();
    const issuer = await openTokenIssuer(folder.path, () => NOW);
    const token = await issuer.issueToken({ ...order, ttlSeconds: 600 });
    const { payload, protectedHeader } = await jwtVerify(token, createLocalJWKSet(JSON.parse(issuer.jwks)), {
      currentDate: new Date(NOW),
      audience: 'istio-ca',
      issuer: TOKEN_ISSUER,
    });
    expect(protectedHeader).toMatchObject({ alg: 'ES256', typ: 'JWT' });
    expect(payload).toMatchObject({
      sub: 'system:serviceaccount:default:reviews',
      iat: NOW / 1000,
      exp: NOW / 1000 + 600,
      'kubernetes.io': {
        namespace: 'default',
        pod: { name: 'reviews-1' },
        serviceaccount: { name: 'reviews' },
      },
    });
  });

  it('keeps its key, shows only the public half', async () => {
    using folder = temporaryFolder();
    const first = await openTokenIssuer(folder.path, () => NOW);
    const second = await openTokenIssuer(folder.path, () => NOW);
    expect(second.jwks).toBe(first.jwks);
    expect(Object.keys(JSON.parse(first.jwks).keys[0]).sort()).toEqual([
      'alg',
      'crv',
      'kid',
      'kty',
      'use',
      'x',
      'y',
    ]);
    expect(statSync(join(folder.path, 'token-key.pem')).mode & 0o777).toBe(0o600);
  });

  it('makes a different token each time, and none that lives for ever', async () => {
    using folder = temporaryFolder();
    const issuer = await openTokenIssuer(folder.path, () => NOW);
    const make = (ttlSeconds: number) => issuer.issueToken({ ...order, ttlSeconds });
    expect(await make(60)).not.toBe(await make(60));
    for (const ttl of [0, -1, MAX_TOKEN_TTL_S + 1, Number.NaN, Number.POSITIVE_INFINITY]) {
      await expect(make(ttl)).rejects.toThrow(RangeError);
    }
  });
});
