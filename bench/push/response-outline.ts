// Reads responses of delta ADS as they come, without keeping them: what a message is about, and the names in it; what is
// in its resources is passed over. For the load of the push benchmark.

/** The fields of a DeltaDiscoveryResponse that a client has to know. */
export interface Outline {
  /** Of the message. */
  readonly bytes: number;
  readonly typeUrl: string;
  readonly nonce: string;
  /** Names of resources, as far as they are wanted. */
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** What a message of gRPC begins with. */
const PREFIX_BYTES = 5;
/** In so many bytes a resource has said its version, its name and its type. */
const HEAD_BYTES = 512;
const field = { resources: 2, typeUrl: 4, nonce: 5, removed: 6 } as const;
const ofResource = { name: 3 } as const;

/** One call's responses. */
export class OutlineReader {
  readonly #wantsNames: (resourceHead: string) => boolean;
  readonly #onMessage: (outline: Outline) => void;
  readonly #scratch = Buffer.alloc(HEAD_BYTES);
  #scratchBytes = 0;
  /** Bytes that the part is long that is read now. */
  #partBytes = PREFIX_BYTES;
  #part: 'prefix' | 'tag' | 'length' | 'content' = 'prefix';
  /** To be passed over. */
  #skip = 0;
  /** Of the message, not read yet. */
  #left = 0;
  #varint = 0;
  #shift = 0;
  #field = 0;
  #bytes = 0;
  #typeUrl = '';
  #nonce = '';
  #added: string[] = [];
  #removed: string[] = [];
  /** Whether names are wanted of this message; undefined: no resource was seen yet. */
  #named: boolean | undefined;

  /** `wantsNames` is shown the first resource of each message, as far as HEAD_BYTES go. */
  constructor(wantsNames: (resourceHead: string) => boolean, onMessage: (outline: Outline) => void) {
    this.#wantsNames = wantsNames;
    this.#onMessage = onMessage;
  }

  /** More bytes came; they are not kept. */
  read(bytes: Buffer, start: number, end: number): void {
    let at = start;
    while (at < end) {
      if (this.#skip > 0) at = this.#pass(at, end);
      else if (this.#part === 'tag' || this.#part === 'length') this.#readVarint(bytes[at++] as number);
      else at = this.#readPart(bytes, at, end);
    }
  }

  #pass(at: number, end: number): number {
    const count = Math.min(this.#skip, end - at);
    this.#skip -= count;
    this.#left -= count;
    if (this.#skip === 0) this.#next();
    return at + count;
  }

  #readVarint(byte: number): void {
    this.#left--;
    this.#varint += (byte & 0x7f) * 2 ** this.#shift;
    this.#shift += 7;
    if (byte >= 0x80) return;
    const value = this.#varint;
    this.#varint = 0;
    this.#shift = 0;
    if (this.#part === 'tag') {
      if ((value & 7) !== 2) throw new Error(`a response has a field of wire type ${value & 7}`);
      this.#field = value >>> 3;
      this.#part = 'length';
    } else this.#beginContent(value);
  }

  #beginContent(length: number): void {
    this.#part = 'content';
    const isWanted = this.#field !== field.resources || this.#named !== false;
    this.#partBytes = isWanted ? Math.min(length, HEAD_BYTES) : 0;
    this.#skip = length - this.#partBytes;
    if (this.#partBytes > 0) [this.#skip, this.#after] = [0, this.#skip];
    else if (length === 0) this.#next();
  }

  /** To be passed over behind the part. */
  #after = 0;

  #readPart(bytes: Buffer, at: number, end: number): number {
    const count = Math.min(this.#partBytes - this.#scratchBytes, end - at);
    const isWhole = count === this.#partBytes;
    if (!isWhole) bytes.copy(this.#scratch, this.#scratchBytes, at, at + count);
    this.#scratchBytes += count;
    if (this.#scratchBytes < this.#partBytes) return at + count;
    this.#scratchBytes = 0;
    if (isWhole) this.#take(bytes, at, at + count);
    else this.#take(this.#scratch, 0, this.#partBytes);
    return at + count;
  }

  #take(bytes: Buffer, start: number, end: number): void {
    if (this.#part === 'prefix') {
      this.#bytes = bytes.readUInt32BE(start + 1);
      this.#left = this.#bytes;
    } else {
      this.#left -= end - start;
      this.#takeField(bytes, start, end);
      this.#skip = this.#after;
      this.#after = 0;
      if (this.#skip > 0) return;
    }
    this.#next();
  }

  #takeField(bytes: Buffer, start: number, end: number): void {
    if (this.#field === field.typeUrl) this.#typeUrl = bytes.toString('latin1', start, end);
    else if (this.#field === field.nonce) this.#nonce = bytes.toString('latin1', start, end);
    else if (this.#field === field.removed) this.#removed.push(bytes.toString('latin1', start, end));
    else if (this.#field === field.resources) {
      this.#named ??= this.#wantsNames(bytes.toString('latin1', start, end));
      if (this.#named) this.#added.push(nameIn(bytes, start, end));
    }
  }

  #next(): void {
    this.#part = 'tag';
    if (this.#left > 0) return;
    const outline = {
      bytes: this.#bytes,
      typeUrl: this.#typeUrl,
      nonce: this.#nonce,
      added: this.#added,
      removed: this.#removed,
    };
    this.#part = 'prefix';
    this.#partBytes = PREFIX_BYTES;
    this.#typeUrl = '';
    this.#nonce = '';
    if (this.#added.length > 0) this.#added = [];
    if (this.#removed.length > 0) this.#removed = [];
    this.#named = undefined;
    this.#onMessage(outline);
  }
}

/** The name in the head of an envoy.service.discovery.v3.Resource; texts of it are shorter than 128 bytes up to there. */
function nameIn(bytes: Buffer, start: number, end: number): string {
  for (let at = start; at + 1 < end; ) {
    const tag = bytes[at] as number;
    const length = bytes[at + 1] as number;
    if (length >= 0x80) break;
    if (tag >>> 3 === ofResource.name) return bytes.toString('latin1', at + 2, at + 2 + length);
    at += 2 + length;
  }
  throw new Error('a resource does not begin with its name');
}
