import { ENTRY_OVERHEAD_BYTES, TABLE_BYTES } from './decode-table.ts';
import { STATIC_COUNT } from './static-table.ts';

const SLOTS = TABLE_BYTES / ENTRY_OVERHEAD_BYTES;

/** Entries of one name that are found again; older ones stay in the table unused until they fall out. */
const RECENT_PER_NAME = 4;

/** An entry of the encoder's dynamic table, or one that fell out of it. */
export interface Entry {
  readonly value: string;
  /** Counts up with every entry ever added. */
  readonly id: number;
  readonly owner: RecentEntries;
  readonly bytes: number;
}

/** Where an entry is found: the newest of one name, oldest first. */
export interface RecentEntries {
  readonly recent: Entry[];
}

/** The encoder's dynamic table: what the decoder on the other side holds. */
export class EncodeTable {
  readonly #entries: (Entry | undefined)[] = new Array<Entry | undefined>(SLOTS).fill(undefined);
  #nextId = 0;
  #oldestId = 0;
  #bytes = 0;
  #maxBytes = TABLE_BYTES;

  get maxBytes(): number {
    return this.#maxBytes;
  }

  /** The index on the wire. */
  indexOf(entry: Entry): number {
    return STATIC_COUNT + this.#nextId - entry.id;
  }

  /** Adds a field to the table, unless it would fill more than half of it: false, and nothing has changed. */
  add(owner: RecentEntries, nameLength: number, value: string): boolean {
    const bytes = nameLength + value.length + ENTRY_OVERHEAD_BYTES;
    if (bytes * 2 > this.#maxBytes) return false;
    this.#evictUntil(this.#maxBytes - bytes);
    const entry: Entry = { value, id: this.#nextId, owner, bytes };
    this.#entries[this.#nextId++ & (SLOTS - 1)] = entry;
    this.#bytes += bytes;
    if (owner.recent.push(entry) > RECENT_PER_NAME) owner.recent.shift();
    return true;
  }

  /** The size for the decoder on the other side, at most TABLE_BYTES. */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes;
    this.#evictUntil(maxBytes);
  }

  #evictUntil(targetBytes: number): void {
    while (this.#bytes > targetBytes && this.#oldestId < this.#nextId) {
      const slot = this.#oldestId++ & (SLOTS - 1);
      const entry = this.#entries[slot] as Entry;
      this.#entries[slot] = undefined;
      this.#bytes -= entry.bytes;
      if (entry.owner.recent[0] === entry) entry.owner.recent.shift();
    }
  }
}
