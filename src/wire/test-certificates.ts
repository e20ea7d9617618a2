import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';

// Certificates for the tests of this folder: an authority of their own, leaves with SPIFFE ids, written in DER by
// hand, because this folder may not know the CA's. Never shipped.

/** PEM texts of a certificate and its key. */
export interface TestCertificate {
  readonly chainPem: string;
  readonly privateKeyPem: string;
}

/** Names of a leaf. */
export interface TestNames {
  readonly uris?: readonly string[];
  readonly dnsNames?: readonly string[];
}

/** An authority that signs leaves. */
export interface TestAuthority {
  readonly rootPem: string;
  /** A leaf valid from `fromMs` to `toMs` relative to now; from a minute ago for an hour unless told. */
  issue(names: TestNames, fromMs?: number, toMs?: number): TestCertificate;
}

/** A fresh root. */
export function createTestAuthority(): TestAuthority {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const isAuthority = extension('551d13', der(0x30, der(0x01, Buffer.from([0xff]))));
  const root = certificate('root', keys.publicKey, keys.privateKey, [isAuthority], -60_000, 3_600_000);
  return {
    rootPem: pem('CERTIFICATE', root),
    issue(names, fromMs = -60_000, toMs = 3_600_000) {
      const leaf = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const extensions = [extension('551d11', der(0x30, ...generalNames(names)))];
      const bytes = certificate('leaf', leaf.publicKey, keys.privateKey, extensions, fromMs, toMs);
      const privateKeyPem = leaf.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
      return { chainPem: pem('CERTIFICATE', bytes), privateKeyPem };
    },
  };
}

/** The DER bytes inside a PEM text. */
export function derOf(pemText: string): Buffer {
  return Buffer.from(pemText.replace(/-----[^-]+-----/g, ''), 'base64');
}

function generalNames(names: TestNames): Buffer[] {
  return [
    ...(names.uris ?? []).map((uri) => der(0x86, Buffer.from(uri, 'latin1'))),
    ...(names.dnsNames ?? []).map((name) => der(0x82, Buffer.from(name, 'latin1'))),
  ];
}

let serial = 1;

/** RFC 5280 §4.1, version 3, ECDSA with SHA-256; the issuer is always CN=root. */
function certificate(
  subject: string,
  publicKey: KeyObject,
  signer: KeyObject,
  extensions: readonly Buffer[],
  fromMs: number,
  toMs: number,
): Buffer {
  const algorithm = der(0x30, oid('2a8648ce3d040302'));
  const signed = der(
    0x30,
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([serial++ & 0x7f])),
    algorithm,
    commonName('root'),
    der(0x30, time(fromMs), time(toMs)),
    commonName(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(0x30, ...extensions)),
  );
  const signature = sign('sha256', signed, signer);
  return der(0x30, signed, algorithm, der(0x03, Buffer.from([0]), signature));
}

function commonName(name: string): Buffer {
  return der(0x30, der(0x31, der(0x30, oid('550403'), der(0x0c, Buffer.from(name)))));
}

function extension(id: string, value: Buffer): Buffer {
  return der(0x30, oid(id), der(0x04, value));
}

function time(offsetMs: number): Buffer {
  const digits = new Date(Date.now() + offsetMs).toISOString().replace(/[-:T]/g, '').slice(0, 14);
  return der(0x18, Buffer.from(`${digits}Z`));
}

function oid(hex: string): Buffer {
  return der(0x06, Buffer.from(hex, 'hex'));
}

function der(tag: number, ...contents: Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  const length = content.length;
  const header = length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(header), content]);
}

function pem(label: string, bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
