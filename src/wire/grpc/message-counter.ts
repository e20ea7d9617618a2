const PREFIX_BYTES = 5;

/** Counts the messages of a gRPC stream that passes by in pieces (see framing.ts), without keeping any of it. */
export class MessageCounter {
  /** Bytes of the message under way that are still to come. */
  #left = 0;
  #prefixBytes = 0;
  #length = 0;

  /** How many messages begin to be complete in prefix with these bytes: a message counts when its length is known. */
  count(bytes: Uint8Array): number {
    let messages = 0;
    for (let i = 0; i < bytes.length; ) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, bytes.length - i);
        this.#left -= step;
        i += step;
        continue;
      }
      // The first byte of a prefix is a flag, the other four are a length.
      this.#length = this.#prefixBytes === 0 ? 0 : this.#length * 256 + (bytes[i] as number);
      i++;
      if (++this.#prefixBytes < PREFIX_BYTES) continue;
      this.#prefixBytes = 0;
      this.#left = this.#length;
      messages++;
    }
    return messages;
  }
}
