import type { Connection, ConnectionHandlers, NetError } from '../../../../wire/connection.ts';

/** What a client that knows beforehand that we speak HTTP/2 begins with; nothing in HTTP/1 does. */
const PREFACE = Buffer.from('PRI * HTTP/2', 'latin1');

/**
 * Tells HTTP/2 from HTTP/1 by a connection's first bytes, and costs nothing afterwards. Until they are there the
 * connection is HTTP/1's, whose time limits hold.
 */
export class CodecChoice implements ConnectionHandlers {
  readonly #connection: Connection;
  readonly #http1: ConnectionHandlers;
  /** False: HTTP/1 keeps the connection, which is closing. */
  readonly #onHttp2: (firstBytes: Buffer) => boolean;
  /** The beginning of a preface. */
  #bytes: Buffer | undefined;

  constructor(connection: Connection, http1: ConnectionHandlers, onHttp2: (firstBytes: Buffer) => boolean) {
    this.#connection = connection;
    this.#http1 = http1;
    this.#onHttp2 = onHttp2;
  }

  start(firstBytes: Buffer | undefined): void {
    this.#connection.handle(this);
    if (firstBytes !== undefined) this.onData(firstBytes);
  }

  onData(bytes: Buffer): void {
    const all = this.#bytes === undefined ? bytes : Buffer.concat([this.#bytes, bytes]);
    const length = Math.min(all.length, PREFACE.length);
    const fits = PREFACE.compare(all, 0, length, 0, length) === 0;
    if (fits && length < PREFACE.length) this.#bytes = all;
    else if (!fits || !this.#onHttp2(all)) this.#giveToHttp1(all);
  }

  onEnd(): void {
    if (this.#bytes !== undefined) this.#giveToHttp1(this.#bytes);
    else this.#connection.handle(this.#http1);
    this.#http1.onEnd();
  }

  onDrain(): void {
    this.#http1.onDrain();
  }

  onClose(error: NetError | undefined): void {
    this.#http1.onClose(error);
  }

  #giveToHttp1(bytes: Buffer): void {
    this.#connection.handle(this.#http1);
    this.#http1.onData(bytes);
  }
}
