/**
 * Tokens, true and forged, at connection managers as the control plane makes them of RequestAuthentications: every
 * algorithm that is accepted and refused, with vectors made here by node:crypto and not by the library that verifies,
 * and the attacks on tokens that are known. weft and Envoy say the same of each, or weft is the stricter one.
 */
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  compact,
  hmac,
  type TestIssuer,
  testIssuer,
} from '../../../src/proxy/filters/http/jwt-authn/test-issuer.ts';
import { httpService } from '../../../src/testing/compiled-mesh.ts';
import { envoyForTests } from '../../serve/envoy.ts';
import { type GuardedMesh, type GuardedPair, startGuarded } from './compiled-managers.ts';
import { type Came, LineClient } from './line-client.ts';

const binary = await envoyForTests();
const nowSeconds = Math.floor(Date.now() / 1000);

/** Requests pass with a token of these keys only. */
function trusting(name: string, keys: readonly object[]): GuardedMesh {
  const object = (kind: string, spec: object) =>
    JSON.stringify({
      apiVersion: 'security.istio.io/v1',
      kind,
      metadata: { name: 'tokens', namespace: 'default' },
      spec,
    });
  return {
    name,
    who: 'sidecar~default/web-v1',
    yaml: [
      httpService('web'),
      object('RequestAuthentication', { jwtRules: [{ issuer: 'me', jwks: JSON.stringify({ keys }) }] }),
      object('AuthorizationPolicy', { rules: [{ from: [{ source: { requestPrincipals: ['*'] } }] }] }),
    ].join('\n---\n'),
  };
}

interface TokenCase {
  readonly name: string;
  readonly token: string;
  readonly good: boolean;
  /** Header lines in place of `Authorization: Bearer TOKEN`. */
  readonly lines?: readonly string[];
}

const good = (name: string, token: string, ...lines: string[]): TokenCase => ({
  name,
  token,
  good: true,
  lines,
});
const bad = (name: string, token: string, ...lines: string[]): TokenCase => ({
  name,
  token,
  good: false,
  lines,
});

const RSA = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const ALL = [...RSA, 'ES256', 'ES384', 'ES512', 'EdDSA', 'HS256', 'HS384', 'HS512'];

function withoutAlg({ jwk }: TestIssuer): object {
  const { alg: _alg, ...rest } = jwk;
  return rest;
}

/** One key of a kind, without or with an algorithm of its own, and tokens of every algorithm as if made with it. */
const rsaPair = generateKeyPairSync('rsa', { modulusLength: 2048 });
const rsaJwk = { ...rsaPair.publicKey.export({ format: 'jwk' }), kid: 'one' };
function rsaToken(alg: string, header: object = {}, claims: object = {}): string {
  const bits = Number(alg.slice(2));
  const pss = alg.startsWith('PS') ? { padding: 6, saltLength: bits / 8 } : {};
  return compact({ alg, kid: 'one', ...header }, claims, (text) =>
    sign(`sha${bits}`, text, { key: rsaPair.privateKey, ...pss }),
  );
}

const ecPair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const ecJwk = { ...ecPair.publicKey.export({ format: 'jwk' }), kid: 'one' };
const ecToken = (
  dsaEncoding: 'der' | 'ieee-p1363',
  header: object = {},
  claims: object = {},
  digest = 'sha256',
) =>
  compact({ alg: 'ES256', kid: 'one', ...header }, claims, (text) =>
    sign(digest, text, { key: ecPair.privateKey, dsaEncoding }),
  );
/** The order of P-256. */
const ORDER = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex');

const k1Pair = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
const k1Jwk = { ...k1Pair.publicKey.export({ format: 'jwk' }), kid: 'one' };
const weak = generateKeyPairSync('rsa', { modulusLength: 1024 });
const issuers = Object.fromEntries(ALL.map((alg) => [alg, testIssuer(alg)])) as Readonly<
  Record<string, TestIssuer>
>;
const of = (alg: string): TestIssuer => issuers[alg] as TestIssuer;

/** Each algorithm with a key of its own, and every other one with that key. */
const vectors: readonly (readonly [GuardedMesh, readonly TokenCase[]])[] = ALL.map((alg) => [
  trusting(`a key of ${alg}`, [of(alg).jwk]),
  ALL.map((other) =>
    other === alg ? good(other, of(alg).token()) : bad(`${other} of another key`, of(other).token()),
  ),
]);

const secretOf = (text: string | Buffer): string =>
  compact({ alg: 'HS256', kid: 'one' }, {}, hmac('HS256', text));
const spki = rsaPair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
const pkcs1 = rsaPair.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString();
const part = (text: string): string => Buffer.from(text).toString('base64url');
const raw = (header: string, payload: string): string => {
  const text = `${part(header)}.${part(payload)}`;
  return `${text}.${sign('sha256', Buffer.from(text), rsaPair.privateKey).toString('base64url')}`;
};
const claims = (text: string): string => raw('{"alg":"RS256","kid":"one"}', text);
const header = (text: string): string => raw(text, '{"iss":"me","sub":"jason"}');
const fine = rsaToken('RS256');
const [h = '', p = '', s = ''] = fine.split('.');
const evil = generateKeyPairSync('rsa', { modulusLength: 2048 });
const evilJwk = evil.publicKey.export({ format: 'jwk' });
const byEvil = (more: object): string =>
  compact({ alg: 'RS256', kid: 'one', ...more }, {}, (text) => sign('sha256', text, evil.privateKey));

const attacks: readonly TokenCase[] = [
  good('as it should be', fine),
  ...['none', 'None', 'NONE', 'nOnE', '', ' none', 'none ', 'RS256 ', 'rs256', 'RS1', 'RS2560'].map((alg) =>
    bad(`alg ${JSON.stringify(alg)}, without signature`, compact({ alg, kid: 'one' })),
  ),
  bad('alg none with a signature', `${part('{"alg":"none","kid":"one"}')}.${p}.${s}`),
  bad('alg none, no third part', compact({ alg: 'none' }).replace(/\.$/, '')),
  bad('no alg', header('{"kid":"one"}')),
  bad('alg a number', header('{"alg":256,"kid":"one"}')),
  bad('alg a list', header('{"alg":["RS256"],"kid":"one"}')),
  bad('alg null', header('{"alg":null,"kid":"one"}')),
  // HS256 with what everybody knows of the key.
  ...Object.entries({
    spki,
    pkcs1,
    'spki without its last line end': spki.trimEnd(),
    modulus: String(rsaJwk.n),
    'an empty secret': '',
  }).map(([name, secret]) => bad(`HS256 with the public key: ${name}`, secretOf(secret))),
  bad(
    'HS256 with the DER of the public key',
    secretOf(rsaPair.publicKey.export({ type: 'spki', format: 'der' })),
  ),
  bad('HS256 with the JWK as text', secretOf(JSON.stringify(rsaJwk))),
  bad(
    'ES256 with an RSA key',
    compact({ alg: 'ES256', kid: 'one' }, {}, () => Buffer.alloc(64, 1)),
  ),
  bad(
    'EdDSA with an RSA key',
    compact({ alg: 'EdDSA', kid: 'one' }, {}, () => Buffer.alloc(64, 1)),
  ),
  // Who brings a key along is not believed.
  bad('a key in the header', byEvil({ jwk: evilJwk })),
  bad('a key set elsewhere', byEvil({ jku: 'http://127.0.0.1:1/keys' })),
  bad('a chain in the header', byEvil({ x5c: ['MIIB'], x5u: 'http://169.254.169.254/' })),
  bad('of another key by that name', byEvil({})),
  // Names of keys are names and nothing else.
  ...[
    '../../../../dev/null',
    '/etc/passwd',
    "' OR 1=1 --",
    '$(id)',
    'one\u0000',
    'ONE',
    ' one',
    'x'.repeat(5000),
    '__proto__',
    'constructor',
  ].map((kid) => bad(`kid ${JSON.stringify(kid.slice(0, 30))}`, rsaToken('RS256', { kid }))),
  bad('kid a number', header('{"alg":"RS256","kid":1}')),
  bad('kid a list', header('{"alg":"RS256","kid":["one"]}')),
  good('no kid: any key that fits', header('{"alg":"RS256"}')),
  // Forms.
  bad('four parts', `${fine}.x`),
  bad('five parts', `${fine}.x.y`),
  bad('two parts', `${h}.${p}`),
  bad('nothing but dots', '..'),
  bad('no payload', `${h}..${s}`),
  bad('padded', `${h}==.${p}.${s}`),
  bad('the alphabet of plain base64', `${h}.${p}.${s.slice(0, -2)}+/`),
  bad('a line end within', `${h}.${p}.${s.slice(0, 9)}%0a${s.slice(9)}`),
  bad('signature cut', fine.slice(0, -4)),
  bad('signature of zeros', `${h}.${p}.${Buffer.alloc(256).toString('base64url')}`),
  bad('signature empty', `${h}.${p}.`),
  bad(
    'signature with a byte more',
    `${h}.${p}.${Buffer.concat([Buffer.from(s, 'base64url'), Buffer.alloc(1)]).toString('base64url')}`,
  ),
  bad(
    'signature with a zero before',
    `${h}.${p}.${Buffer.concat([Buffer.alloc(1), Buffer.from(s, 'base64url')]).toString('base64url')}`,
  ),
  bad('another payload', `${h}.${part('{"iss":"me","sub":"root"}')}.${s}`),
  bad('another header', `${part('{"alg":"RS384","kid":"one"}')}.${p}.${s}`),
  bad('what must be understood', header('{"alg":"RS256","kid":"one","crit":["b64"],"b64":false}')),
  bad('a header that is a list', header('["RS256"]')),
  bad('a header that is no JSON', header('{alg:RS256}')),
  bad('a payload that is a list', claims('["me"]')),
  bad('a payload that is a text', claims('"me"')),
  bad('a payload that is null', claims('null')),
  bad('a payload with more behind it', claims('{"iss":"me","sub":"jason"}{}')),
  // Claims.
  bad('the issuer a list', claims('{"iss":["me"],"sub":"jason"}')),
  bad('the issuer another', claims('{"iss":"ME","sub":"jason"}')),
  bad('the issuer with a space', claims('{"iss":"me ","sub":"jason"}')),
  bad('the issuer with a NUL', claims('{"iss":"me\\u0000","sub":"jason"}')),
  bad('no issuer', claims('{"sub":"jason"}')),
  bad('the subject a number', claims('{"iss":"me","sub":1}')),
  bad('expiry a text', claims('{"iss":"me","sub":"jason","exp":"4100000000"}')),
  bad('expiry negative', claims('{"iss":"me","sub":"jason","exp":-1}')),
  bad('audiences numbers', claims('{"iss":"me","sub":"jason","aud":[1]}')),
  // Times, with a minute for clocks that differ.
  good('expired within the minute', rsaToken('RS256', {}, { exp: nowSeconds - 5 })),
  bad('expired before', rsaToken('RS256', {}, { exp: nowSeconds - 120 })),
  good('valid within the minute', rsaToken('RS256', {}, { nbf: nowSeconds + 30 })),
  bad('valid after', rsaToken('RS256', {}, { nbf: nowSeconds + 3600 })),
  // Size.
  good('a long one', rsaToken('RS256', {}, { more: 'x'.repeat(10_000) })),
  bad('longer than anybody makes', rsaToken('RS256', {}, { more: 'x'.repeat(60_000) })),
  bad('a header that is long', compact({ alg: 'none', kid: 'one', more: 'x'.repeat(30_000) })),
  bad(
    'deep',
    compact(
      { alg: 'none', kid: 'one' },
      { deep: JSON.parse(`${'['.repeat(2000)}${']'.repeat(2000)}`) as object },
    ),
  ),
  // Several at once.
  bad('a good one and a bad one', '', `Authorization: Bearer ${fine}`, 'Authorization: Bearer a.b.c'),
  bad('a bad one and a good one', '', 'Authorization: Bearer a.b.c', `Authorization: Bearer ${fine}`),
  bad('twenty', '', ...Array.from({ length: 20 }, () => `Authorization: Bearer ${fine}`)),
  bad('no scheme', '', `Authorization: ${fine}`),
  bad('another scheme', '', `Authorization: Basic ${fine}`),
  bad('the scheme in another case', '', `Authorization: bearer ${fine}`),
  bad('none', '', 'X: y'),
];

const curves: readonly TokenCase[] = [
  good('as it should be', ecToken('ieee-p1363')),
  bad('DER in place of two numbers', ecToken('der')),
  bad(
    'both numbers 0',
    compact({ alg: 'ES256', kid: 'one' }, {}, () => Buffer.alloc(64)),
  ),
  bad(
    'both numbers the order',
    compact({ alg: 'ES256', kid: 'one' }, {}, () => Buffer.concat([ORDER, ORDER])),
  ),
  bad(
    'one number',
    compact({ alg: 'ES256', kid: 'one' }, {}, () => Buffer.alloc(32, 1)),
  ),
  bad('ES384 with a P-256 key', ecToken('ieee-p1363', { alg: 'ES384' }, {}, 'sha384')),
  bad('ES512 with a P-256 key', ecToken('ieee-p1363', { alg: 'ES512' }, {}, 'sha512')),
  bad('ES256K with a P-256 key', ecToken('ieee-p1363', { alg: 'ES256K' })),
  bad('RS256 with a P-256 key', ecToken('der', { alg: 'RS256' })),
  bad(
    'HS256 with its x',
    compact({ alg: 'HS256', kid: 'one' }, {}, (text) =>
      createHmac('sha256', String(ecJwk.x)).update(text).digest(),
    ),
  ),
];

const k1Token = compact({ alg: 'ES256K', kid: 'one' }, {}, (text) =>
  sign('sha256', text, { key: k1Pair.privateKey, dsaEncoding: 'ieee-p1363' }),
);
const k1AsP256 = compact({ alg: 'ES256', kid: 'one' }, {}, (text) =>
  sign('sha256', text, { key: k1Pair.privateKey, dsaEncoding: 'ieee-p1363' }),
);
const weakToken = compact({ alg: 'RS256', kid: 'one' }, {}, (text) => sign('sha256', text, weak.privateKey));

const sets: readonly (readonly [GuardedMesh, readonly TokenCase[]])[] = [
  ...vectors,
  [trusting('an RSA key without alg', [rsaJwk]), RSA.map((alg) => good(alg, rsaToken(alg)))],
  [
    trusting('an RSA key of RS256 alone', [{ ...rsaJwk, alg: 'RS256' }]),
    RSA.map((alg) => (alg === 'RS256' ? good : bad)(alg, rsaToken(alg))),
  ],
  [trusting('attacks', [rsaJwk]), attacks],
  [trusting('curves', [ecJwk]), curves],
  [
    trusting('a curve that nobody accepts', [k1Jwk, of('RS256').jwk]),
    [bad('ES256K', k1Token), bad('ES256', k1AsP256)],
  ],
  [
    trusting('a weak key', [{ ...weak.publicKey.export({ format: 'jwk' }), kid: 'one' }, of('ES256').jwk]),
    [bad('RS256 of 1024 bits', weakToken)],
  ],
  [
    trusting('several keys of one name', [of('RS256').jwk, of('ES256').jwk, { ...rsaJwk, alg: 'RS256' }]),
    [
      good('the first', of('RS256').token()),
      good('the second', of('ES256').token()),
      good('the third', rsaToken('RS256')),
      bad('none of them', of('RS512').token()),
    ],
  ],
  [
    trusting('a key with its private part, a use and operations', [
      { ...rsaPair.privateKey.export({ format: 'jwk' }), kid: 'one', use: 'sig', key_ops: ['verify'] },
    ]),
    [good('RS256', fine), good('PS256', rsaToken('PS256'))],
  ],
  [
    trusting(
      'keys without names',
      [withoutAlg(of('ES384')), withoutAlg(of('EdDSA'))].map((jwk) => ({ ...jwk, kid: undefined })),
    ),
    [
      good('ES384', of('ES384').token()),
      good('EdDSA', of('EdDSA').token()),
      bad('ES256', of('ES256').token()),
    ],
  ],
];

/** What weft refuses and Envoy takes: said in docs/envoy-differences.md. */
const STRICTER: ReadonlySet<string> = new Set([
  'RS256 of 1024 bits',
  'what must be understood',
  'ES384 with a P-256 key',
  'ES512 with a P-256 key',
]);

describe.skipIf(binary === undefined)('tokens', () => {
  let pair: GuardedPair;
  beforeAll(async () => {
    pair = (await startGuarded(sets.map(([mesh]) => mesh))) as GuardedPair;
  });
  afterAll(() => pair?.stop());

  const requestOf = ({ token, lines = [] }: TokenCase): string =>
    [
      'GET / HTTP/1.1',
      'Host: web',
      ...(lines.length === 0 ? [`Authorization: Bearer ${token}`] : lines),
      '',
      '',
    ].join('\r\n');
  const said = ({ status, headers }: Came): string => `${status} ${headers.get('www-authenticate') ?? ''}`;

  it.each(sets.map(([{ name }, cases], index) => ({ name, cases, index })))(
    '$name',
    async ({ cases, index }) => {
      const envoy = new LineClient(pair.port('envoy', index));
      const weft = new LineClient(pair.port('weft', index));
      const wrong: string[] = [];
      for (const one of cases) {
        const [e, w] = await Promise.all([envoy.ask(requestOf(one)), weft.ask(requestOf(one))]);
        const stricter = STRICTER.has(one.name) && w.status !== 200;
        if ((w.status === 200) !== one.good || (said(e) !== said(w) && !stricter))
          wrong.push(`${one.name}: ${one.good ? 'good' : 'bad'}; envoy ${said(e)}, weft ${said(w)}`);
      }
      envoy.close();
      weft.close();
      console.log(`${cases.length} tokens`);
      expect(wrong).toEqual([]);
    },
  );
});
