const SIZE = 624;
const MIDDLE = 397;

/** MT19937 (Matsumoto and Nishimura, 1998): the sequence of draws that data planes agree on for one seed. */
export class MersenneTwister {
  readonly #state = new Uint32Array(SIZE);
  #at = SIZE;

  constructor(seed: number) {
    const state = this.#state;
    state[0] = seed;
    for (let i = 1; i < SIZE; i++) {
      const before = state[i - 1] as number;
      state[i] = Math.imul(before ^ (before >>> 30), 1_812_433_253) + i;
    }
  }

  /** Uniform in [0, 2^32). */
  uint32(): number {
    if (this.#at === SIZE) this.#twist();
    let value = this.#state[this.#at++] as number;
    value ^= value >>> 11;
    value ^= (value << 7) & 0x9d2c5680;
    value ^= (value << 15) & 0xefc60000;
    return (value ^ (value >>> 18)) >>> 0;
  }

  /** Uniform whole number in [0, limit), without favouring small ones. */
  below(limit: number): number {
    const part = Math.floor(4_294_967_296 / limit);
    for (;;) {
      const drawn = Math.floor(this.uint32() / part);
      if (drawn < limit) return drawn;
    }
  }

  #twist(): void {
    const state = this.#state;
    for (let i = 0; i < SIZE; i++) {
      const mixed = ((state[i] as number) & 0x80000000) | ((state[(i + 1) % SIZE] as number) & 0x7fffffff);
      state[i] =
        (state[(i + MIDDLE) % SIZE] as number) ^ (mixed >>> 1) ^ ((mixed & 1) === 1 ? 0x9908b0df : 0);
    }
    this.#at = 0;
  }
}
