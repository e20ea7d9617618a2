// The names a certificate gives its holder (RFC 5280 §4.2.1.6), read from DER. In: a certificate that OpenSSL has
// already parsed and whose chain it has judged. Out: its names by kind. A certificate with a name that is not
// plain ASCII, or with two lists of names, has none at all: two readers could disagree on who it is.

import { formatIpAddress } from '../../lib/ip-address.ts';

/** Subject alternative names, in order. */
export interface SubjectAltNames {
  readonly uris: readonly string[];
  readonly dnsNames: readonly string[];
  /** Present where there are any, as the next. */
  readonly emails?: readonly string[];
  /** In their canonical text (RFC 5952). */
  readonly ipAddresses?: readonly string[];
}

const NONE: SubjectAltNames = { uris: [], dnsNames: [] };
const SEQUENCE = 0x30;
const OBJECT_ID = 0x06;
const OCTET_STRING = 0x04;
const EXTENSIONS = 0xa3;
const EMAIL_NAME = 0x81;
const DNS_NAME = 0x82;
const URI_NAME = 0x86;
const IP_ADDRESS = 0x87;
/** 2.5.29.17, subjectAltName. */
const SUBJECT_ALT_NAME = [0x55, 0x1d, 0x11];

/** The longest SPIFFE id (its specification §2.3); DNS names are shorter. */
const MAX_NAME_BYTES = 2048;

interface Element {
  readonly tag: number;
  readonly content: Uint8Array;
}

/** Names of a certificate in DER; none when there are none or the bytes are no certificate. Never throws. */
export function subjectAltNames(certificate: Uint8Array): SubjectAltNames {
  const outer = children(certificate)?.[0];
  const signed = outer?.tag === SEQUENCE ? children(outer.content)?.[0] : undefined;
  const wrapped = signed && children(signed.content)?.find((field) => field.tag === EXTENSIONS);
  const list = wrapped && children(wrapped.content)?.[0];
  const extensions = list && children(list.content);
  const found = (extensions ?? []).map(nameListOf).filter((names) => names !== undefined);
  return found.length === 1 ? readNames(found[0] as Uint8Array) : NONE;
}

/** The octets of a subjectAltName extension, undefined for other extensions. */
function nameListOf(extension: Element): Uint8Array | undefined {
  const fields = children(extension.content) ?? [];
  const id = fields[0];
  const value = fields.at(-1);
  if (id?.tag !== OBJECT_ID || value?.tag !== OCTET_STRING) return undefined;
  const isNames = id.content.length === 3 && SUBJECT_ALT_NAME.every((byte, i) => id.content[i] === byte);
  return isNames ? value.content : undefined;
}

function readNames(octets: Uint8Array): SubjectAltNames {
  const sequence = children(octets)?.[0];
  const names = sequence?.tag === SEQUENCE ? children(sequence.content) : undefined;
  const texts = new Map<number, string[]>([EMAIL_NAME, DNS_NAME, URI_NAME].map((tag) => [tag, []]));
  const ipAddresses: string[] = [];
  for (const { tag, content } of names ?? []) {
    if (tag === IP_ADDRESS && (content.length === 4 || content.length === 16))
      ipAddresses.push(formatIpAddress(content));
    const list = texts.get(tag);
    if (list === undefined) continue;
    if (content.length > MAX_NAME_BYTES || !content.every((byte) => byte > 0x20 && byte < 0x7f)) return NONE;
    list.push(String.fromCharCode(...content));
  }
  const emails = texts.get(EMAIL_NAME) ?? [];
  return {
    uris: texts.get(URI_NAME) ?? [],
    dnsNames: texts.get(DNS_NAME) ?? [],
    ...(emails.length === 0 ? {} : { emails }),
    ...(ipAddresses.length === 0 ? {} : { ipAddresses }),
  };
}

/** Certificates have few elements at each level; more than this is not one. */
const MAX_CHILDREN = 1024;

/** The elements that fill `bytes`, or undefined when they do not fill it exactly. */
function children(bytes: Uint8Array): Element[] | undefined {
  const elements: Element[] = [];
  let at = 0;
  while (at < bytes.length) {
    const header = readHeader(bytes, at);
    if (header === undefined || elements.length === MAX_CHILDREN) return undefined;
    const end = header.contentAt + header.length;
    if (end > bytes.length) return undefined;
    elements.push({ tag: bytes[at] as number, content: bytes.subarray(header.contentAt, end) });
    at = end;
  }
  return elements;
}

function readHeader(bytes: Uint8Array, at: number): { contentAt: number; length: number } | undefined {
  const first = bytes[at + 1];
  if (first === undefined) return undefined;
  if (first < 0x80) return { contentAt: at + 2, length: first };
  const count = first & 0x7f;
  if (count === 0 || count > 3 || at + 2 + count > bytes.length) return undefined;
  let length = 0;
  for (let i = 0; i < count; i++) length = (length << 8) | (bytes[at + 2 + i] as number);
  return { contentAt: at + 2 + count, length };
}
