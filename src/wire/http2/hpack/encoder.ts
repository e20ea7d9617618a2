import type { Headers } from '../../headers.ts';
import type { RequestHead } from '../head.ts';
import { TABLE_BYTES } from './decode-table.ts';
import type { Entry } from './encode-table.ts';
import { EncodeTable } from './encode-table.ts';
import { huffmanEncode, huffmanLength } from './huffman.ts';
import type { NameRule } from './name-rule.ts';
import { RULE, ruleOfName } from './name-rule.ts';
import { STATIC_NAMES, STATIC_VALUES } from './static-table.ts';

/** Names with what was learned of them; when full, learning starts over. */
const MAX_REMEMBERED_NAMES = 512;
const MAX_CREDIT = 8;
/** A name without credit is tried again once in so many fields. */
const TRY_AGAIN_MASK = 63;
const GUESSABLE_COOKIE_CHARS = 20;
/** Up to here a loop beats the call into the runtime. */
const SHORT_STRING_CHARS = 48;
/** Bytes around a field's strings at most: three integers. */
const FIELD_ROOM_BYTES = 18;
const SIZE_UPDATE_ROOM_BYTES = 12;
/** NUL, CR, LF, and what is not latin1: sent as a space (RFC 9110 §5.5). */
const UNCLEAN = /[\0\r\n\u0100-\uffff]/g;

const STATIC_STATUS: ReadonlyMap<number, number> = new Map(
  STATIC_NAMES.flatMap((name, i) => (name === ':status' ? [[Number(STATIC_VALUES[i]), i] as const] : [])),
);

/** Bytes that a head's fields can take at most; add `pseudoHeaderRoom` for a request. */
export function headerRoom(headers: Headers): number {
  let bytes = SIZE_UPDATE_ROOM_BYTES + FIELD_ROOM_BYTES;
  for (let i = 0; i < headers.length; i += 2)
    bytes += (headers[i] as string).length + (headers[i + 1] as string).length + FIELD_ROOM_BYTES;
  return bytes;
}

/** Bytes that a request's pseudo-headers can take at most. */
export function pseudoHeaderRoom(head: RequestHead): number {
  const names = 5 * (FIELD_ROOM_BYTES + ':authority'.length);
  return (
    names +
    head.method.length +
    head.scheme.length +
    head.authority.length +
    head.path.length +
    head.protocol.length
  );
}

/**
 * The compressing side of one connection (RFC 7541). begin(), then fields in order (pseudo-headers first), then
 * `at` is where the block ends. Strings are Huffman-coded where they go into the table (paid once, saved on the way
 * only once); what is sent literally every time goes as it is, for both ends' CPU.
 */
export class HpackEncoder {
  readonly #table = new EncodeTable();
  readonly #rules = new Map<string, NameRule>();
  #out: Buffer = Buffer.alloc(0);
  /** Smallest table size since the last block, and whether the decoder must be told. */
  #smallestBytes = TABLE_BYTES;
  #mustTellSize = false;
  /** Where the next byte goes. */
  at = 0;

  /** The peer's SETTINGS_HEADER_TABLE_SIZE; announced in the next block. */
  setTableBytes(bytes: number): void {
    const maxBytes = Math.min(bytes, TABLE_BYTES);
    if (maxBytes === this.#table.maxBytes) return;
    this.#smallestBytes = Math.min(this.#smallestBytes, maxBytes);
    this.#mustTellSize = true;
    this.#table.resize(maxBytes);
  }

  /** Starts a block at out[at]; the caller has made room. */
  begin(out: Buffer, at: number): void {
    this.#out = out;
    this.at = at;
    if (!this.#mustTellSize) return;
    if (this.#smallestBytes < this.#table.maxBytes) this.#integer(0x20, 0x1f, this.#smallestBytes);
    this.#integer(0x20, 0x1f, this.#table.maxBytes);
    this.#smallestBytes = this.#table.maxBytes;
    this.#mustTellSize = false;
  }

  /** The pseudo-headers of a request. */
  request(head: RequestHead): void {
    if (head.method === 'GET') this.#out[this.at++] = 0x82;
    else if (head.method === 'POST') this.#out[this.at++] = 0x83;
    else this.#pseudo(':method', head.method);
    if (head.scheme === 'http') this.#out[this.at++] = 0x86;
    else if (head.scheme === 'https') this.#out[this.at++] = 0x87;
    else if (head.scheme !== '') this.#pseudo(':scheme', head.scheme);
    if (head.authority !== '') this.#pseudo(':authority', head.authority);
    if (head.path === '/') this.#out[this.at++] = 0x84;
    else if (head.path !== '') this.#pseudo(':path', head.path);
    if (head.protocol !== '') this.#pseudo(':protocol', head.protocol);
  }

  /** The pseudo-header of a response. */
  status(status: number): void {
    const index = STATIC_STATUS.get(status);
    if (index !== undefined) this.#out[this.at++] = 0x80 | index;
    else this.#pseudo(':status', String(status));
  }

  /** Regular fields. Names in any case; those HTTP/2 does not know on a connection are left out. */
  fields(headers: Headers): void {
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i] as string;
      // A name with a colon first would be taken for a pseudo-header.
      if (name.charCodeAt(0) !== 0x3a) this.#field(this.#ruleOf(name), headers[i + 1] as string);
    }
  }

  #pseudo(name: string, value: string): void {
    this.#field(this.#ruleOf(name), value);
  }

  #ruleOf(name: string): NameRule {
    return this.#rules.get(name) ?? this.#learn(name);
  }

  #learn(name: string): NameRule {
    if (this.#rules.size >= MAX_REMEMBERED_NAMES) this.#rules.clear();
    const lowerName = name.toLowerCase();
    const rule = this.#rules.get(lowerName) ?? ruleOfName(lowerName);
    this.#rules.set(lowerName, rule);
    if (name !== lowerName) this.#rules.set(name, rule);
    return rule;
  }

  #field(rule: NameRule, value: string): void {
    const recent = rule.recent;
    for (let i = recent.length - 1; i >= 0; i--) {
      const entry = recent[i] as Entry;
      if (entry.value !== value) continue;
      if (rule.credit < MAX_CREDIT) rule.credit++;
      this.#integer(0x80, 0x7f, this.#table.indexOf(entry));
      return;
    }
    if (rule.rule === RULE.ADAPT) this.#adapt(rule, value);
    else this.#byRule(rule, value);
  }

  #byRule(rule: NameRule, value: string): void {
    if (rule.rule === RULE.NEVER) this.#literal(0x10, 0x0f, rule, value, false);
    else if (rule.rule === RULE.PLAIN) this.#literal(0x00, 0x0f, rule, value, false);
    else if (rule.rule === RULE.TE && value === 'trailers') this.#adapt(rule, value);
    else if (rule.rule === RULE.COOKIE && value.length >= GUESSABLE_COOKIE_CHARS) this.#adapt(rule, value);
    else if (rule.rule === RULE.COOKIE) this.#literal(0x10, 0x0f, rule, value, false);
  }

  /** Not in the table: sent literally, and added where additions of this name have paid so far. */
  #adapt(rule: NameRule, value: string): void {
    if (rule.credit === 0 && (++rule.missed & TRY_AGAIN_MASK) !== 0) {
      this.#literal(0x00, 0x0f, rule, value, false);
      return;
    }
    // The name's index counts from before the addition.
    const nameIndex = this.#nameIndex(rule);
    const added = this.#table.add(rule, rule.name.length, value);
    if (rule.credit > 0) rule.credit--;
    if (added) this.#literalAt(0x40, 0x3f, nameIndex, rule.name, value, true);
    else this.#literalAt(0x00, 0x0f, nameIndex, rule.name, value, false);
  }

  #literal(bits: number, mask: number, rule: NameRule, value: string, compress: boolean): void {
    this.#literalAt(bits, mask, this.#nameIndex(rule), rule.name, value, compress);
  }

  #literalAt(
    bits: number,
    mask: number,
    nameIndex: number,
    name: string,
    value: string,
    compress: boolean,
  ): void {
    this.#integer(bits, mask, nameIndex);
    if (nameIndex === 0) this.#string(name, true);
    this.#string(value, compress);
  }

  #nameIndex(rule: NameRule): number {
    if (rule.staticIndex > 0) return rule.staticIndex;
    const newest = rule.recent[rule.recent.length - 1];
    return newest === undefined ? 0 : this.#table.indexOf(newest);
  }

  #integer(bits: number, mask: number, value: number): void {
    const out = this.#out;
    if (value < mask) {
      out[this.at++] = bits | value;
      return;
    }
    out[this.at++] = bits | mask;
    let rest = value - mask;
    for (; rest >= 0x80; rest >>>= 7) out[this.at++] = (rest & 0x7f) | 0x80;
    out[this.at++] = rest;
  }

  #string(text: string, compress: boolean): void {
    if (compress) {
      const clean = text.replace(UNCLEAN, ' ');
      const length = huffmanLength(clean);
      if (length < clean.length) {
        this.#integer(0x80, 0x7f, length);
        this.at = huffmanEncode(clean, this.#out, this.at);
        return;
      }
    }
    this.#integer(0x00, 0x7f, text.length);
    if (text.length > SHORT_STRING_CHARS)
      this.at += this.#out.write(text.replace(UNCLEAN, ' '), this.at, 'latin1');
    else this.#shortString(text);
  }

  #shortString(text: string): void {
    const out = this.#out;
    let at = this.at;
    for (let i = 0; i < text.length; i++) {
      const c = text.charCodeAt(i);
      const unclean = c === 0 || c === 10 || c === 13 || c > 255;
      out[at++] = unclean ? 32 : c;
    }
    this.at = at;
  }
}
