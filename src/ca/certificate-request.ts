// Reads a certificate request (PKCS#10) from a stranger: bounded, one PEM block, its signature proves that the sender
// holds the key, the key is strong enough.

import './reflect-metadata.ts';
import { createPublicKey } from 'node:crypto';
import { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } from '@peculiar/x509';
import { readDer } from '../wire/identity/der-reader.ts';

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

/** Reads and checks a request. */
export async function readCertificateRequest(pem: string): Promise<RequestResult> {
  if (pem.length > MAX_CSR_LENGTH) return bad(`is longer than ${MAX_CSR_LENGTH} characters`);
  const base64 = BLOCK.exec(pem)?.[1];
  if (base64 === undefined) return bad('is not one PEM block');
  try {
    const bytes = Uint8Array.from(Buffer.from(base64, 'base64'));
    readDer(bytes);
    const csr = new Pkcs10CertificateRequest(bytes, LIMITS);
    const publicKeyDer = new Uint8Array(csr.publicKey.rawData);
    const weakness = weaknessOf(publicKeyDer);
    if (weakness !== undefined) return { ok: false, code: 'weak_key', reason: weakness };
    if (!(await csr.verify())) return bad('is not signed by its own key');
    return { ok: true, request: { publicKeyDer, claimedUris: urisOf(csr) } };
  } catch {
    return bad('is no PKCS#10 that can be read');
  }
}

function urisOf(csr: Pkcs10CertificateRequest): readonly string[] {
  return csr.extensions
    .filter((extension) => extension instanceof SubjectAlternativeNameExtension)
    .flatMap((extension) => extension.names.items)
    .filter((name) => name.type === 'url')
    .map((name) => name.value);
}

function weaknessOf(publicKeyDer: Uint8Array): string | undefined {
  const key = createPublicKey({ key: Buffer.from(publicKeyDer), format: 'der', type: 'spki' });
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ed25519') return undefined;
  if (key.asymmetricKeyType === 'ec' && CURVES.has(namedCurve)) return undefined;
  if (key.asymmetricKeyType === 'rsa' && modulusLength >= 2048 && modulusLength <= 8192) return undefined;
  return 'the key of the request must be ECDSA P-256, P-384, P-521, RSA of 2048 to 8192 bits, or Ed25519';
}

function bad(what: string): RequestResult {
  return { ok: false, code: 'bad_request', reason: `the certificate request ${what}` };
}
