/**
 * Writes protobuf messages field by field, for the few whose definitions are not generated. A message within a message
 * is written by a writer of its own.
 */
export class ProtobufWriter {
  readonly #parts: Uint8Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** A varint field: enums, unsigned numbers up to 2^53. */
  uint(field: number, value: number): void {
    this.#varint(field * 8);
    this.#varint(value);
  }

  fixed64(field: number, value: bigint): void {
    this.#varint(field * 8 + 1);
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value, true);
    this.#add(bytes);
  }

  bytes(field: number, value: Uint8Array): void {
    this.#varint(field * 8 + 2);
    this.#varint(value.length);
    this.#add(value);
  }

  string(field: number, value: string): void {
    this.bytes(field, encoder.encode(value));
  }

  message(field: number, write: (writer: ProtobufWriter) => void): void {
    const inner = new ProtobufWriter();
    write(inner);
    this.#varint(field * 8 + 2);
    this.#varint(inner.#length);
    for (const part of inner.#parts) this.#add(part);
  }

  finish(): Uint8Array {
    const all = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  #varint(value: number): void {
    const bytes: number[] = [];
    let rest = value;
    while (rest >= 128) {
      bytes.push((rest % 128) | 128);
      rest = Math.floor(rest / 128);
    }
    bytes.push(rest);
    this.#add(Uint8Array.from(bytes));
  }

  #add(bytes: Uint8Array): void {
    this.#parts.push(bytes);
    this.#length += bytes.length;
  }
}

const encoder = new TextEncoder();
