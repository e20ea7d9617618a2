// The Huffman code of RFC 7541 Appendix B. It is canonical: codes of one length count up with the symbol, shorter
// codes come first. So the lengths alone say it all, and the code words are computed.

/** Bits of each octet's code. The end-of-string symbol (256) has 30. */
// biome-ignore format: a table of 16 columns
const CODE_BITS: readonly number[] = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28,
  28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 28,
  6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6,
  5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
  15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5,
  6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28,
  20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
  24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24,
  22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23,
  21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
  26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25,
  19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27,
  20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
  26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26,
];

/** The symbol that ends a string and must never be sent: its leading ones are the padding. */
export const END_OF_STRING = 256;

/** Bits per symbol, the end-of-string symbol included. */
export const HUFFMAN_BITS: Uint8Array = Uint8Array.from([...CODE_BITS, 30]);

/** Code word per symbol, right-aligned. */
export const HUFFMAN_WORDS: Uint32Array = canonicalWords(HUFFMAN_BITS);

function canonicalWords(bits: Uint8Array): Uint32Array {
  const words = new Uint32Array(bits.length);
  let next = 0;
  for (let length = 1; length <= 30; length++) {
    for (let symbol = 0; symbol < bits.length; symbol++) if (bits[symbol] === length) words[symbol] = next++;
    next *= 2;
  }
  return words;
}
