import type { StreamState } from './stream-state.ts';

// Streams by id, in place of a Map. V8 lays a Map that is filled and emptied in turns out anew every few entries, and each
// old layout keeps its entries and points at the next: once one of them is in the old generation, everything that ever was
// in the Map survives until the next full collection. Of what HTTP/2 requests allocated 60 % did (HTTP/1.1: 3 %), and
// pauses and memory with it (bench/RESULTS.md).

const FIRST_SLOTS = 16;

/** Open addressing, at most half full. Ids of one side count up in steps of two, so they seldom meet. */
export class StreamSlots {
  #slots: (StreamState | undefined)[] = new Array<StreamState | undefined>(FIRST_SLOTS).fill(undefined);
  #mask = FIRST_SLOTS - 1;
  size = 0;

  get(id: number): StreamState | undefined {
    return this.#slots[this.#find(id)];
  }

  /** A stream whose id is not in it. */
  add(stream: StreamState): void {
    if (++this.size * 2 > this.#slots.length) this.#grow();
    this.#slots[this.#find(stream.id)] = stream;
  }

  /** False: it was not in it. */
  remove(stream: StreamState): boolean {
    const slots = this.#slots;
    let hole = this.#find(stream.id);
    if (slots[hole] !== stream) return false;
    this.size--;
    // What lies behind the hole and belongs before it moves up, so that nothing is looked for in vain.
    for (let at = this.#after(hole); ; at = this.#after(at)) {
      const next = slots[at];
      if (next === undefined) break;
      const home = (next.id >> 1) & this.#mask;
      if (((at - home) & this.#mask) < ((at - hole) & this.#mask)) continue;
      slots[hole] = next;
      hole = at;
    }
    slots[hole] = undefined;
    return true;
  }

  /** A copy. */
  all(): StreamState[] {
    return this.#slots.filter((stream) => stream !== undefined);
  }

  /** The slot that has the id, or the one where it would be. */
  #find(id: number): number {
    const slots = this.#slots;
    let at = (id >> 1) & this.#mask;
    for (let stream = slots[at]; stream !== undefined && stream.id !== id; stream = slots[at])
      at = this.#after(at);
    return at;
  }

  #after(slot: number): number {
    return (slot + 1) & this.#mask;
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Array<StreamState | undefined>(before.length * 2).fill(undefined);
    this.#mask = this.#slots.length - 1;
    for (const stream of before) if (stream !== undefined) this.#slots[this.#find(stream.id)] = stream;
  }
}
