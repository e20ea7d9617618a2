// Domain names on the wire (RFC 1035 §3.1, §4.1.4): labels with lengths, the rest possibly a pointer to an earlier
// name. Pointers are followed backwards only, each to before where the last one began, so that every walk ends.

const MAX_LABEL_BYTES = 63;
/** With lengths and the root's zero (RFC 1035 §2.3.4). */
const MAX_NAME_BYTES = 255;

/** A compressed name needs one; a longer chain only costs time. */
const MAX_POINTERS = 32;

/** A name and the position after it. */
export interface ReadName {
  /** Lower case, dots between labels, no dot at the end. A dot, backslash or unprintable byte is written \DDD. */
  readonly name: string;
  readonly end: number;
}

/** Reads the name at `from`; undefined when it is broken, runs out of the message, or points before `lowest`. */
export function readName(message: Uint8Array, from: number, lowest = 0): ReadName | undefined {
  const labels: string[] = [];
  let at = from;
  let runStart = from;
  let end = -1;
  let bytes = 1;
  let pointers = 0;
  for (;;) {
    const length = message[at];
    if (length === undefined) return undefined;
    if (length === 0) return { name: labels.join('.'), end: end < 0 ? at + 1 : end };
    if (length >= 0xc0) {
      const low = message[at + 1];
      const target = ((length & 0x3f) << 8) | (low ?? 0);
      if (low === undefined || target < lowest || target >= runStart || ++pointers > MAX_POINTERS)
        return undefined;
      if (end < 0) end = at + 2;
      at = target;
      runStart = target;
      continue;
    }
    bytes += 1 + length;
    if (length > MAX_LABEL_BYTES || bytes > MAX_NAME_BYTES || at + 1 + length > message.length)
      return undefined;
    labels.push(labelText(message.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
}

function labelText(label: Uint8Array): string {
  let text = '';
  for (const byte of label) {
    const isPlain = byte > 32 && byte < 127 && byte !== 46 && byte !== 92;
    text += isPlain ? String.fromCharCode(byte) : `\\${String(byte).padStart(3, '0')}`;
  }
  return text.toLowerCase();
}

/** Whether a text can be written as a name: labels of 1 to 63 plain ASCII characters, 255 bytes in all; '' is the root. */
export function isWritableName(name: string): boolean {
  if (name === '') return true;
  if (name.length + 2 > MAX_NAME_BYTES || !/^[!-[\]-~]+$/.test(name)) return false;
  return name.split('.').every((label) => label.length >= 1 && label.length <= MAX_LABEL_BYTES);
}

/** Pointers reach no further. */
const MAX_POINTER = 0x3fff;

/** Writes a message front to back, each name as short as earlier ones allow. */
export class MessageWriter {
  readonly #bytes: number[];
  readonly #suffixes = new Map<string, number>();

  constructor(start: Iterable<number>) {
    this.#bytes = [...start];
  }

  get length(): number {
    return this.#bytes.length;
  }

  finish(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  /** Forgets everything from `length` on: a record that did not fit. */
  truncate(length: number): void {
    this.#bytes.length = length;
    for (const [suffix, at] of this.#suffixes) if (at >= length) this.#suffixes.delete(suffix);
  }

  uint8(value: number): void {
    this.#bytes.push(value & 255);
  }
  uint16(value: number): void {
    this.#bytes.push((value >> 8) & 255, value & 255);
  }
  uint32(value: number): void {
    this.uint16(value >>> 16);
    this.uint16(value);
  }
  raw(bytes: Iterable<number>): void {
    this.#bytes.push(...bytes);
  }
  setUint16(at: number, value: number): void {
    this.#bytes[at] = (value >> 8) & 255;
    this.#bytes[at + 1] = value & 255;
  }

  /** Remembers that the name at `at` was written by somebody else (the question). */
  remember(name: string, at: number): void {
    let offset = at;
    for (let rest = name; rest !== ''; rest = afterFirstLabel(rest)) {
      if (!this.#suffixes.has(rest)) this.#suffixes.set(rest, offset);
      offset += 1 + (rest.length - afterFirstLabel(rest).length - (rest.includes('.') ? 1 : 0));
    }
  }

  /** Writes a name (see isWritableName). SRV targets are written whole: RFC 2782 forbids compression there. */
  name(name: string, mayCompress = true): void {
    for (let rest = name; rest !== ''; rest = afterFirstLabel(rest)) {
      const key = rest.toLowerCase();
      const known = mayCompress ? this.#suffixes.get(key) : undefined;
      if (known !== undefined) {
        this.uint16(0xc000 | known);
        return;
      }
      if (this.length <= MAX_POINTER && !this.#suffixes.has(key)) this.#suffixes.set(key, this.length);
      const label = rest.split('.', 1)[0] as string;
      this.uint8(label.length);
      for (let i = 0; i < label.length; i++) this.uint8(label.charCodeAt(i));
    }
    this.uint8(0);
  }
}

function afterFirstLabel(name: string): string {
  const dot = name.indexOf('.');
  return dot < 0 ? '' : name.slice(dot + 1);
}
