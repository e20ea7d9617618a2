import type { Connection } from '../../wire/connection.ts';

/** Bodies up to this are copied behind their head: one write of a string costs less than two of anything. */
const SMALL_BYTES = 4096;
/** More text than this is sent without waiting for a flush. */
const FULL_LENGTH = 16 * 1024;

/**
 * What is about to be sent on a connection. Heads, chunk lines and small bodies become one latin1 string and one
 * system call; large bodies pass through as the buffers they came in, together with the text before them.
 */
export class Gather {
  readonly #connection: Connection;
  #text = '';
  #blocked = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Adds text. False: the connection has more than it can take, wait for its drain. */
  text(text: string): boolean {
    this.#text += text;
    return this.#text.length > FULL_LENGTH ? this.flush() : !this.#blocked;
  }

  /** Adds bytes, which nobody changes afterwards; `last`: which nobody else has. */
  bytes(bytes: Buffer, last = false): boolean {
    const room = bytes.length <= SMALL_BYTES ? this.text(bytes.toString('latin1')) : this.#large(bytes);
    if (last) this.#connection.recycle?.(bytes);
    return room;
  }

  #large(bytes: Buffer): boolean {
    if (this.#text === '') return this.#sent(this.#connection.write(bytes));
    this.#connection.cork();
    this.#connection.write(this.#text);
    this.#text = '';
    const room = this.#connection.write(bytes);
    this.#connection.uncork();
    return this.#sent(room);
  }

  /** Sends what was added. */
  flush(): boolean {
    if (this.#text === '') return !this.#blocked;
    const text = this.#text;
    this.#text = '';
    return this.#sent(this.#connection.write(text));
  }

  /** The connection has room again. */
  drained(): void {
    this.#blocked = false;
  }

  #sent(room: boolean): boolean {
    if (!room) this.#blocked = true;
    return room;
  }
}
