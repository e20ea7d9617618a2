import { exportJWK, generateKeyPair, SignJWT } from 'jose';

/** Makes a token with these claims. */
export type SignToken = (claims: Readonly<Record<string, unknown>>) => Promise<string>;

/** The keys of one run: `jwks: test` stands for their public half. */
export interface TestKeys {
  /** JSON Web Key Set. */
  readonly jwks: string;
  readonly sign: SignToken;
}

const LIFETIME_S = 3600;

/** Fresh ES256 keys. Tokens live for an hour unless their claims say otherwise. */
export async function makeTestKeys(): Promise<TestKeys> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const header = { alg: 'ES256', kid: 'weft-test' };
  const jwk = { ...(await exportJWK(publicKey)), ...header, use: 'sig' };
  return {
    jwks: JSON.stringify({ keys: [jwk] }),
    sign: (claims) =>
      new SignJWT({ exp: Math.floor(Date.now() / 1000) + LIFETIME_S, ...claims })
        .setProtectedHeader(header)
        .sign(privateKey),
  };
}
