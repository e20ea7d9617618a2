import type { OnReadOpts, Socket } from 'node:net';
import type { Engine, OpenSsl, Pointer } from './openssl.ts';
import { RecordCount } from './record-count.ts';

// The records of an established TLS connection, between a plain socket and its Connection: what came is given to
// OpenSSL and its plaintext handed on; what is to go is given to OpenSSL and its records written. Keys, sequence numbers,
// key updates, tickets and alerts are all OpenSSL's, in the same SSL object that did Node's handshake.
// Never happens: OpenSSL is called after free(), or free() gives something back twice; a callback out of OpenSSL.

/** Who gets the plaintext; a SocketConnection. */
export interface PlaintextReceiver {
  receive(bytes: Buffer): void;
  fail(error: unknown): void;
}

/** A socket whose bytes are records. */
export interface RecordSocket extends Socket {
  weftRecords?: TlsRecords;
  weftConnection?: PlaintextReceiver;
}

const SSL_ERROR_WANT_READ = 2;
const SSL_ERROR_ZERO_RETURN = 6;
/** Most plaintext in a record. */
const RECORD_BYTES = 16_384;
/** More than a record adds: header, inner type, tag; in TLS 1.2 also a nonce, or a digest and padding. */
const RECORD_EXTRA_BYTES = 128;
/** Largest read; what it was in Node itself. */
const READ_BYTES = 64 * 1024;
/** From here on plaintext gets memory of its own at once: copying costs more. */
const LARGE_BYTES = 32 * 1024;
/** What may have come before of a record that is not whole yet. */
const PART_BYTES = RECORD_BYTES + 2_048;

// All sockets use these, one after the other: nothing in them is needed after the call that put it there.
const sealed = Buffer.allocUnsafeSlow(READ_BYTES);
const plaintext = Buffer.allocUnsafeSlow(LARGE_BYTES + PART_BYTES);
const outgoing = Buffer.allocUnsafeSlow(RECORD_BYTES + 2 * RECORD_EXTRA_BYTES);

/** For the socket that carries the records. */
export const recordRead: OnReadOpts = {
  buffer: sealed,
  callback(this: RecordSocket, count: number): boolean {
    this.weftRecords?.open(sealed, count);
    return true;
  },
};

let living = 0;

/** Connections whose records are made here and that have not given everything back. */
export const livingRecords = (): number => living;

export class TlsRecords {
  /** Plaintext that came before the records came here. */
  early: Buffer | undefined;
  readonly #openSsl: OpenSsl;
  readonly #engine: Engine;
  readonly #socket: RecordSocket;
  readonly #count = new RecordCount();
  readonly #in: Pointer;
  readonly #out: Pointer;
  /** 0 after free(). */
  #ssl: Pointer;
  #ended = false;
  #corks = 0;
  #held: (Uint8Array | string)[] = [];

  constructor(engine: Engine, socket: RecordSocket, early: Buffer | undefined) {
    const { openSsl, ssl } = engine;
    this.early = early;
    this.#openSsl = openSsl;
    this.#engine = engine;
    this.#socket = socket;
    this.#ssl = ssl;
    this.#in = openSsl.SSL_get_rbio(ssl);
    this.#out = openSsl.SSL_get_wbio(ssl);
    socket.weftRecords = this;
    living++;
  }

  /** Records from the peer, cut anywhere. Their plaintext is handed on in one piece. */
  open(bytes: Uint8Array, count: number): void {
    if (this.#ssl === 0 || this.#ended) return;
    // What others left in the thread's list of errors would count as ours.
    this.#openSsl.ERR_clear_error();
    const large = count >= LARGE_BYTES;
    const into = large ? Buffer.allocUnsafeSlow(count + PART_BYTES) : plaintext;
    const length = large ? this.#openLarge(bytes, count, into) : this.#openInto(bytes, count, into, 0);
    if (length > 0) {
      const opened = into.subarray(0, length);
      // Records may be padded: a few bytes keep no large memory.
      this.#socket.weftConnection?.receive(length < LARGE_BYTES ? Buffer.from(opened) : opened);
    }
    if (this.#ended) this.#socket.push(null);
  }

  /** By and by: what OpenSSL holds of a connection it holds until the end. */
  #openLarge(bytes: Uint8Array, count: number, into: Buffer): number {
    let length = 0;
    for (let at = 0; at < count; at += RECORD_BYTES) {
      const part = bytes.subarray(at, Math.min(at + RECORD_BYTES, count));
      length = this.#openInto(part, part.length, into, length);
    }
    return length;
  }

  /** Plaintext goes to `into` from `at` on; the result is where it ends. */
  #openInto(bytes: Uint8Array, count: number, into: Buffer, at: number): number {
    const openSsl = this.#openSsl;
    if (this.#ssl === 0 || this.#ended) return at;
    if (openSsl.BIO_write(this.#in, bytes, count) !== count) this.#fail(openSsl.ERR_peek_error());
    let end = at;
    // OpenSSL takes tickets and the like along with the next data: then there are fewer answers than records.
    for (let whole = this.#count.in(bytes, count); whole > 0 && this.#ssl !== 0; whole--) {
      const free = end === 0 ? into : into.subarray(end);
      const length = openSsl.SSL_read(this.#ssl, free, free.length);
      if (length > 0) end += length;
      else if (!this.#goesOn(length)) break;
    }
    return end;
  }

  /** A record brought no plaintext: a ticket, a key update, the peer's end, or something wrong. */
  #goesOn(result: number): boolean {
    const openSsl = this.#openSsl;
    const kind = openSsl.SSL_get_error(this.#ssl, result);
    const reason = openSsl.ERR_peek_error();
    this.#flush(); // an answer to a key update, or the alert that says what was wrong
    this.#engine.onMessage?.();
    if (kind === SSL_ERROR_WANT_READ) return true;
    if (kind === SSL_ERROR_ZERO_RETURN) this.#ended = true;
    else this.#fail(reason);
    return false;
  }

  #fail(reason: number): void {
    const text = this.#openSsl.ERR_reason_error_string(reason) ?? 'protocol error';
    this.#openSsl.ERR_clear_error();
    const code = `ERR_SSL_${text.toUpperCase().replaceAll(' ', '_')}`;
    this.#socket.weftConnection?.fail(Object.assign(new Error(text), { code }));
    this.#socket.destroy();
    this.free();
  }

  /** As a socket's. */
  write(bytes: Uint8Array | string): boolean {
    if (this.#corks === 0) return this.#send(bytes, bytes.length);
    this.#held.push(bytes);
    return !this.#socket.writableNeedDrain;
  }

  cork(): void {
    this.#corks++;
  }

  uncork(): void {
    if (this.#corks > 0 && --this.#corks === 0) this.#sendHeld();
  }

  /** Sends what is held, close_notify, and the end of our direction. */
  end(): void {
    this.#corks = 0;
    this.#sendHeld();
    if (this.#ssl !== 0) {
      this.#openSsl.SSL_shutdown(this.#ssl);
      this.#flush();
    }
    this.#socket.end();
  }

  /** A head and its body go in one record where they fit. */
  #sendHeld(): void {
    const held = this.#held;
    if (held.length === 0) return;
    this.#held = [];
    let at = 0;
    for (const bytes of held) {
      if (at + bytes.length > RECORD_BYTES) {
        this.#send(plaintext, at);
        at = 0;
      }
      if (bytes.length > RECORD_BYTES) this.#send(bytes, bytes.length);
      else if (typeof bytes === 'string') at += plaintext.write(bytes, at, 'latin1');
      else {
        plaintext.set(bytes, at);
        at += bytes.length;
      }
    }
    this.#send(plaintext, at);
  }

  #send(bytes: Uint8Array | string, count: number): boolean {
    if (this.#ssl === 0 || count === 0) return true;
    if (count > RECORD_BYTES)
      return this.#sendLarge(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
    if (typeof bytes !== 'string') return this.#seal(bytes, count) && this.#flush();
    plaintext.write(bytes, 'latin1');
    return this.#seal(plaintext, count) && this.#flush();
  }

  #sendLarge(bytes: Uint8Array): boolean {
    const records = Math.ceil(bytes.length / RECORD_BYTES);
    const into = Buffer.allocUnsafeSlow(bytes.length + (records + 1) * RECORD_EXTRA_BYTES);
    let end = 0;
    for (let at = 0; at < bytes.length; at += RECORD_BYTES) {
      const part = bytes.subarray(at, Math.min(at + RECORD_BYTES, bytes.length));
      if (!this.#seal(part, part.length)) return true;
      end += Math.max(0, this.#openSsl.BIO_read(this.#out, into.subarray(end), into.length - end));
    }
    const goesOn = this.#socket.write(into.subarray(0, end));
    return this.#flush() && goesOn;
  }

  #seal(bytes: Uint8Array, count: number): boolean {
    if (this.#openSsl.SSL_write(this.#ssl, bytes, count) === count) return true;
    this.#fail(this.#openSsl.ERR_peek_error());
    return false;
  }

  /** Writes the records that OpenSSL has made. */
  #flush(): boolean {
    let goesOn = true;
    for (;;) {
      const count = this.#openSsl.BIO_read(this.#out, outgoing, outgoing.length);
      if (count <= 0) return goesOn;
      goesOn = this.#socket.write(Buffer.from(outgoing.subarray(0, count)));
      if (count < outgoing.length) return goesOn;
    }
  }

  /** No more records: gives everything back, once. */
  free(): void {
    const ssl = this.#ssl;
    if (ssl === 0) return;
    this.#ssl = 0;
    living--;
    this.#held = [];
    this.early = undefined;
    const { openSsl, former, handle } = this.#engine;
    handle.destroySSL();
    openSsl.SSL_free(ssl);
    for (const bio of former) openSsl.BIO_free(bio);
  }
}
