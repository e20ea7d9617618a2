import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { combineHashes, hashModulo, Word64 } from './hash64.ts';
import { murmurHash64 } from './murmur-hash64.ts';
import { xxHash64 } from './xxhash64.ts';

const big = ({ hi, lo }: { hi: number; lo: number }): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);
const half = fc.integer({ min: 0, max: 0xffffffff });

describe('a word of 64 bits', () => {
  it('adds, multiplies and turns as a bigint does', () => {
    fc.assert(
      fc.property(half, half, half, half, fc.integer({ min: 1, max: 31 }), (aHi, aLo, bHi, bLo, bits) => {
        const word = new Word64();
        const [a, b] = [big({ hi: aHi, lo: aLo }), big({ hi: bHi, lo: bLo })];
        word.set(aHi, aLo);
        word.multiply(bHi, bLo);
        expect(big(word)).toBe(BigInt.asUintN(64, a * b));
        word.set(aHi, aLo);
        word.add(bHi, bLo);
        expect(big(word)).toBe(BigInt.asUintN(64, a + b));
        word.set(aHi, aLo);
        word.rotateLeft(bits);
        expect(big(word)).toBe(BigInt.asUintN(64, (a << BigInt(bits)) | (a >> BigInt(64 - bits))));
        word.set(aHi, aLo);
        word.xorShiftedRight(bits * 2);
        expect(big(word)).toBe(a ^ (a >> BigInt(bits * 2)));
        expect(hashModulo({ hi: aHi, lo: aLo }, 5_000_011)).toBe(Number(a % 5_000_011n));
        const turned = BigInt.asUintN(64, (a << 1n) | (a >> 63n));
        expect(big(combineHashes({ hi: aHi, lo: aLo }, { hi: bHi, lo: bLo }))).toBe(turned ^ b);
      }),
    );
  });
});

describe('hashes', () => {
  it.each([
    ['', 'ef46db3751d8e999'],
    ['a', 'd24ec4f1a98c6e5b'],
    ['abc', '44bc2cf5ad770999'],
    ['Nobody inspects the spammish repetition', 'fbcea83c8a378bf1'],
  ])('xxHash64 of %j', (text, hex) => {
    expect(big(xxHash64(text)).toString(16).padStart(16, '0')).toBe(hex);
  });

  it('xxHash64 of a long text is that of its bytes', () => {
    const text = '\u00fc'.repeat(6000);
    expect(xxHash64(text)).toEqual(xxHash64(Buffer.from(text, 'latin1')));
  });

  it('murmur hashes differ in every byte of a tail', () => {
    const hashes = Array.from({ length: 20 }, (_, i) => big(murmurHash64('x'.repeat(i))));
    expect(new Set(hashes).size).toBe(20);
  });
});
