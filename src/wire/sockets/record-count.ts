/** How many TLS records are whole in what has come so far (RFC 8446 §5.1): what OpenSSL has to be asked for. */
export class RecordCount {
  /** Bytes of the present record's header, and of its body, that are still to come; a header is begun with 5. */
  #header = HEADER_BYTES;
  #body = 0;
  #broken = false;
  #type = 0;

  /** Counts the records that end within the first `count` bytes. What is no record counts as one: OpenSSL has to see it. */
  in(bytes: Uint8Array, count: number): number {
    const alone = this.#header === HEADER_BYTES && count > HEADER_BYTES && !this.#broken;
    if (
      alone &&
      count === HEADER_BYTES + (bytes[3]! << 8) + bytes[4]! &&
      isHeader(bytes[0]!, count - HEADER_BYTES)
    )
      return 1;
    return this.#walk(bytes, count);
  }

  #walk(bytes: Uint8Array, count: number): number {
    let ends = 0;
    let at = 0;
    while (at < count && !this.#broken) {
      if (this.#header > 0) at += this.#readHeader(bytes[at]!);
      else {
        const taken = Math.min(this.#body, count - at);
        at += taken;
        this.#body -= taken;
      }
      if (this.#header > 0 || this.#body > 0) continue;
      ends++;
      this.#header = HEADER_BYTES;
    }
    return this.#broken ? ends + 1 : ends;
  }

  #readHeader(byte: number): number {
    this.#header--;
    if (this.#header === 4) this.#type = byte;
    else if (this.#header < 2) this.#body = (this.#body << 8) | byte;
    if (this.#header === 0) this.#broken = !isHeader(this.#type, this.#body);
    return 1;
  }
}

const HEADER_BYTES = 5;
/** change_cipher_spec to application_data. */
const FIRST_TYPE = 20;
const LAST_TYPE = 23;
/** 2^14 and what encryption may add (TLS 1.2; TLS 1.3 allows 256). */
const MAX_BODY_BYTES = 16_384 + 2_048;

function isHeader(type: number, bodyBytes: number): boolean {
  return type >= FIRST_TYPE && type <= LAST_TYPE && bodyBytes <= MAX_BODY_BYTES;
}
