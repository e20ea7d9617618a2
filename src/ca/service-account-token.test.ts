import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import fc from 'fast-check';
import { exportJWK, SignJWT } from 'jose';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../testing/openssl.ts';
import { parseJwks, type TokenKeys } from './jwks-file.ts';
import {
  CA_AUDIENCE,
  CLOCK_SKEW_S,
  MAX_TOKEN_LENGTH,
  type TokenVerdict,
  verifyServiceAccountToken,
} from './service-account-token.ts';
import { openTokenIssuer } from './token-issuer.ts';

const NOW = Date.UTC(2026, 5, 1);
const NOW_S = NOW / 1000;
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ec', { namedCurve: 'P-256' });

const claims = {
  sub: 'system:serviceaccount:default:reviews',
  aud: CA_AUDIENCE,
  exp: NOW_S + 3600,
  nbf: NOW_S,
  iat: NOW_S,
};

let keys: TokenKeys;

beforeAll(async () => {
  const jwks = [
    { ...(await exportJWK(ec.publicKey)), kid: 'ec', alg: 'ES256', use: 'sig' },
    { ...(await exportJWK(rsa.publicKey)), kid: 'rsa' },
    { ...(await exportJWK(ed.publicKey)), kid: 'ed' },
  ];
  keys = await parseJwks(JSON.stringify({ keys: jwks }), 'test');
});

describe('a good token', () => {
  it.each([
    ['ES256', 'ec', ec],
    ['RS256', 'rsa', rsa],
    ['EdDSA', 'ed', ed],
  ] as const)('signed with %s tells namespace and service account', async (alg, kid, { privateKey }) => {
    const token = await new SignJWT(claims).setProtectedHeader({ alg, kid }).sign(privateKey);
    expect(await verify(token)).toEqual({
      ok: true,
      identity: { trustDomain: 'cluster.local', namespace: 'default', serviceAccount: 'reviews' },
      pod: undefined,
    });
  });

  it('of the local platform tells the pod too', async () => {
    using folder = temporaryFolder();
    const issuer = await openTokenIssuer(folder.path, () => NOW);
    const order = { namespace: 'default', serviceAccount: 'my.account-1', pod: 'p-1', audience: CA_AUDIENCE };
    const token = await issuer.issueToken({ ...order, ttlSeconds: 600 });
    const verdict = await verify(token, { keys: await parseJwks(issuer.jwks, 'test') });
    expect(verdict).toMatchObject({ ok: true, pod: 'p-1', identity: { serviceAccount: 'my.account-1' } });
  });

  it('may have several audiences, and times within the skew', async () => {
    const skew = CLOCK_SKEW_S - 1;
    for (const change of [{ aud: ['other', CA_AUDIENCE] }, { exp: NOW_S - skew }, { nbf: NOW_S + skew }]) {
      expect(await verify(await make(change))).toMatchObject({ ok: true });
    }
  });

  it('may leave out the kid where there is but one key', async () => {
    const token = await new SignJWT(claims).setProtectedHeader({ alg: 'ES256' }).sign(ec.privateKey);
    const only = new Map([...keys].filter(([kid]) => kid === 'ec'));
    expect(await verify(token, { keys: only })).toMatchObject({ ok: true });
    expect(await verify(token)).toMatchObject({ ok: false, code: 'unknown_key' });
  });
});

describe('a token is refused', () => {
  it.each<[string, Record<string, unknown>, string]>([
    ['expired', { exp: NOW_S - CLOCK_SKEW_S - 1 }, 'expired'],
    ['not valid yet', { nbf: NOW_S + CLOCK_SKEW_S + 1 }, 'not_yet_valid'],
    ['without an end', { exp: undefined }, 'missing_claim'],
    ['with an end that is text', { exp: '9999999999' }, 'malformed'],
    ['without a subject', { sub: undefined }, 'missing_claim'],
    ['without an audience', { aud: undefined }, 'missing_claim'],
    ['for another audience', { aud: 'vault' }, 'wrong_audience'],
    ['for audiences that only look alike', { aud: ['istio-ca2', 'ISTIO-CA', ' istio-ca'] }, 'wrong_audience'],
    ['of a user', { sub: 'system:admin' }, 'not_a_service_account'],
    ['with too many parts', { sub: 'system:serviceaccount:a:b:c' }, 'not_a_service_account'],
    ['with a path for a namespace', { sub: 'system:serviceaccount:../x:b' }, 'not_a_service_account'],
    ['with a slash', { sub: 'system:serviceaccount:a:b/sa/c' }, 'not_a_service_account'],
    ['with upper case', { sub: 'system:serviceaccount:Default:reviews' }, 'not_a_service_account'],
    ['with a line end', { sub: 'system:serviceaccount:default:reviews\n' }, 'not_a_service_account'],
    ['with an empty account', { sub: 'system:serviceaccount:default:' }, 'not_a_service_account'],
    [
      'with a long account',
      { sub: `system:serviceaccount:default:${'a.'.repeat(200)}a` },
      'not_a_service_account',
    ],
    ['of a contradicting namespace', { 'kubernetes.io': { namespace: 'other' } }, 'not_a_service_account'],
    [
      'of a contradicting account',
      { 'kubernetes.io': { serviceaccount: { name: 'x' } } },
      'not_a_service_account',
    ],
    ['of claims of a wrong shape', { 'kubernetes.io': 'default' }, 'not_a_service_account'],
  ])('%s', async (_, change, code) => {
    expect(await verify(await make(change))).toMatchObject({ ok: false, code });
  });

  it('of another issuer, where one is asked for', async () => {
    const token = await make({ iss: 'https://a' });
    expect(await verify(token, { issuer: 'https://a' })).toMatchObject({ ok: true });
    expect(await verify(token, { issuer: 'https://b' })).toMatchObject({ ok: false, code: 'wrong_issuer' });
  });

  it('signed by a stranger under a known name, or cut, or changed', async () => {
    const forged = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', kid: 'ec' })
      .sign(stranger.privateKey);
    expect(await verify(forged)).toMatchObject({ ok: false, code: 'bad_signature' });
    const [head, , signature] = (await make({})).split('.');
    const body = encode({ ...claims, sub: 'system:serviceaccount:default:admin' });
    expect(await verify(`${head}.${body}.${signature}`)).toMatchObject({ ok: false, code: 'bad_signature' });
    expect(await verify(`${head}.${encode(claims)}.`)).toMatchObject({ ok: false });
  });
});

describe('attacks on the header', () => {
  it.each(['none', 'None', 'NONE', 'nOnE', ''])('algorithm %j', async (alg) => {
    for (const signature of ['', 'AAAA']) {
      const token = `${encode({ alg, kid: 'ec' })}.${encode(claims)}.${signature}`;
      expect(await verify(token)).toMatchObject({ ok: false });
    }
  });

  it('HS256 with a public key as the secret, in every form of it', async () => {
    for (const [kid, { publicKey }] of Object.entries({ ec, rsa, ed })) {
      for (const secret of formsOf(publicKey)) {
        const signed = `${encode({ alg: 'HS256', kid })}.${encode(claims)}`;
        const token = `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
        expect(await verify(token)).toMatchObject({ ok: false, code: 'bad_signature' });
      }
    }
  });

  it('a key used with another algorithm than its own', async () => {
    const signed = `${encode({ alg: 'RS512', kid: 'rsa' })}.${encode(claims)}`;
    const token = `${signed}.${sign('sha512', Buffer.from(signed), rsa.privateKey).toString('base64url')}`;
    expect(await verify(token)).toMatchObject({ ok: false, code: 'bad_signature' });
    const swapped = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid: 'ec' })
      .sign(rsa.privateKey);
    expect(await verify(swapped)).toMatchObject({ ok: false, code: 'bad_signature' });
  });

  it.each([
    '../../../../dev/null',
    '/etc/passwd',
    'ec\u0000',
    'EC',
    '__proto__',
    'constructor',
    '',
    "' OR 1=1 --",
    'https://attacker.example/jwks',
    'k'.repeat(8000),
  ])('kid %j', async (kid) => {
    const token = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', kid })
      .sign(stranger.privateKey);
    expect(await verify(token)).toMatchObject({ ok: false, code: 'unknown_key' });
  });

  it.each<unknown>([1, null, ['ec'], { toString: 'ec' }, true])('kid that is no text: %j', async (kid) => {
    const token = `${encode({ alg: 'ES256', kid })}.${encode(claims)}.AAAA`;
    expect(await verify(token)).toMatchObject({ ok: false });
  });

  it('a key of its own in the header, or the address of one', async () => {
    const jwk = await exportJWK(stranger.publicKey);
    for (const more of [
      { jwk },
      { jku: 'http://169.254.169.254/' },
      { x5u: 'file:///etc/passwd' },
      { x5c: ['AA'] },
    ]) {
      const header = { alg: 'ES256', kid: 'ec', ...more };
      const token = await new SignJWT(claims).setProtectedHeader(header).sign(stranger.privateKey);
      expect(await verify(token)).toMatchObject({ ok: false, code: 'bad_signature' });
    }
  });

  it('critical parameters that nobody understands, and unencoded payloads', async () => {
    for (const more of [
      { crit: ['x'], x: 1 },
      { crit: ['b64'], b64: false },
    ]) {
      const signed = `${encode({ alg: 'ES256', kid: 'ec', ...more })}.${encode(claims)}`;
      const key = { key: ec.privateKey, dsaEncoding: 'ieee-p1363' } as const;
      const token = `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
      expect(await verify(token)).toMatchObject({ ok: false });
    }
  });

  it('a signature of zeros', async () => {
    const token = `${encode({ alg: 'ES256', kid: 'ec' })}.${encode(claims)}.${Buffer.alloc(64).toString('base64url')}`;
    expect(await verify(token)).toMatchObject({ ok: false, code: 'bad_signature' });
  });
});

describe('what is no token', () => {
  it('is refused unread when it is huge', async () => {
    expect(await verify('a'.repeat(MAX_TOKEN_LENGTH + 1))).toMatchObject({ ok: false, code: 'too_large' });
    expect(await verify(await make({ more: 'x'.repeat(MAX_TOKEN_LENGTH) }))).toMatchObject({
      code: 'too_large',
    });
    const deep = `${'['.repeat(5000)}${']'.repeat(5000)}`;
    const token = `${encode({ alg: 'ES256', kid: 'ec' })}.${Buffer.from(deep).toString('base64url')}.AAAA`;
    expect(await verify(token)).toMatchObject({ ok: false });
  });

  it('is refused without an exception, whatever it is', async () => {
    const part = fc.oneof(
      fc.string(),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
    );
    const token = fc.oneof(
      fc.string(),
      fc.array(part, { maxLength: 5 }).map((parts) => parts.join('.')),
    );
    await fc.assert(
      fc.asyncProperty(token, async (text) => {
        expect((await verify(text)).ok).toBe(false);
      }),
    );
  });

  it('is never quoted in the reason', async () => {
    const token = await make({ aud: 'vault' });
    expect(JSON.stringify(await verify(token))).not.toContain(token.slice(0, 20));
  });
});

function verify(
  token: string,
  options: { readonly keys?: TokenKeys; readonly issuer?: string } = {},
): Promise<TokenVerdict> {
  const { keys: known = keys, ...rest } = options;
  const rules = { trustDomain: 'cluster.local', audience: CA_AUDIENCE, nowMs: NOW, ...rest };
  return verifyServiceAccountToken(token, known, rules);
}

/** A well-signed token with other claims; signed by hand, so that claims may have any shape. */
async function make(change: Record<string, unknown>): Promise<string> {
  const signed = `${encode({ alg: 'ES256', kid: 'ec' })}.${encode({ ...claims, ...change })}`;
  const key = { key: ec.privateKey, dsaEncoding: 'ieee-p1363' } as const;
  return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`;
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function formsOf(publicKey: KeyObject): (string | Buffer)[] {
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString();
  return [
    pem,
    pem.trim(),
    publicKey.export({ type: 'spki', format: 'der' }),
    JSON.stringify(publicKey.export({ format: 'jwk' })),
  ];
}
