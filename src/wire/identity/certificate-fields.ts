// The fields of an X.509 certificate (RFC 5280) that decide about trust and that node:crypto does not offer: key
// usage bits, path length, each alternative name by its kind, critical extensions we do not know. Everything else
// (signature, public key, names) is left to node:crypto.

import {
  type DerElement,
  DerError,
  derBoolean,
  derOidText,
  derUint,
  expectDer,
  readDer,
  readDerList,
} from './der-reader.ts';
import { DER_TAG } from './der-writer.ts';

/** What a certificate says about its use. */
export interface CertificateFields {
  /** Dotted object identifier. */
  readonly signatureAlgorithm: string;
  /** Wall time in milliseconds since 1970, both inclusive. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly isCa: boolean;
  /** Number of intermediates allowed below; absent is unlimited. */
  readonly pathLength?: number;
  /** Absent when the extension is. */
  readonly keyUsage?: readonly KeyUsage[];
  /** Dotted object identifiers; absent when the extension is. */
  readonly extendedKeyUsage?: readonly string[];
  /** URI names, in order, as they stand. */
  readonly uris: readonly string[];
  /** Extensions that must be understood and are not; their object identifiers. */
  readonly unknownCritical: readonly string[];
}

/** Bits of the key usage extension, RFC 5280 4.2.1.3, in their order. */
export const KEY_USAGES = [
  'digitalSignature',
  'nonRepudiation',
  'keyEncipherment',
  'dataEncipherment',
  'keyAgreement',
  'keyCertSign',
  'cRLSign',
  'encipherOnly',
  'decipherOnly',
] as const;
export type KeyUsage = (typeof KEY_USAGES)[number];

const OID_KEY_USAGE = '2.5.29.15';
const OID_SUBJECT_ALT_NAME = '2.5.29.17';
const OID_BASIC_CONSTRAINTS = '2.5.29.19';
const OID_EXTENDED_KEY_USAGE = '2.5.29.37';
const TAG_VERSION = 0xa0;
const TAG_EXTENSIONS = 0xa3;
const TAG_URI = 0x86;
const TAG_UTC_TIME = 0x17;
const TAG_GENERALIZED_TIME = 0x18;

/** Reads the DER of one certificate. Throws DerError when it is malformed or an extension appears twice. */
export function readCertificateFields(certificate: Uint8Array): CertificateFields {
  const [tbs] = readDerList(expectDer(readDer(certificate), DER_TAG.sequence).content);
  const fields = readDerList(expectDer(tbs, DER_TAG.sequence).content);
  const afterVersion = fields[0]?.tag === TAG_VERSION ? fields.slice(1) : fields;
  const [, algorithm, , validity] = afterVersion;
  const [algorithmOid] = readDerList(expectDer(algorithm, DER_TAG.sequence).content);
  const [notBefore, notAfter] = readDerList(expectDer(validity, DER_TAG.sequence).content);
  return {
    signatureAlgorithm: derOidText(expectDer(algorithmOid, DER_TAG.oid).content),
    notBeforeMs: readTimeMs(notBefore),
    notAfterMs: readTimeMs(notAfter),
    ...readExtensions(afterVersion.find((field) => field.tag === TAG_EXTENSIONS)),
  };
}

type ExtensionFields = Omit<CertificateFields, 'signatureAlgorithm' | 'notBeforeMs' | 'notAfterMs'>;

function readExtensions(wrapper: DerElement | undefined): ExtensionFields {
  let found: ExtensionFields = { isCa: false, uris: [], unknownCritical: [] };
  if (wrapper === undefined) return found;
  const seen = new Set<string>();
  for (const extension of readDerList(expectDer(readDer(wrapper.content), DER_TAG.sequence).content)) {
    const { oid, critical, value } = readExtension(extension);
    if (seen.has(oid)) throw new DerError(`extension ${oid} appears twice`);
    seen.add(oid);
    const fields = readKnownExtension(oid, value);
    if (fields !== undefined) found = { ...found, ...fields };
    else if (critical) found = { ...found, unknownCritical: [...found.unknownCritical, oid] };
  }
  return found;
}

function readExtension(element: DerElement): { oid: string; critical: boolean; value: Uint8Array } {
  const parts = readDerList(expectDer(element, DER_TAG.sequence).content);
  if (parts.length > 3) throw new DerError('an extension has too many parts');
  const oid = derOidText(expectDer(parts[0], DER_TAG.oid).content);
  const critical = parts.length === 3 && derBoolean(expectDer(parts[1], DER_TAG.boolean).content);
  return { oid, critical, value: expectDer(parts.at(-1), DER_TAG.octetString).content };
}

function readKnownExtension(oid: string, value: Uint8Array): Partial<ExtensionFields> | undefined {
  switch (oid) {
    case OID_BASIC_CONSTRAINTS:
      return readBasicConstraints(value);
    case OID_KEY_USAGE:
      return { keyUsage: readKeyUsage(value) };
    case OID_EXTENDED_KEY_USAGE:
      return {
        extendedKeyUsage: listIn(value).map((usage) => derOidText(expectDer(usage, DER_TAG.oid).content)),
      };
    case OID_SUBJECT_ALT_NAME:
      return {
        uris: listIn(value)
          .filter((name) => name.tag === TAG_URI)
          .map(asciiText),
      };
    default:
      return undefined;
  }
}

function readBasicConstraints(value: Uint8Array): Partial<ExtensionFields> {
  const parts = [...listIn(value)];
  const isCa = parts[0]?.tag === DER_TAG.boolean && derBoolean(parts.shift()?.content ?? new Uint8Array());
  const [pathLength] = parts;
  if (pathLength === undefined) return { isCa };
  return { isCa, pathLength: derUint(expectDer(pathLength, DER_TAG.integer).content) };
}

function readKeyUsage(value: Uint8Array): readonly KeyUsage[] {
  const [unused = 8, ...bytes] = expectDer(readDer(value), DER_TAG.bitString).content;
  if (unused > 7) throw new DerError('bad bit string');
  return KEY_USAGES.filter((_, bit) => (((bytes[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1) === 1);
}

function listIn(value: Uint8Array): readonly DerElement[] {
  return readDerList(expectDer(readDer(value), DER_TAG.sequence).content);
}

/** A name of type IA5String. Bytes above 0x7f would read differently elsewhere. */
function asciiText(name: DerElement): string {
  if (name.content.some((byte) => byte > 0x7f)) throw new DerError('a name is not ASCII');
  return Buffer.from(name.content).toString('latin1');
}

/** UTCTime `yymmddhhmmssZ` (years 1950 to 2049) or GeneralizedTime `yyyymmddhhmmssZ`, RFC 5280 4.1.2.5. */
function readTimeMs(element: DerElement | undefined): number {
  const text = Buffer.from(element?.content ?? []).toString('latin1');
  if (element?.tag === TAG_UTC_TIME && /^\d{12}Z$/.test(text)) {
    return timeMs(`${Number(text.slice(0, 2)) >= 50 ? '19' : '20'}${text}`);
  }
  if (element?.tag === TAG_GENERALIZED_TIME && /^\d{14}Z$/.test(text)) return timeMs(text);
  throw new DerError('bad time');
}

function timeMs(text: string): number {
  const iso = text.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  const ms = Date.parse(iso);
  if (Number.isNaN(ms)) throw new DerError('bad time');
  return ms;
}
