// Messages on a stream (PROTOCOL-HTTP2.md, Length-Prefixed-Message): a flag byte, four bytes of length, the message.

const PREFIX_BYTES = 5;

/** A message with its prefix. */
export function frameMessage(message: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + message.length);
  framed[0] = 0;
  framed.writeUInt32BE(message.length, 1);
  framed.set(message, PREFIX_BYTES);
  return framed;
}

/** What stands before a message of so many bytes. */
export function messagePrefix(bytes: number): Buffer {
  const prefix = Buffer.allocUnsafe(PREFIX_BYTES);
  prefix[0] = 0;
  prefix.writeUInt32BE(bytes, 1);
  return prefix;
}

/** What read() gave: a message, a need for more bytes, or what is wrong. */
export type ReadMessage =
  | { readonly kind: 'message'; readonly message: Buffer }
  | { readonly kind: 'need-more' }
  | { readonly kind: 'too-large'; readonly bytes: number }
  | { readonly kind: 'compressed' };

const NEED_MORE: ReadMessage = { kind: 'need-more' };
const NOTHING = Buffer.alloc(0);

/**
 * Bytes -> messages. Holds at most one message, in room that grows with what really came; a message that came in one
 * piece is not copied.
 */
export class MessageReader {
  readonly #maxBytes: number;
  /** What add() brought and read() has not used. */
  #input: Buffer = NOTHING;
  readonly #prefix = Buffer.alloc(PREFIX_BYTES);
  #prefixBytes = 0;
  #gathered: Buffer = NOTHING;
  #gatheredBytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** A message has begun and is not complete. */
  get midMessage(): boolean {
    return this.#prefixBytes > 0 || this.#input.length > 0;
  }

  /** Brings more bytes, once read() has asked for them. */
  add(bytes: Buffer): void {
    this.#input = bytes;
  }

  /** The next message. After `too-large` or `compressed` nothing useful follows. */
  read(): ReadMessage {
    this.#readPrefix();
    if (this.#prefixBytes < PREFIX_BYTES) return NEED_MORE;
    if (this.#prefix[0] !== 0) return { kind: 'compressed' };
    const bytes = this.#prefix.readUInt32BE(1);
    if (bytes > this.#maxBytes) return { kind: 'too-large', bytes };
    const message =
      this.#gatheredBytes === 0 && this.#input.length >= bytes ? this.#takeInput(bytes) : this.#gather(bytes);
    if (message === undefined) return NEED_MORE;
    this.#prefixBytes = 0;
    return { kind: 'message', message };
  }

  #readPrefix(): void {
    if (this.#prefixBytes === PREFIX_BYTES || this.#input.length === 0) return;
    const taken = this.#takeInput(Math.min(PREFIX_BYTES - this.#prefixBytes, this.#input.length));
    taken.copy(this.#prefix, this.#prefixBytes);
    this.#prefixBytes += taken.length;
  }

  #takeInput(bytes: number): Buffer {
    const taken = this.#input.subarray(0, bytes);
    this.#input = bytes === this.#input.length ? NOTHING : this.#input.subarray(bytes);
    return taken;
  }

  #gather(bytes: number): Buffer | undefined {
    const part = this.#takeInput(Math.min(bytes - this.#gatheredBytes, this.#input.length));
    this.#makeRoom(this.#gatheredBytes + part.length, bytes);
    part.copy(this.#gathered, this.#gatheredBytes);
    this.#gatheredBytes += part.length;
    if (this.#gatheredBytes < bytes) return undefined;
    const message = this.#gathered.subarray(0, bytes);
    this.#gathered = NOTHING;
    this.#gatheredBytes = 0;
    return message;
  }

  /** Doubles the room, so that neither a false length nor many small pieces cost more than what came. */
  #makeRoom(needed: number, atMost: number): void {
    if (needed <= this.#gathered.length) return;
    const room = Buffer.allocUnsafeSlow(Math.min(atMost, Math.max(needed, this.#gathered.length * 2)));
    this.#gathered.copy(room, 0, 0, this.#gatheredBytes);
    this.#gathered = room;
  }
}
