// Reads a certificate request (PKCS#10) from a stranger: bounded, one PEM block, its signature proves that the sender
// holds the key, the key is strong enough.

import './reflect-metadata.ts';
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } from '@peculiar/x509';
import { DerError, derOidText, expectDer, readDer, readDerList } from '../wire/identity/der-reader.ts';
import { DER_TAG } from '../wire/identity/der-writer.ts';

/** What is taken from a request: the key, and the URIs it claims, only to compare them. */
export interface ReadRequest {
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKeyDer: Uint8Array;
  readonly claimedUris: readonly string[];
}

export type RequestResult =
  | { readonly ok: true; readonly request: ReadRequest }
  | { readonly ok: false; readonly code: 'bad_request' | 'weak_key'; readonly reason: string };

/** Longest request, in characters of PEM; one with an RSA key of 4096 bits has 1,700. */
export const MAX_CSR_LENGTH = 16_384;

const BLOCK =
  /^\s*-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----([A-Za-z0-9+/=\s]+)-----END (?:NEW )?CERTIFICATE REQUEST-----\s*$/;
const CURVES = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const LIMITS = { berOptions: { maxDepth: 32, maxNodes: 2048, maxContentLength: MAX_CSR_LENGTH } };

/** Digest of each signature algorithm accepted (RFC 5758, 4055, 8410); Ed25519 has its own. */
const DIGESTS: ReadonlyMap<string, string | null> = new Map([
  ['1.2.840.10045.4.3.2', 'sha256'],
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
  ['1.2.840.113549.1.1.11', 'sha256'],
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
  ['1.3.101.112', null],
]);

/** Reads and checks a request. */
export function readCertificateRequest(pem: string): RequestResult {
  if (pem.length > MAX_CSR_LENGTH) return bad(`is longer than ${MAX_CSR_LENGTH} characters`);
  const base64 = BLOCK.exec(pem)?.[1];
  if (base64 === undefined) return bad('is not one PEM block');
  try {
    const bytes = Uint8Array.from(Buffer.from(base64, 'base64'));
    const envelope = readEnvelope(bytes);
    const csr = new Pkcs10CertificateRequest(bytes, LIMITS);
    const publicKeyDer = new Uint8Array(csr.publicKey.rawData);
    const key = createPublicKey({ key: Buffer.from(publicKeyDer), format: 'der', type: 'spki' });
    const weakness = weaknessOf(key);
    if (weakness !== undefined) return { ok: false, code: 'weak_key', reason: weakness };
    if (!isSignedBy(key, envelope)) return bad('is not signed by its own key');
    return { ok: true, request: { publicKeyDer, claimedUris: urisOf(csr) } };
  } catch {
    return bad('is no PKCS#10 that can be read');
  }
}

/** The outermost of a request: what is signed, how, and the signature. */
interface Envelope {
  readonly signed: Uint8Array;
  readonly algorithm: string;
  readonly signature: Uint8Array;
}

/** Read strictly here: the library takes any BER, in which one request has many spellings. */
function readEnvelope(bytes: Uint8Array): Envelope {
  const [signed, algorithm, signature, ...more] = readDerList(
    expectDer(readDer(bytes), DER_TAG.sequence).content,
  );
  const [oid] = readDerList(expectDer(algorithm, DER_TAG.sequence).content);
  const [unusedBits, ...signatureBytes] = expectDer(signature, DER_TAG.bitString).content;
  if (more.length > 0 || unusedBits !== 0) throw new DerError('not the frame of a request');
  return {
    signed: expectDer(signed, DER_TAG.sequence).whole,
    algorithm: derOidText(expectDer(oid, DER_TAG.oid).content),
    signature: Uint8Array.from(signatureBytes),
  };
}

function isSignedBy(key: KeyObject, { signed, algorithm, signature }: Envelope): boolean {
  const digest = DIGESTS.get(algorithm);
  return digest !== undefined && verify(digest, signed, key, signature);
}

function urisOf(csr: Pkcs10CertificateRequest): readonly string[] {
  return csr.extensions
    .filter((extension) => extension instanceof SubjectAlternativeNameExtension)
    .flatMap((extension) => extension.names.items)
    .filter((name) => name.type === 'url')
    .map((name) => name.value);
}

function weaknessOf(key: KeyObject): string | undefined {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ed25519') return undefined;
  if (key.asymmetricKeyType === 'ec' && CURVES.has(namedCurve)) return undefined;
  if (key.asymmetricKeyType === 'rsa' && modulusLength >= 2048 && modulusLength <= 8192) return undefined;
  return 'the key of the request must be ECDSA P-256, P-384, P-521, RSA of 2048 to 8192 bits, or Ed25519';
}

function bad(what: string): RequestResult {
  return { ok: false, code: 'bad_request', reason: `the certificate request ${what}` };
}
