import { type Hash64, Word64 } from './hash64.ts';

// MurmurHash2 with 64 bits as the GNU C++ library hashes texts (`std::hash`): what ring hash offers beside xxHash64 for
// rings that were made long ago.

const FACTOR = [0xc6a4a793, 0x5bd1e995] as const;
const SEED = 0xc70f6907;
const sum = new Word64();
const piece = new Word64();

/** Of a text's UTF-8 bytes. */
export function murmurHash64(text: string): Hash64 {
  const bytes = new TextEncoder().encode(text);
  const whole = bytes.length & ~7;
  sum.set(0, bytes.length);
  sum.multiply(FACTOR[0], FACTOR[1]);
  sum.xor(0, SEED);
  for (let at = 0; at < whole; at += 8) {
    read(bytes, at, 8);
    piece.multiply(FACTOR[0], FACTOR[1]);
    piece.xorShiftedRight(47);
    piece.multiply(FACTOR[0], FACTOR[1]);
    mix();
  }
  if (whole < bytes.length) {
    read(bytes, whole, bytes.length - whole);
    mix();
  }
  sum.xorShiftedRight(47);
  sum.multiply(FACTOR[0], FACTOR[1]);
  sum.xorShiftedRight(47);
  return sum.value();
}

function mix(): void {
  sum.xor(piece.hi, piece.lo);
  sum.multiply(FACTOR[0], FACTOR[1]);
}

/** Up to eight bytes, the first one lowest. */
function read(bytes: Uint8Array, at: number, count: number): void {
  let hi = 0;
  let lo = 0;
  for (let i = 0; i < count; i++) {
    const byte = bytes[at + i] as number;
    if (i < 4) lo |= byte << (8 * i);
    else hi |= byte << (8 * (i - 4));
  }
  piece.set(hi, lo);
}
