import type { Headers } from '../../wire/headers.ts';

/** What a filter that waits for the body of a request gets. */
export interface RequestBody {
  readonly bytes: Buffer;
  /** False: there is more than was asked for. */
  readonly complete: boolean;
}

const EMPTY = Buffer.alloc(0);
/** The body of a request without one. */
export const NO_BODY: RequestBody = { bytes: EMPTY, complete: true };

/**
 * The beginning of a request's body while filters look at it before the request's head goes on. It is made when the
 * first filter asks, bounded by what filters ask for, and gone as soon as all of it went on.
 */
export class HeldBody {
  /** In order. What it is emptied into is told of the end by `ended`. */
  chunks: Buffer[] = [];
  /** How many of the chain's data hooks it has been through. */
  position = 0;
  ended = false;
  trailers: Headers | undefined;
  #bytes = 0;
  #maxBytes = 0;
  #settle: ((body: RequestBody) => void) | undefined;

  /** A filter waits, and there is not enough for it. */
  get waiting(): boolean {
    return this.#settle !== undefined;
  }

  /** Resolves when the body is whole or longer than `maxBytes`. One filter at a time. */
  read(maxBytes: number): Promise<RequestBody> {
    this.#maxBytes = maxBytes;
    if (this.#enough()) return Promise.resolve(this.#body());
    return new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  add(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.chunks.push(bytes);
    this.#bytes += bytes.length;
    this.#tell();
  }

  end(trailers: Headers | undefined): void {
    this.ended = true;
    this.trailers = trailers;
    this.#tell();
  }

  /** Other bytes in place of these: further hooks have been run over them. */
  replace(chunks: Buffer[], position: number): void {
    this.chunks = chunks;
    this.position = position;
    this.#bytes = chunks.reduce((sum, { length }) => sum + length, 0);
  }

  #enough(): boolean {
    return this.ended || this.#bytes > this.#maxBytes;
  }

  #tell(): void {
    if (this.#settle === undefined || !this.#enough()) return;
    const settle = this.#settle;
    this.#settle = undefined;
    settle(this.#body());
  }

  #body(): RequestBody {
    return { bytes: Buffer.concat(this.chunks), complete: this.ended && this.#bytes <= this.#maxBytes };
  }
}
