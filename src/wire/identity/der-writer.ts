// DER, the encoding of keys and certificates (X.690): just the types that a certificate request needs.
// Every function returns one whole element: tag, length, content.

/** Tags used here (X.690 8.1.2); 0x20 marks a constructed element. */
export const DER_TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Tag, shortest definite length, content. */
export function der(tag: number, ...content: readonly Uint8Array[]): Buffer {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(length)]), ...content]);
}

/** SEQUENCE of the given elements. */
export function derSequence(...elements: readonly Uint8Array[]): Buffer {
  return der(DER_TAG.sequence, ...elements);
}

/** SET of the given elements; the caller gives them in DER order (one element needs none). */
export function derSet(...elements: readonly Uint8Array[]): Buffer {
  return der(DER_TAG.set, ...elements);
}

/** INTEGER from 0 to 127, which is all that version numbers need. */
export function derSmallInteger(value: number): Buffer {
  if (!Number.isInteger(value) || value < 0 || value > 127) throw new RangeError('not a small integer');
  return der(DER_TAG.integer, Buffer.from([value]));
}

/** BIT STRING without unused bits. */
export function derBitString(bytes: Uint8Array): Buffer {
  return der(DER_TAG.bitString, Buffer.from([0]), bytes);
}

/** OBJECT IDENTIFIER from dotted text. */
export function derOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const arcs = [first * 40 + second, ...rest];
  return der(DER_TAG.oid, Buffer.from(arcs.flatMap(base128)));
}

function base128(arc: number): number[] {
  const digits = [arc & 0x7f];
  for (let left = Math.floor(arc / 128); left > 0; left = Math.floor(left / 128)) {
    digits.unshift((left & 0x7f) | 0x80);
  }
  return digits;
}

function lengthBytes(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 256)) bytes.unshift(left & 0xff);
  return [0x80 | bytes.length, ...bytes];
}
