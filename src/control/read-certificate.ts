import { createHash, X509Certificate } from 'node:crypto';
import type { Certificate, ReadCertificate } from './explain/certificate.ts';

const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----/g;

/** Certificates as explanations need them. */
export const readCertificate: ReadCertificate = (pem) => {
  const own = certificates(pem)[0];
  if (own === undefined) return undefined;
  const key = own.publicKey.export({ type: 'spki', format: 'der' });
  return {
    names: namesOf(own),
    hash: createHash('sha256').update(own.raw).digest('hex'),
    keyHash: createHash('sha256').update(key).digest('base64'),
    keyType: own.publicKey.asymmetricKeyType === 'rsa' ? 'rsa' : 'ec',
    issuedBy: (authorities) =>
      certificates(authorities).some(
        (authority) => own.checkIssued(authority) && own.verify(authority.publicKey),
      ),
    revokedBy: (list) => blocks(list).some((bytes) => bytes.includes(integer(own.serialNumber))),
  };
};

function certificates(pem: string): readonly X509Certificate[] {
  return blocks(pem).flatMap((bytes) => {
    try {
      return [new X509Certificate(bytes)];
    } catch {
      return [];
    }
  });
}

function blocks(pem: string): readonly Buffer[] {
  return [...pem.matchAll(BLOCK)].map(([, , body = '']) => Buffer.from(body, 'base64'));
}

/** A serial number as revocation lists hold it: an INTEGER of DER, which is never negative. */
function integer(hex: string): Buffer {
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
  const value = (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
  return Buffer.concat([Buffer.of(0x02, value.length), value]);
}

const TYPES = { DNS: 'DNS', URI: 'URI', email: 'EMAIL', 'IP Address': 'IP_ADDRESS' } as const;

/** `DNS:a.example, URI:spiffe://...`, as Node writes them. */
function namesOf({ subjectAltName = '' }: X509Certificate): Certificate['names'] {
  return subjectAltName.split(', ').flatMap((entry) => {
    const at = entry.indexOf(':');
    const type = TYPES[entry.slice(0, at) as keyof typeof TYPES];
    return type === undefined ? [] : [{ type, name: entry.slice(at + 1) }];
  });
}
