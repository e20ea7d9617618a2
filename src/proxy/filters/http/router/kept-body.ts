import type { Headers } from '../../../../wire/headers.ts';

/** Most of a request that is kept to be sent again; Envoy's default for a stream's buffer. */
const MAX_KEPT_BYTES = 1024 * 1024;

/** What has been received of a request's body, for as long as it could be sent again. */
export class KeptBody {
  /** False once it grew too large, or must not be sent again anyhow. */
  whole = true;
  ended = false;
  trailers: Headers | undefined;
  readonly chunks: Buffer[] = [];
  #bytes = 0;

  add(bytes: Buffer): void {
    if (!this.whole) return;
    this.#bytes += bytes.length;
    if (this.#bytes > MAX_KEPT_BYTES) this.forget();
    else this.chunks.push(bytes);
  }

  /** There will be no other try. */
  forget(): void {
    this.whole = false;
    this.chunks.length = 0;
  }
}
