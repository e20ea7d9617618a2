import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { makeTestCa, type TestCa } from '../testing/certificates.ts';
import { openssl, opensslMissing, temporaryFolder } from '../testing/openssl.ts';
import { readCertificateFields } from '../wire/identity/certificate-fields.ts';
import { makeKeyAndRequest } from '../wire/identity/csr.ts';
import { certificatesFromPem } from '../wire/identity/trust-bundle.ts';
import { MAX_CSR_LENGTH, readCertificateRequest } from './certificate-request.ts';
import { BACKDATE_MS } from './issuer.ts';
import { DEFAULT_LIFETIME, type LeafOrder, type SignResult, signLeaf } from './sign.ts';

const NOW = Date.UTC(2026, 5, 1);
const ID = 'spiffe://cluster.local/ns/default/sa/reviews';
const identity = { trustDomain: 'cluster.local', namespace: 'default', serviceAccount: 'reviews' };
const { csrPem } = makeKeyAndRequest(ID);

let ca: TestCa;

beforeAll(async () => {
  ca = await makeTestCa('cluster.local', { nowMs: NOW, intermediate: true });
});

describe('a signed leaf', () => {
  it('names the authenticated identity and nothing else', async () => {
    const leaf = await expectSigned({});
    expect(readCertificateFields(leaf.certificate.raw)).toMatchObject({ uris: [ID], isCa: false });
    expect(leaf.certificate.subjectAltName).toBe(`URI:${ID}`);
    expect(leaf.certificate.subject).toBe(undefined);
    expect(leaf.serialHex).toMatch(/^[4-7][0-9a-f]{31}$/);
    expect(leaf.certificate.serialNumber.toLowerCase()).toBe(leaf.serialHex);
  });

  it('comes with its chain: leaf, intermediates, roots last', async () => {
    const { chainPem, certificate } = await expectSigned({});
    expect(chainPem).toHaveLength(3);
    expect(chainPem[0]).toBe(certificate.toString());
    expect(certificatesFromPem(chainPem[1] ?? '').map((c) => c.fingerprint256)).toEqual([
      ca.issuer.certificate.fingerprint256,
    ]);
    expect(chainPem[2]).toBe(ca.rootsPem);
  });

  it('lives as long as asked, up to the maximum and the end of the CA', async () => {
    const policy = { defaultTtlS: 600, maxTtlS: 7200 };
    const lifetimeS = async (ttlS: number) =>
      ((await expectSigned({ ttlS }, policy)).notAfterMs - NOW) / 1000;
    expect(await lifetimeS(0)).toBe(600);
    expect(await lifetimeS(-1)).toBe(600);
    expect(await lifetimeS(10)).toBe(10);
    expect(await lifetimeS(100_000)).toBe(7200);
    const day = await expectSigned({});
    expect(day.notAfterMs - NOW).toBe(24 * 3_600_000);
    expect(NOW - day.notBeforeMs).toBe(BACKDATE_MS);
    const end = ca.issuer.notAfterMs;
    const late = await signLeaf(ca.authority, { csrPem, identity, ttlS: 0 }, DEFAULT_LIFETIME, end - 5000);
    expect(late.ok && late.leaf.notAfterMs).toBe(end);
    const tooLate = await signLeaf(ca.authority, { csrPem, identity, ttlS: 0 }, DEFAULT_LIFETIME, end);
    expect(tooLate).toMatchObject({ ok: false, code: 'ca_expired' });
  });

  it('has a serial number of its own', async () => {
    const leaves = await Promise.all(Array.from({ length: 10 }, () => expectSigned({})));
    expect(new Set(leaves.map((leaf) => leaf.serialHex)).size).toBe(10);
  });
});

describe('a request is refused', () => {
  it('when it names another identity, or another beside its own', async () => {
    for (const other of [
      'spiffe://cluster.local/ns/default/sa/ratings',
      'spiffe://other.example/ns/default/sa/reviews',
      `${ID}x`,
    ]) {
      const { csrPem } = makeKeyAndRequest(other);
      expect(await sign({ csrPem })).toMatchObject({ ok: false, code: 'other_identity' });
    }
  });

  it('when its signature was made by another key', async () => {
    const der = derOf(csrPem);
    der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
    expect(await sign({ csrPem: pemOf(der) })).toMatchObject({ ok: false, code: 'bad_request' });
  });

  it.each([
    ['empty', ''],
    ['no PEM', 'hello'],
    ['another kind of PEM', csrPem.replaceAll('CERTIFICATE REQUEST', 'CERTIFICATE')],
    ['two blocks', csrPem + csrPem],
    ['too long', csrPem + ' '.repeat(MAX_CSR_LENGTH)],
    ['bytes after the end', pemOf(Buffer.concat([derOf(csrPem), Buffer.from([0])]))],
    ['nested without end', pemOf(nested(4000))],
    [
      'a bare public key',
      pemOf(generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' })),
    ],
  ])('when it is malformed: %s', async (_, text) => {
    expect(await sign({ csrPem: text })).toMatchObject({ ok: false, code: 'bad_request' });
  });

  it('whatever bytes come, without an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(readCertificateRequest(pemOf(bytes)).ok).toBe(false);
      }),
    );
    const der = derOf(csrPem);
    const flip = fc.record({ at: fc.nat(der.length - 1), xor: fc.integer({ min: 1, max: 255 }) });
    fc.assert(
      fc.property(flip, ({ at, xor }) => {
        const changed = Uint8Array.from(der);
        changed[at] = (changed[at] ?? 0) ^ xor;
        expect(readCertificateRequest(pemOf(changed)).ok).toBe(false);
      }),
      { numRuns: 2000 },
    );
  });
});

describe.skipIf(opensslMissing !== undefined)('requests made by openssl', () => {
  it.each([
    ['RSA 2048', ['-newkey', 'rsa:2048'], true],
    ['RSA 1024', ['-newkey', 'rsa:1024'], 'weak_key'],
    ['ECDSA P-384', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'], true],
    ['ECDSA secp256k1', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1'], 'weak_key'],
    ['Ed25519', ['-newkey', 'ed25519'], true],
    [
      'another URI beside its own',
      ['-newkey', 'ed25519', '-addext', `subjectAltName=URI:${ID},URI:${ID}x`],
      'other_identity',
    ],
    [
      'names of hosts, which are not copied',
      ['-newkey', 'ed25519', '-addext', 'subjectAltName=DNS:a.example'],
      true,
    ],
    [
      'a wish to be a CA, which is not granted',
      ['-newkey', 'ed25519', '-addext', 'basicConstraints=CA:TRUE'],
      true,
    ],
  ] as const)('%s', async (_, args, expected) => {
    using folder = temporaryFolder();
    const subject = ['-subj', '/O=anything', '-keyout', join(folder.path, 'key.pem')];
    const made = openssl(['req', '-new', '-nodes', ...subject, ...args]);
    const pem = /-----BEGIN[\s\S]*-----END[^\n]*\n/.exec(made.text)?.[0] ?? '';
    const signed = await sign({ csrPem: pem });
    if (signed.ok)
      expect(readCertificateFields(signed.leaf.certificate.raw)).toMatchObject({ isCa: false, uris: [ID] });
    expect(signed.ok || signed.code).toBe(expected);
    if (signed.ok) expect(signed.leaf.certificate.subjectAltName).toBe(`URI:${ID}`);
  });
});

function sign(order: Partial<LeafOrder>, policy = DEFAULT_LIFETIME): Promise<SignResult> {
  return signLeaf(ca.authority, { csrPem, identity, ttlS: 0, ...order }, policy, NOW);
}

async function expectSigned(order: Partial<LeafOrder>, policy = DEFAULT_LIFETIME) {
  const signed = await sign(order, policy);
  if (!signed.ok) throw new Error(signed.reason);
  return signed.leaf;
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
}

function pemOf(der: Uint8Array): string {
  const base64 = Buffer.from(der).toString('base64');
  return `-----BEGIN CERTIFICATE REQUEST-----\n${base64}\n-----END CERTIFICATE REQUEST-----\n`;
}

/** SEQUENCE in SEQUENCE in SEQUENCE... */
function nested(depth: number): Buffer {
  let bytes = Buffer.alloc(0);
  for (let i = 0; i < depth && bytes.length < 10_000; i++) {
    const { length } = bytes;
    const head =
      length < 128
        ? [0x30, length]
        : length < 256
          ? [0x30, 0x81, length]
          : [0x30, 0x82, length >> 8, length & 255];
    bytes = Buffer.concat([Buffer.from(head), bytes]);
  }
  return bytes;
}
