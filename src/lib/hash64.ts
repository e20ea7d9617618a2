// 64-bit hashes without bigint: two halves of 32 bits. Products are put together from 16-bit pieces, which V8 keeps in
// registers; a bigint would be an allocation for each step.

/** A hash of 64 bits; both halves are whole numbers in [0, 2^32). */
export interface Hash64 {
  readonly hi: number;
  readonly lo: number;
}

const TWO_32 = 4_294_967_296;

/** Remainder by a whole number of up to 2^26. */
export function hashModulo({ hi, lo }: Hash64, divisor: number): number {
  return ((((hi % divisor) * (TWO_32 % divisor)) % divisor) + (lo % divisor)) % divisor;
}

/** `before` turned left by one bit, with the bits of `next` flipped in: how hashes of several things become one. */
export function combineHashes(before: Hash64, next: Hash64): Hash64 {
  return {
    hi: (((before.hi << 1) | (before.lo >>> 31)) ^ next.hi) >>> 0,
    lo: (((before.lo << 1) | (before.hi >>> 31)) ^ next.lo) >>> 0,
  };
}

/** Upper half of the product of two whole numbers in [0, 2^32) (signed inputs are taken as their bits). */
export function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const other = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(other / 65536)) >>> 0;
}

/** A number of 64 bits that is worked on in place. */
export class Word64 {
  hi = 0;
  lo = 0;

  set(hi: number, lo: number): void {
    this.hi = hi | 0;
    this.lo = lo | 0;
  }

  add(hi: number, lo: number): void {
    const sum = (this.lo >>> 0) + (lo >>> 0);
    this.hi = (this.hi + hi + (sum >= TWO_32 ? 1 : 0)) | 0;
    this.lo = sum | 0;
  }

  multiply(hi: number, lo: number): void {
    this.hi = (multiplyHigh(this.lo, lo) + Math.imul(this.hi, lo) + Math.imul(this.lo, hi)) | 0;
    this.lo = Math.imul(this.lo, lo);
  }

  /** By 1 to 31 bits. */
  rotateLeft(bits: number): void {
    const { hi, lo } = this;
    this.hi = (hi << bits) | (lo >>> (32 - bits));
    this.lo = (lo << bits) | (hi >>> (32 - bits));
  }

  xor(hi: number, lo: number): void {
    this.hi ^= hi;
    this.lo ^= lo;
  }

  /** Flips in itself, shifted right by 1 to 63 bits. */
  xorShiftedRight(bits: number): void {
    if (bits >= 32) this.lo ^= bits === 32 ? this.hi : this.hi >>> (bits - 32);
    else {
      this.lo ^= (this.lo >>> bits) | (this.hi << (32 - bits));
      this.hi ^= this.hi >>> bits;
    }
  }

  value(): Hash64 {
    return { hi: this.hi >>> 0, lo: this.lo >>> 0 };
  }
}
