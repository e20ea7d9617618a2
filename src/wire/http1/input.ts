import { giveBack } from '../lent-bytes.ts';

const EMPTY = Buffer.alloc(0);
const LF = 10;
const CR = 13;

/** The bytes a parser has and has not used: bytes[at..]. Copies only when a piece of syntax was cut by a packet. */
export class Input {
  bytes: Buffer = EMPTY;
  at = 0;
  /** How many of them were handed on. */
  #taken = 0;
  /** How many unused bytes were already searched for the end of a head or of trailers. */
  #searched = 0;

  /** Unused bytes. */
  get held(): number {
    return this.bytes.length - this.at;
  }

  /** Adds bytes behind what is held; false when that would be more than `maxHeldBytes`. */
  append(more: Buffer, maxHeldBytes: number): boolean {
    const held = this.held;
    if (held > 0 && held + more.length > maxHeldBytes) return false;
    this.bytes = held === 0 ? more : Buffer.concat([this.bytes.subarray(this.at), more]);
    this.at = 0;
    this.#taken = 0;
    return true;
  }

  /** The unused byte at `offset`, undefined past the end. */
  byte(offset: number): number | undefined {
    return this.bytes[this.at + offset];
  }

  skip(count: number): void {
    this.at += count;
  }

  /** Uses `count` bytes: a view, or the very buffer that was fed where it is all of it. */
  take(count: number): Buffer {
    const from = this.at;
    this.at += count;
    this.#taken += count;
    return from === 0 && count === this.bytes.length ? this.bytes : this.bytes.subarray(from, from + count);
  }

  /** A head or trailers ended at `end`. */
  scanned(end: number): void {
    this.at = end;
    this.#searched = 0;
  }

  /** A head or trailers need more bytes. */
  scanLater(): false {
    this.#searched = this.held;
    return false;
  }

  /**
   * Whether scanning again can tell more than last time: an empty line came, or a line end that is wrong, or enough
   * bytes for any limit. Keeps the cost of a head that arrives byte by byte linear.
   */
  isWorthScanning(maxHeadBytes: number): boolean {
    if (this.#searched === 0 || this.held >= maxHeadBytes) return true;
    const { bytes, at } = this;
    for (let lf = bytes.indexOf(LF, at + this.#searched); lf >= 0; lf = bytes.indexOf(LF, lf + 1)) {
      if (lf === at || bytes[lf - 1] !== CR || lf - 1 === at || bytes[lf - 2] === LF) return true;
    }
    return this.scanLater();
  }

  /** Lets go of a buffer that is used up, so that an idle connection keeps none alive. */
  release(): void {
    if (this.held > 0) return;
    giveBack(this.bytes, this.bytes.length - this.#taken);
    this.clear();
  }

  clear(): void {
    this.bytes = EMPTY;
    this.at = 0;
    this.#taken = 0;
    this.#searched = 0;
  }
}
