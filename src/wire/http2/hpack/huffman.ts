import { END_OF_STRING, HUFFMAN_BITS, HUFFMAN_WORDS } from './huffman-code.ts';

// Decoding walks the code tree four bits a step: a step is one look-up that gives the next node and at most one
// octet, since no code is shorter than five bits. 257 nodes x 16 steps are 16 KiB.

/** Bits of a step: the node it leads to, whether it completes an octet, the octet; -1 where no code goes on. */
const STEP_NODE = 0xffff;
const STEP_EMITS = 0x1_0000;
const STEP_OCTET_SHIFT = 20;

interface Tree {
  readonly steps: Int32Array;
  /** 1 for the nodes a string may end in: reached from the root by at most seven ones. */
  readonly mayEnd: Uint8Array;
}

const { steps: STEPS, mayEnd: MAY_END } = buildTree();

/**
 * Decodes bytes[start, end) into `out` from 0 and returns how many octets; -1 where the padding or the
 * end-of-string symbol breaks RFC 7541 §5.2. `out` must hold (end - start) * 8 / 5 octets.
 */
export function huffmanDecode(bytes: Uint8Array, start: number, end: number, out: Uint8Array): number {
  let node = 0;
  let length = 0;
  for (let i = start; i < end; i++) {
    const octet = bytes[i] as number;
    const high = STEPS[(node << 4) | (octet >> 4)] as number;
    if (high < 0) return -1;
    if ((high & STEP_EMITS) !== 0) out[length++] = high >> STEP_OCTET_SHIFT;
    const low = STEPS[((high & STEP_NODE) << 4) | (octet & 15)] as number;
    if (low < 0) return -1;
    if ((low & STEP_EMITS) !== 0) out[length++] = low >> STEP_OCTET_SHIFT;
    node = low & STEP_NODE;
  }
  return MAY_END[node] === 1 ? length : -1;
}

/** How many bytes `huffmanEncode` will write for a latin1 string. */
export function huffmanLength(text: string): number {
  let bits = 0;
  for (let i = 0; i < text.length; i++) bits += HUFFMAN_BITS[text.charCodeAt(i) & 0xff] as number;
  return (bits + 7) >> 3;
}

/** Writes the code of a latin1 string at `at`; returns where it ends. */
export function huffmanEncode(text: string, out: Uint8Array, at: number): number {
  let held = 0;
  let heldBits = 0;
  for (let i = 0; i < text.length; i++) {
    const octet = text.charCodeAt(i) & 0xff;
    let bits = HUFFMAN_BITS[octet] as number;
    const word = HUFFMAN_WORDS[octet] as number;
    // Below 8 bits are held, so that with 24 more they fit 32; longer words go in two parts.
    if (bits > 24) {
      bits -= 16;
      held = (held << bits) | (word >>> 16);
      heldBits += bits;
      while (heldBits >= 8) out[at++] = held >>> (heldBits -= 8);
      held = (held << 16) | (word & 0xffff);
      heldBits += 16;
    } else {
      held = (held << bits) | word;
      heldBits += bits;
    }
    while (heldBits >= 8) out[at++] = held >>> (heldBits -= 8);
  }
  if (heldBits > 0) out[at++] = (held << (8 - heldBits)) | (0xff >> heldBits);
  return at;
}

/** The tree with one number per child: a node (>= 0), a symbol as ~symbol (< 0). */
function buildBinaryTree(): number[][] {
  const nodes: number[][] = [[]];
  for (let symbol = 0; symbol <= END_OF_STRING; symbol++) {
    const word = HUFFMAN_WORDS[symbol] as number;
    let node = nodes[0] as number[];
    for (let bit = (HUFFMAN_BITS[symbol] as number) - 1; bit > 0; bit--) {
      const side = (word >>> bit) & 1;
      node[side] ??= nodes.push([]) - 1;
      node = nodes[node[side] as number] as number[];
    }
    node[word & 1] = ~symbol;
  }
  return nodes;
}

function buildTree(): Tree {
  const nodes = buildBinaryTree();
  const steps = new Int32Array(nodes.length * 16);
  for (let node = 0; node < nodes.length; node++)
    for (let nibble = 0; nibble < 16; nibble++) steps[node * 16 + nibble] = walkNibble(nodes, node, nibble);
  const mayEnd = new Uint8Array(nodes.length);
  for (let node = 0, ones = 0; ones < 8; ones++, node = (nodes[node] as number[])[1] as number)
    mayEnd[node] = 1;
  return { steps, mayEnd };
}

function walkNibble(nodes: number[][], from: number, nibble: number): number {
  let node = from;
  let emitted = 0;
  for (let bit = 3; bit >= 0; bit--) {
    const next = (nodes[node] as number[])[(nibble >> bit) & 1] as number;
    if (next === ~END_OF_STRING) return -1;
    if (next < 0) emitted = STEP_EMITS | (~next << STEP_OCTET_SHIFT);
    node = Math.max(0, next); // a leaf leads back to the root
  }
  return emitted | node;
}
