import { type Hash64, Word64 } from './hash64.ts';

// xxHash64 (https://github.com/Cyan4973/xxHash, doc/xxhash_spec.md): the hash that consistent balancers of every data
// plane agree on.

const P1 = [0x9e3779b1, 0x85ebca87] as const;
const P2 = [0xc2b2ae3d, 0x27d4eb4f] as const;
const P3 = [0x165667b1, 0x9e3779f9] as const;
const P4 = [0x85ebca77, 0xc2b2ae63] as const;
const P5 = [0x27d4eb2f, 0x165667c5] as const;

const lanes = [new Word64(), new Word64(), new Word64(), new Word64()] as const;
const sum = new Word64();
const piece = new Word64();

/** Longer texts get a buffer of their own. */
const SCRATCH_BYTES = 4096;
const scratch = new Uint8Array(SCRATCH_BYTES);

/** Of bytes, or of a text whose characters are bytes, as header values are. `seed`: a whole number in [0, 2^32). */
export function xxHash64(input: string | Uint8Array, seed = 0): Hash64 {
  if (typeof input !== 'string') return hashBytes(input, input.length, seed);
  const bytes = input.length > SCRATCH_BYTES ? new Uint8Array(input.length) : scratch;
  for (let i = 0; i < input.length; i++) bytes[i] = input.charCodeAt(i);
  return hashBytes(bytes, input.length, seed);
}

function hashBytes(bytes: Uint8Array, length: number, seed: number): Hash64 {
  let at = 0;
  if (length >= 32) {
    startLanes(seed);
    for (; at + 32 <= length; at += 32)
      for (let lane = 0; lane < 4; lane++) {
        const word = lanes[lane] as Word64;
        round(word, read32(bytes, at + lane * 8 + 4), read32(bytes, at + lane * 8));
      }
    joinLanes();
  } else {
    sum.set(0, seed);
    sum.add(P5[0], P5[1]);
  }
  sum.add(0, length);
  return finish(bytes, at, length);
}

function startLanes(seed: number): void {
  for (const lane of lanes) lane.set(0, seed);
  lanes[0].add(P1[0], P1[1]);
  lanes[0].add(P2[0], P2[1]);
  lanes[1].add(P2[0], P2[1]);
  // Minus P1: plus its complement of two.
  lanes[3].add(~P1[0], -P1[1]);
}

function joinLanes(): void {
  const turns = [1, 7, 12, 18] as const;
  sum.set(0, 0);
  for (const [i, lane] of lanes.entries()) {
    piece.set(lane.hi, lane.lo);
    piece.rotateLeft(turns[i] as number);
    sum.add(piece.hi, piece.lo);
  }
  for (const lane of lanes) {
    piece.set(0, 0);
    round(piece, lane.hi, lane.lo);
    sum.xor(piece.hi, piece.lo);
    sum.multiply(P1[0], P1[1]);
    sum.add(P4[0], P4[1]);
  }
}

function round(word: Word64, hi: number, lo: number): void {
  const { hi: beforeHi, lo: beforeLo } = word;
  word.set(hi, lo);
  word.multiply(P2[0], P2[1]);
  word.add(beforeHi, beforeLo);
  word.rotateLeft(31);
  word.multiply(P1[0], P1[1]);
}

/** The bytes that fill no stripe of 32, then the last mixing. */
function finish(bytes: Uint8Array, from: number, length: number): Hash64 {
  let at = from;
  for (; at + 8 <= length; at += 8) {
    piece.set(0, 0);
    round(piece, read32(bytes, at + 4), read32(bytes, at));
    stir(27, P1, P4);
  }
  if (at + 4 <= length) {
    piece.set(0, read32(bytes, at));
    piece.multiply(P1[0], P1[1]);
    stir(23, P2, P3);
    at += 4;
  }
  for (; at < length; at++) {
    piece.set(0, bytes[at] as number);
    piece.multiply(P5[0], P5[1]);
    stir(11, P1, undefined);
  }
  sum.xorShiftedRight(33);
  sum.multiply(P2[0], P2[1]);
  sum.xorShiftedRight(29);
  sum.multiply(P3[0], P3[1]);
  sum.xorShiftedRight(32);
  return sum.value();
}

/** Flips `piece` into the sum and spreads it. */
function stir(
  turn: number,
  factor: readonly [number, number],
  addend: readonly [number, number] | undefined,
): void {
  sum.xor(piece.hi, piece.lo);
  sum.rotateLeft(turn);
  sum.multiply(factor[0], factor[1]);
  if (addend !== undefined) sum.add(addend[0], addend[1]);
}

function read32(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}
