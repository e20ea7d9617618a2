import { createHmac } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ServiceError } from '@grpc/grpc-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../lib/clock.ts';
import { type CertificateOrder, createCertificate } from '../testing/ca-client.ts';
import { makeTestCa, makeTestLeaf, makeWrongLeaf, openTestCa, WRONG_KINDS } from '../testing/certificates.ts';
import { openssl, opensslMissing, temporaryFolder } from '../testing/openssl.ts';
import { GRPC_CODE } from '../wire/grpc/status.ts';
import { readCertificateFields } from '../wire/identity/certificate-fields.ts';
import { makeKeyAndRequest } from '../wire/identity/csr.ts';
import { certificatesFromPem } from '../wire/identity/trust-bundle.ts';
import { createJoinToken } from './join-tokens.ts';
import { type CaOptions, type RunningCa, runCa } from './main.ts';
import { DEFAULT_LIMITS } from './service.ts';
import { openTokenIssuer, type TokenIssuer } from './token-issuer.ts';

// Who stands before the CA's port with what is stolen, forged, old or too much. Nobody gets a certificate, nobody learns
// why more than one sentence, and nothing secret is in the log.

const ID = 'spiffe://cluster.local/ns/default/sa/reviews';
const { UNAUTHENTICATED, PERMISSION_DENIED, INVALID_ARGUMENT, RESOURCE_EXHAUSTED } = GRPC_CODE;

const folder = temporaryFolder();
const keyDir = join(folder.path, 'ca');
const log: string[] = [];
const options: CaOptions = {
  trustDomain: 'cluster.local',
  keyDir,
  tokenJwksFile: join(folder.path, 'jwks.json'),
  tokenIssuer: 'https://weft.local',
  host: '127.0.0.1',
  port: 0,
  clock: systemClock,
  random: Math.random,
  log: (line) => log.push(line),
};
let tokens: TokenIssuer;
let ca: RunningCa;

beforeAll(async () => {
  tokens = await openTokenIssuer(join(folder.path, 'tokens'), Date.now);
  writeFileSync(join(folder.path, 'jwks.json'), tokens.jwks);
  ca = await runCa({ ...options, tokenIssuer: issuerOf(await makeToken()) });
});

afterAll(async () => {
  await ca.close();
  folder[Symbol.dispose]();
});

/** `issued`, or the status that the call was refused with. */
async function ask(order: Partial<CertificateOrder>): Promise<'issued' | number> {
  const csr = order.csr ?? makeKeyAndRequest(ID).csrPem;
  try {
    await createCertificate({ port: ca.port, rootsPem: ca.rootsPem, ...order, csr });
    return 'issued';
  } catch (error) {
    const { code, details } = error as ServiceError;
    expect(details).not.toMatch(/PRIVATE|BEGIN|eyJ|weft-join\./);
    return code;
  }
}

function makeToken(changes: object = {}): Promise<string> {
  const order = { namespace: 'default', serviceAccount: 'reviews', pod: 'reviews-1', audience: 'istio-ca' };
  return tokens.issueToken({ ...order, ttlSeconds: 600, ...changes });
}

describe('A token', () => {
  it('of its owner is good', async () => {
    expect(await ask({ token: await makeToken() })).toBe('issued');
  });

  it('that was made for somebody else, is over, or is of another issuer gives nothing', async () => {
    expect(await ask({ token: await makeToken({ audience: 'vault' }) })).toBe(UNAUTHENTICATED);
    const stranger = await openTokenIssuer(join(folder.path, 'stranger'), Date.now);
    const order = { namespace: 'default', serviceAccount: 'reviews', pod: 'a', audience: 'istio-ca' };
    expect(await ask({ token: await stranger.issueToken({ ...order, ttlSeconds: 600 }) })).toBe(
      UNAUTHENTICATED,
    );
    const past = await openTokenIssuer(join(folder.path, 'tokens'), () => Date.now() - 7_200_000);
    expect(await ask({ token: await past.issueToken({ ...order, ttlSeconds: 600 }) })).toBe(UNAUTHENTICATED);
  });

  it('of another namespace or account gives no identity but its own', async () => {
    for (const changes of [{ namespace: 'shop' }, { serviceAccount: 'ratings' }])
      expect(await ask({ token: await makeToken(changes) })).toBe(PERMISSION_DENIED);
  });

  it('with another header is not believed: none, HS256 with the public key, a key of its own', async () => {
    const [, payload = ''] = (await makeToken()).split('.');
    const jwk = (JSON.parse(tokens.jwks) as { keys: { kid: string }[] }).keys[0];
    const forged = (header: object, sign: (text: string) => string): string => {
      const text = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}`;
      return `${text}.${sign(text)}`;
    };
    const kid = jwk?.kid;
    for (const alg of ['none', 'None', 'HS256', 'HS512', 'ES256', 'RS256']) {
      expect(await ask({ token: forged({ alg, kid }, () => '') })).toBe(UNAUTHENTICATED);
      for (const secret of [tokens.jwks, JSON.stringify(jwk)]) {
        const hmac = (text: string) => createHmac('sha256', secret).update(text).digest('base64url');
        expect(await ask({ token: forged({ alg, kid, jwk }, hmac) })).toBe(UNAUTHENTICATED);
      }
    }
    for (const path of ['../../../dev/null', '/etc/passwd', 'http://169.254.169.254/'])
      expect(
        await ask({ token: forged({ alg: 'ES256', kid: path, jku: path, x5u: path }, () => 'AA') }),
      ).toBe(UNAUTHENTICATED);
  });

  it('that is huge is refused unread', async () => {
    // Beyond what a header may have it is HTTP/2 that says no.
    expect(await ask({ token: `ey${'A'.repeat(12_000)}` })).toBe(UNAUTHENTICATED);
    expect(await ask({ token: `ey${'A'.repeat(200_000)}` })).not.toBe('issued');
    expect(await ask({ token: await makeToken() })).toBe('issued');
  });
});

describe('A one-time token', () => {
  const order = { namespace: 'default', workload: 'vm-1', serviceAccount: 'reviews', ttlS: 60 };
  const make = (): Promise<string> => createJoinToken(keyDir, order, Date.now());

  it('shown by many at once gives one certificate', async () => {
    const token = await make();
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask({ token })));
    expect(answers.filter((answer) => answer === 'issued')).toHaveLength(1);
    expect(new Set(answers)).toEqual(new Set(['issued', UNAUTHENTICATED]));
  });

  it('is used up for ever: a CA that starts again, or beside this one, does not take it either', async () => {
    const token = await make();
    expect(await ask({ token })).toBe('issued');
    const unused = await make();
    const before = ca;
    ca = await runCa({ ...options, tokenIssuer: undefined });
    try {
      expect(await ask({ token })).toBe(UNAUTHENTICATED);
      expect(await ask({ token: unused })).toBe('issued');
    } finally {
      await ca.close();
      ca = before;
    }
    expect(await ask({ token: unused })).toBe(UNAUTHENTICATED);
  });

  it('gives no other identity, is gone all the same, and opens no other CA', async () => {
    const token = await make();
    const other = makeKeyAndRequest('spiffe://cluster.local/ns/default/sa/ratings').csrPem;
    expect(await ask({ token, csr: other })).toBe(PERMISSION_DENIED);
    expect(await ask({ token })).toBe(UNAUTHENTICATED);
    const foreign = await createJoinToken(join(folder.path, 'another-ca'), order, Date.now());
    expect(await ask({ token: foreign })).toBe(UNAUTHENTICATED);
  });
});

describe('A certificate', () => {
  it.each(WRONG_KINDS)('that is wrong renews nothing: %s', async (kind) => {
    const mine = await openTestCa(keyDir);
    const own = await makeWrongLeaf(mine, kind, 'default', 'reviews');
    expect(await ask({ own })).toBe(UNAUTHENTICATED);
  });

  it('of another CA, or of another workload, renews nothing; the own one does', async () => {
    const mine = await openTestCa(keyDir);
    expect(await ask({ own: await makeTestLeaf(mine, 'default', 'reviews') })).toBe('issued');
    expect(await ask({ own: await makeTestLeaf(mine, 'default', 'ratings') })).toBe(PERMISSION_DENIED);
    expect(await ask({ own: await makeTestLeaf(await makeTestCa(), 'default', 'reviews') })).toBe(
      UNAUTHENTICATED,
    );
    expect(await ask({})).toBe(UNAUTHENTICATED);
  });
});

describe.skipIf(opensslMissing !== undefined)('A request', () => {
  const made = (...args: readonly string[]): string => {
    const subject = ['-subj', '/CN=admin', '-keyout', join(folder.path, 'attack.key')];
    const { text } = openssl(['req', '-new', '-nodes', ...subject, ...args]);
    return /-----BEGIN CERTIFICATE REQ[\s\S]*-----END[^\n]*\n/.exec(text)?.[0] ?? '';
  };
  const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];

  it.each([
    [
      'another identity',
      [...EC, '-addext', 'subjectAltName=URI:spiffe://cluster.local/ns/kube-system/sa/admin'],
      PERMISSION_DENIED,
    ],
    [
      'a second identity',
      [...EC, '-addext', `subjectAltName=URI:${ID},URI:spiffe://cluster.local/ns/a/sa/b`],
      PERMISSION_DENIED,
    ],
    [
      'another trust domain',
      [...EC, '-addext', 'subjectAltName=URI:spiffe://other.example/ns/default/sa/reviews'],
      PERMISSION_DENIED,
    ],
    [
      'an identity in other letters',
      [...EC, '-addext', `subjectAltName=URI:${ID.replace('spiffe', 'SPIFFE')}`],
      PERMISSION_DENIED,
    ],
    ['a key of RSA 1024', ['-newkey', 'rsa:1024'], INVALID_ARGUMENT],
    [
      'a key on another curve',
      ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1'],
      INVALID_ARGUMENT,
    ],
    ['a signature by MD5', ['-newkey', 'rsa:2048', '-md5'], INVALID_ARGUMENT],
    [
      'names without end',
      [
        ...EC,
        '-addext',
        `subjectAltName=${Array.from({ length: 1200 }, (_, i) => `DNS:${i}.example`).join()}`,
      ],
      INVALID_ARGUMENT,
    ],
  ] as const)('for or with %s is refused', async (_, args, status) => {
    expect(await ask({ token: await makeToken(), csr: made(...args) })).toBe(status);
  });

  it('for names of hosts, addresses, mail, or to be a CA gets the own identity and nothing of that', async () => {
    const names = 'subjectAltName=DNS:bank.example,DNS:*.svc,IP:10.0.0.1,email:root@bank.example';
    const csr = made(
      ...EC,
      '-addext',
      names,
      '-addext',
      'basicConstraints=critical,CA:TRUE',
      '-addext',
      'keyUsage=keyCertSign',
    );
    const chain = await createCertificate({
      port: ca.port,
      rootsPem: ca.rootsPem,
      csr,
      token: await makeToken(),
    });
    const [leaf] = certificatesFromPem(chain[0] ?? '');
    expect(leaf?.subjectAltName).toBe(`URI:${ID}`);
    expect(leaf?.subject ?? '').toBe('');
    expect(readCertificateFields(leaf!.raw)).toMatchObject({
      isCa: false,
      keyUsage: ['digitalSignature', 'keyEncipherment'],
    });
  });

  it('whose signature is of another key, that is cut, or is giant is refused', async () => {
    const csr = made(...EC);
    const flipped = csr.replace(/.(?=[^\n]{0,3}={0,2}\n-----END)/, (char) => (char === 'A' ? 'B' : 'A'));
    expect(flipped).not.toBe(csr);
    for (const bad of [
      flipped,
      csr.slice(0, 200),
      `${csr}${csr}`,
      `${csr}${' '.repeat(17_000)}`,
      'x'.repeat(40_000),
    ])
      expect(await ask({ token: await makeToken(), csr: bad })).toBeOneOf([
        INVALID_ARGUMENT,
        RESOURCE_EXHAUSTED,
      ]);
  });
});

describe('Too much', () => {
  it('is refused to one workload while another is served', async () => {
    const greedy = await makeToken({ serviceAccount: 'greedy', pod: 'greedy-1' });
    const csr = makeKeyAndRequest('spiffe://cluster.local/ns/default/sa/greedy').csrPem;
    // As many at once as a minute allows, and what comes on top: the minute goes on meanwhile.
    const answers = new Set<'issued' | number>();
    for (let i = 0; i < 20 && !answers.has(RESOURCE_EXHAUSTED); i++) {
      const some = Array.from({ length: DEFAULT_LIMITS.certificatesPerWorkload / 4 }, () =>
        ask({ token: greedy, csr }),
      );
      for (const answer of await Promise.all(some)) answers.add(answer);
    }
    expect(answers).toEqual(new Set(['issued', RESOURCE_EXHAUSTED]));
    expect(await ask({ token: await makeToken() })).toBe('issued');
  }, 60_000);

  it('leaves a line for each refusal and no secret in the log', () => {
    const refused = log.filter((line) => line.includes('"event":"certificate_refused"'));
    expect(refused.some((line) => line.includes('"code":"too_many_certificates"'))).toBe(true);
    expect(log.filter((line) => /PRIVATE|BEGIN|eyJ|weft-join\./.test(line))).toEqual([]);
  });
});

function issuerOf(token: string): string {
  const payload = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString();
  return (JSON.parse(payload) as { iss: string }).iss;
}
