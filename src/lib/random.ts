// Randomness comes in by parameter: the same seed gives the same mesh. None of this is for keys or tokens.

/** A source of numbers that nobody should guess secrets from. */
export interface Random {
  /** Uniform in [0, 1), 32 bits of it. */
  next(): number;
  /** Uniform whole number in [0, 2^32). */
  uint32(): number;
  /** Uniform whole number in [0, limit); `limit` from 1 to 2^32. */
  below(limit: number): number;
}

/** Seeded by the machine; fast, not cryptographic. */
export const systemRandom: Random = randomFrom(() => Math.floor(Math.random() * 4_294_967_296));

/** The same seed (any number) gives the same sequence, on every machine. sfc32 of PractRand, by Chris Doty-Humphrey. */
export function seededRandom(seed: number): Random {
  let a = 0x9e3779b9;
  let b = seed | 0;
  let c = Math.floor(seed / 4_294_967_296) | 0;
  let counter = 1;
  const uint32 = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) uint32(); // nearby seeds differ only after the state has mixed
  return randomFrom(uint32);
}

function randomFrom(uint32: () => number): Random {
  return {
    uint32,
    next: () => uint32() / 4_294_967_296,
    below: (limit) => Math.floor((uint32() / 4_294_967_296) * limit),
  };
}
