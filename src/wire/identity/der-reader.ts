// Reads DER (X.690) strictly: definite, shortest lengths inside their parent, nothing after the end. It reads what
// strangers send, so every answer is an element inside the given bytes, or a DerError.

/** The bytes are not DER, or not of the shape the caller expects. */
export class DerError extends Error {
  readonly code = 'bad_der';
}

/** One element: its tag, its content, and its whole bytes; both are views into the input. */
export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly whole: Uint8Array;
}

/** More elements in one SEQUENCE than this is refused; certificates have fewer than 50. */
export const MAX_DER_ELEMENTS = 1024;

/** The one element that makes up all of `bytes`. */
export function readDer(bytes: Uint8Array): DerElement {
  const element = elementAt(bytes, 0);
  if (element.whole.length !== bytes.length) throw new DerError('bytes follow the element');
  return element;
}

/** The elements one after another in `bytes`, which is usually the content of a SEQUENCE or SET. */
export function readDerList(bytes: Uint8Array): readonly DerElement[] {
  const elements: DerElement[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (elements.length >= MAX_DER_ELEMENTS) throw new DerError('too many elements');
    const element = elementAt(bytes, at);
    elements.push(element);
    at += element.whole.length;
  }
  return elements;
}

/** Checks the tag of an element that must be there. */
export function expectDer(element: DerElement | undefined, tag: number): DerElement {
  if (element?.tag !== tag) throw new DerError(`expected tag ${tag}, found ${element?.tag ?? 'nothing'}`);
  return element;
}

/** Dotted text of the content of an OBJECT IDENTIFIER. */
export function derOidText(content: Uint8Array): string {
  const arcs: number[] = [];
  let arc = 0;
  for (const [i, byte] of content.entries()) {
    if (arc === 0 && byte === 0x80) throw new DerError('an arc of the object identifier is padded');
    arc = arc * 128 + (byte & 0x7f);
    if (arc > Number.MAX_SAFE_INTEGER / 128)
      throw new DerError('an arc of the object identifier is too large');
    if (byte >= 0x80) {
      if (i === content.length - 1) throw new DerError('the object identifier is cut off');
      continue;
    }
    arcs.push(arc);
    arc = 0;
  }
  const [first, ...rest] = arcs;
  if (first === undefined) throw new DerError('the object identifier is empty');
  const root = Math.min(2, Math.floor(first / 40));
  return [root, first - root * 40, ...rest].join('.');
}

/** BOOLEAN content: DER knows just 0x00 and 0xff. */
export function derBoolean(content: Uint8Array): boolean {
  if (content.length !== 1 || (content[0] !== 0 && content[0] !== 0xff)) throw new DerError('bad boolean');
  return content[0] === 0xff;
}

/** INTEGER content from 0 to 2^31 - 1. */
export function derUint(content: Uint8Array): number {
  const [first = 0xff, second = 0] = content;
  const padded = first === 0 && content.length > 1 && second < 0x80;
  if (content.length === 0 || content.length > 4 || first >= 0x80 || padded)
    throw new DerError('bad integer');
  return content.reduce((value, byte) => value * 256 + byte, 0);
}

function elementAt(bytes: Uint8Array, at: number): DerElement {
  const tag = bytes[at];
  if (tag === undefined) throw new DerError('the element is cut off');
  if ((tag & 0x1f) === 0x1f) throw new DerError('tags of several bytes are not used in certificates');
  const { length, size } = lengthAt(bytes, at + 1);
  const start = at + 1 + size;
  if (length > bytes.length - start) throw new DerError('the element is cut off');
  return { tag, content: bytes.subarray(start, start + length), whole: bytes.subarray(at, start + length) };
}

function lengthAt(bytes: Uint8Array, at: number): { length: number; size: number } {
  const first = bytes[at];
  if (first === undefined) throw new DerError('the length is cut off');
  if (first < 0x80) return { length: first, size: 1 };
  const count = first & 0x7f;
  if (count === 0 || count > 4) throw new DerError('the length is indefinite or too large');
  let length = 0;
  for (let i = 1; i <= count; i++) {
    const byte = bytes[at + i];
    if (byte === undefined) throw new DerError('the length is cut off');
    length = length * 256 + byte;
  }
  if (length < 0x80 || length < 256 ** (count - 1)) throw new DerError('the length is not the shortest');
  return { length, size: 1 + count };
}
