// A workload's key and its certificate request (PKCS#10, RFC 2986). The key is made here and stays in the process;
// only the request travels. The subject is empty: the identity is the one URI in the subject alternative name.

import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { DER_TAG, der, derBitString, derOid, derSequence, derSet, derSmallInteger } from './der-writer.ts';
import { parseSpiffeId } from './spiffe.ts';

/** A new key with the request for its certificate. `privateKeyPem` (PKCS#8) is secret. */
export interface KeyAndRequest {
  readonly privateKeyPem: string;
  readonly csrPem: string;
}

const OID_EXTENSION_REQUEST = '1.2.840.113549.1.9.14';
const OID_SUBJECT_ALT_NAME = '2.5.29.17';
const OID_ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const TAG_URI = 0x86;
const TAG_ATTRIBUTES = 0xa0;

/** A new ECDSA P-256 key and a request that names `spiffeId`. Takes about 0.1 ms. Throws RangeError on a bad id. */
export function makeKeyAndRequest(spiffeId: string): KeyAndRequest {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    privateKeyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    csrPem: makeCsr(privateKey, publicKey, spiffeId),
  };
}

/** The request for an ECDSA P-256 key pair as PEM; for renewal with a kept key. Throws RangeError on a bad id. */
export function makeCsr(privateKey: KeyObject, publicKey: KeyObject, spiffeId: string): string {
  const parsed = parseSpiffeId(spiffeId);
  if (!parsed.ok) throw new RangeError(parsed.reason);
  if (privateKey.asymmetricKeyDetails?.namedCurve !== 'prime256v1') {
    throw new RangeError('a certificate request is made for ECDSA P-256 keys only');
  }
  const subject = derSequence();
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const requestInfo = derSequence(derSmallInteger(0), subject, spki, attributes(spiffeId));
  const signature = sign('sha256', requestInfo, privateKey);
  return toPem(
    'CERTIFICATE REQUEST',
    derSequence(requestInfo, derSequence(derOid(OID_ECDSA_WITH_SHA256)), derBitString(signature)),
  );
}

/** PEM (RFC 7468) of one DER element. */
export function toPem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

function attributes(uri: string): Buffer {
  const names = derSequence(der(TAG_URI, Buffer.from(uri, 'ascii')));
  // With an empty subject the names are the only identity, so RFC 5280 4.2.1.6 wants the extension critical.
  const critical = der(DER_TAG.boolean, Buffer.from([0xff]));
  const extension = derSequence(derOid(OID_SUBJECT_ALT_NAME), critical, der(DER_TAG.octetString, names));
  const request = derSequence(derOid(OID_EXTENSION_REQUEST), derSet(derSequence(extension)));
  return der(TAG_ATTRIBUTES, request);
}
