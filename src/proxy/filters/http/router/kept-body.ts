import type { Headers } from '../../../../wire/headers.ts';

/** What has been received of a request's body, for as long as it could be sent again. */
export class KeptBody {
  /** False once it grew too large, or must not be sent again anyhow. */
  whole = true;
  ended = false;
  trailers: Headers | undefined;
  readonly chunks: Buffer[] = [];
  readonly #maxBytes: number;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(bytes: Buffer): void {
    if (!this.whole) return;
    this.#bytes += bytes.length;
    if (this.#bytes > this.#maxBytes) this.forget();
    else this.chunks.push(bytes);
  }

  /** There will be no other try. */
  forget(): void {
    this.whole = false;
    this.chunks.length = 0;
  }
}
