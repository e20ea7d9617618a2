import { kindOfField, kindOfName } from '../field-kind.ts';
import { Http2Error } from '../http2-error.ts';
import { ERROR_CODE } from '../protocol.ts';
import { DecodeTable, TABLE_BYTES } from './decode-table.ts';
import { huffmanDecode } from './huffman.ts';
import { STATIC_COUNT, STATIC_NAMES, STATIC_VALUES } from './static-table.ts';

/** Who takes the decoded fields, in order. */
export interface FieldSink {
  /** Names and values are latin1. `kind` is one of FIELD, with INVALID added where characters are wrong. */
  onField(name: string, value: string, kind: number): void;
}

/** Integers of more than 28 bits name nothing that could exist (RFC 7541 §5.1 asks for such a limit). */
const MAX_INTEGER_SHIFT = 21;

const STATIC_NAME_KINDS = Uint8Array.from(STATIC_NAMES, kindOfName);
const STATIC_KINDS = Uint8Array.from(STATIC_VALUES, (value, i) =>
  kindOfField(STATIC_NAME_KINDS[i] as number, value, true),
);

/** The decompressing side of one connection (RFC 7541). After it threw, the connection cannot go on. */
export class HpackDecoder {
  readonly #table = new DecodeTable();
  #scratch: Buffer = Buffer.allocUnsafeSlow(512);
  #bytes: Buffer = this.#scratch;
  #at = 0;
  #end = 0;
  /** Whether the string read last may stand in a value. */
  #clean = true;

  /** Decodes one whole header block, bytes[start, end). Throws Http2Error (COMPRESSION_ERROR) where it is broken. */
  decode(bytes: Buffer, start: number, end: number, sink: FieldSink): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    if (start === end) return;
    let first = this.#octet();
    while ((first & 0xe0) === 0x20) {
      this.#resize(this.#integer(first, 0x1f));
      if (this.#at === end) return;
      first = this.#octet();
    }
    for (;;) {
      if ((first & 0x80) !== 0) this.#indexed(this.#integer(first, 0x7f), sink);
      else if ((first & 0x40) !== 0) this.#literal(this.#integer(first, 0x3f), true, sink);
      else if ((first & 0x20) !== 0) throw broken('a table size update after the first field');
      else this.#literal(this.#integer(first, 0x0f), false, sink);
      if (this.#at === end) return;
      first = this.#octet();
    }
  }

  #resize(maxBytes: number): void {
    if (maxBytes > TABLE_BYTES) throw broken('a table size above the announced one');
    this.#table.resize(maxBytes);
  }

  #indexed(index: number, sink: FieldSink): void {
    if (index > STATIC_COUNT) {
      const slot = this.#slot(index);
      sink.onField(this.#table.nameAt(slot), this.#table.valueAt(slot), this.#table.kindAt(slot));
    } else {
      if (index === 0) throw broken('index 0');
      sink.onField(
        STATIC_NAMES[index] as string,
        STATIC_VALUES[index] as string,
        STATIC_KINDS[index] as number,
      );
    }
  }

  #literal(nameIndex: number, remember: boolean, sink: FieldSink): void {
    let name: string;
    let nameKind: number;
    if (nameIndex > STATIC_COUNT) {
      const slot = this.#slot(nameIndex);
      name = this.#table.nameAt(slot);
      nameKind = this.#table.nameKindAt(slot);
    } else if (nameIndex > 0) {
      name = STATIC_NAMES[nameIndex] as string;
      nameKind = STATIC_NAME_KINDS[nameIndex] as number;
    } else {
      name = this.#string();
      nameKind = kindOfName(name);
    }
    const value = this.#string();
    const kind = kindOfField(nameKind, value, this.#clean);
    if (remember) this.#table.add(name, nameKind, value, kind);
    sink.onField(name, value, kind);
  }

  #slot(index: number): number {
    const age = index - STATIC_COUNT - 1;
    if (age >= this.#table.count) throw broken(`index ${index}, which stands for nothing`);
    return this.#table.slotOf(age);
  }

  #octet(): number {
    if (this.#at >= this.#end) throw broken('a field that is cut off');
    return this.#bytes[this.#at++] as number;
  }

  #integer(first: number, mask: number): number {
    let value = first & mask;
    if (value < mask) return value;
    for (let shift = 0; shift <= MAX_INTEGER_SHIFT; shift += 7) {
      const octet = this.#octet();
      value += (octet & 0x7f) << shift;
      if (octet < 0x80) return value;
    }
    throw broken('an integer without an end');
  }

  #string(): string {
    const first = this.#octet();
    const length = this.#integer(first, 0x7f);
    const start = this.#at;
    const end = start + length;
    if (end > this.#end) throw broken('a string that is cut off');
    this.#at = end;
    if (length === 0) {
      this.#clean = true;
      return '';
    }
    if ((first & 0x80) === 0) return this.#text(this.#bytes, start, end);
    if (length * 8 > this.#scratch.length * 5) this.#scratch = Buffer.allocUnsafeSlow(length * 2);
    const decoded = huffmanDecode(this.#bytes, start, end, this.#scratch);
    if (decoded < 0) throw broken('a Huffman code that is none');
    return this.#text(this.#scratch, 0, decoded);
  }

  #text(bytes: Buffer, start: number, end: number): string {
    this.#clean = isClean(bytes, start, end);
    return bytes.toString('latin1', start, end);
  }
}

/** No control character but tab (RFC 9110 §5.5), which has NUL, CR and LF in it; no space or tab at the ends (RFC 9113 §8.2.1). */
function isClean(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const octet = bytes[i] as number;
    if (octet < 32 ? octet !== 9 : octet === 127) return false;
  }
  return start === end || !(isBlank(bytes[start] as number) || isBlank(bytes[end - 1] as number));
}

function isBlank(octet: number): boolean {
  return octet === 32 || octet === 9;
}

function broken(what: string): Http2Error {
  return new Http2Error(ERROR_CODE.COMPRESSION_ERROR, `A header block holds ${what}.`);
}
