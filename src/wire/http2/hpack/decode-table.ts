/** The dynamic table's size before, and in weft always: nobody is told another HEADER_TABLE_SIZE (RFC 7541 §4.2). */
export const TABLE_BYTES = 4096;

/** What RFC 7541 §4.1 adds to every entry; so a table holds at most 128 entries. */
export const ENTRY_OVERHEAD_BYTES = 32;

const SLOTS = TABLE_BYTES / ENTRY_OVERHEAD_BYTES;

/** The decoder's dynamic table: a ring of parallel columns, newest at `#next - 1`. */
export class DecodeTable {
  readonly #names: string[] = new Array<string>(SLOTS).fill('');
  readonly #values: string[] = new Array<string>(SLOTS).fill('');
  readonly #nameKinds = new Uint8Array(SLOTS);
  readonly #kinds = new Uint8Array(SLOTS);
  #next = 0;
  #count = 0;
  #bytes = 0;
  #maxBytes = TABLE_BYTES;

  get count(): number {
    return this.#count;
  }

  /** Slot of an entry, `age` 0 being the newest; only for age < count. */
  slotOf(age: number): number {
    return (this.#next - 1 - age) & (SLOTS - 1);
  }

  nameAt(slot: number): string {
    return this.#names[slot] as string;
  }

  valueAt(slot: number): string {
    return this.#values[slot] as string;
  }

  nameKindAt(slot: number): number {
    return this.#nameKinds[slot] as number;
  }

  kindAt(slot: number): number {
    return this.#kinds[slot] as number;
  }

  /** Adds an entry after making room; one larger than the table empties it (RFC 7541 §4.4). */
  add(name: string, nameKind: number, value: string, kind: number): void {
    const bytes = name.length + value.length + ENTRY_OVERHEAD_BYTES;
    this.#evictUntil(this.#maxBytes - bytes);
    if (bytes > this.#maxBytes) return;
    const slot = this.#next;
    this.#names[slot] = name;
    this.#values[slot] = value;
    this.#nameKinds[slot] = nameKind;
    this.#kinds[slot] = kind;
    this.#next = (slot + 1) & (SLOTS - 1);
    this.#count++;
    this.#bytes += bytes;
  }

  /** The encoder on the other side announces another size, at most TABLE_BYTES. */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#evictUntil(maxBytes);
  }

  #evictUntil(targetBytes: number): void {
    while (this.#bytes > targetBytes && this.#count > 0) {
      const slot = this.slotOf(--this.#count);
      this.#bytes -= this.nameAt(slot).length + this.valueAt(slot).length + ENTRY_OVERHEAD_BYTES;
      this.#names[slot] = '';
      this.#values[slot] = '';
    }
  }
}
