// Room for outgoing bytes. All connections of a thread carve from one slab and hold a piece of it only from the first
// write of a turn to its flush, so an idle connection holds none, and no byte is written twice.

const SLAB_BYTES = 64 * 1024;
/** What a connection takes first; it grows in place while nobody else has taken the bytes behind it. */
const LEASE_BYTES = 2048;
const NOTHING = Buffer.alloc(0);

interface Slab {
  readonly buffer: Buffer;
  /** Bytes before this are taken. */
  next: number;
}

let slab: Slab = { buffer: NOTHING, next: 0 };

/** Bytes that one connection has gathered since the last take(). */
export class Output {
  /** Where bytes may be written directly, from `at`, after reserve(). */
  buffer: Buffer = NOTHING;
  at = 0;
  #start = 0;
  #end = 0;
  #parts: Buffer[] = [];
  #partBytes = 0;

  /** Bytes gathered. */
  get length(): number {
    return this.#partBytes + this.at - this.#start;
  }

  /** Makes sure that `bytes` can be written at buffer[at]. */
  reserve(bytes: number): void {
    if (this.at + bytes > this.#end) this.#grow(bytes);
  }

  /** Adds bytes by reference; their owner does not change them any more. */
  push(bytes: Buffer): void {
    this.#closePart();
    this.#parts.push(bytes);
    this.#partBytes += bytes.length;
  }

  /** Everything gathered, in order; the room that was left goes back. */
  take(): Buffer[] {
    this.#closePart();
    if (slab.buffer === this.buffer && slab.next === this.#end) slab.next = this.at;
    this.buffer = NOTHING;
    this.at = 0;
    this.#start = 0;
    this.#end = 0;
    const parts = this.#parts;
    this.#parts = [];
    this.#partBytes = 0;
    return parts;
  }

  #closePart(): void {
    if (this.at === this.#start) return;
    this.#partBytes += this.at - this.#start;
    this.#parts.push(this.buffer.subarray(this.#start, this.at));
    this.#start = this.at;
  }

  #grow(bytes: number): void {
    const end = this.at + Math.max(bytes, LEASE_BYTES);
    if (slab.buffer === this.buffer && slab.next === this.#end && end <= slab.buffer.length) {
      this.#end = end;
      slab.next = end;
      return;
    }
    this.#closePart();
    this.#lease(Math.max(bytes, LEASE_BYTES));
  }

  #lease(bytes: number): void {
    if (slab.next + bytes > slab.buffer.length)
      slab = { buffer: Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, bytes)), next: 0 };
    this.buffer = slab.buffer;
    this.at = slab.next;
    this.#start = slab.next;
    slab.next += bytes;
    this.#end = slab.next;
  }
}
