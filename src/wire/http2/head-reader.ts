import type { Headers } from '../headers.ts';
import { FIELD, INVALID } from './field-kind.ts';
import type { RequestHead, ResponseHead } from './head.ts';
import type { FieldSink } from './hpack/decoder.ts';

/** What the size of a head is counted by (RFC 9113 §10.5.1, RFC 7541 §4.1). */
const FIELD_OVERHEAD_BYTES = 32;

/** Used for one head or trailers at a time: reset(), fields from the decoder, then one of the three results. */
export class HeadReader implements FieldSink {
  readonly #maxListBytes: number;
  readonly #maxCount: number;
  #listBytes = 0;
  #count = 0;
  #fault = '';
  #headers: Headers = [];
  #method = '';
  #scheme = '';
  #authority: string | undefined;
  #host: string | undefined;
  #path = '';
  #protocol = '';
  #status = '';
  /** Bit per kind of pseudo-header that came. */
  #seen = 0;
  #cookie: string | undefined;

  /** The head is larger than allowed; its fields are incomplete. */
  tooLarge = false;
  /** The declared length of the body, -1 where none is declared. */
  contentLength = -1;

  constructor(maxListBytes: number, maxCount: number) {
    this.#maxListBytes = maxListBytes;
    this.#maxCount = maxCount;
  }

  reset(): void {
    this.#listBytes = 0;
    this.#count = 0;
    this.#fault = '';
    this.#headers = [];
    this.#method = '';
    this.#scheme = '';
    this.#authority = undefined;
    this.#host = undefined;
    this.#path = '';
    this.#protocol = '';
    this.#status = '';
    this.#seen = 0;
    this.#cookie = undefined;
    this.tooLarge = false;
    this.contentLength = -1;
  }

  onField(name: string, value: string, kind: number): void {
    this.#listBytes += name.length + value.length + FIELD_OVERHEAD_BYTES;
    if (++this.#count > this.#maxCount || this.#listBytes > this.#maxListBytes) this.tooLarge = true;
    else if (kind === FIELD.REGULAR) this.#headers.push(name, value);
    else this.#special(name, value, kind);
  }

  /** The request, or a sentence about what is wrong with it (RFC 9113 §8.3.1). */
  request(): RequestHead | string {
    const fault = this.#requestFault();
    if (fault !== '') return fault;
    this.#addCookie();
    return {
      method: this.#method,
      scheme: this.#scheme,
      authority: this.#authority ?? this.#host ?? '',
      path: this.#path,
      protocol: this.#protocol,
      headers: this.#headers,
    };
  }

  /** The response, or a sentence about what is wrong with it (RFC 9113 §8.3.2). */
  response(): ResponseHead | string {
    if (this.#fault !== '') return this.#fault;
    if (this.#status === '') return 'A response has no :status.';
    if (this.#seen !== 1 << FIELD.STATUS) return 'A response has pseudo-headers of a request.';
    if (this.#host !== undefined) this.#headers.push('host', this.#host);
    this.#addCookie();
    return { status: Number(this.#status), headers: this.#headers };
  }

  /** The trailers, or a sentence about what is wrong with them (RFC 9113 §8.1). */
  trailers(): Headers | string {
    if (this.#fault !== '') return this.#fault;
    if (this.#seen !== 0) return 'Trailers have a pseudo-header.';
    if (this.#host !== undefined) return 'Trailers have a host.';
    this.#addCookie();
    return this.#headers;
  }

  /** Its crumbs are one field again, the last one, as in Envoy. */
  #addCookie(): void {
    if (this.#cookie !== undefined) this.#headers.push('cookie', this.#cookie);
  }

  #requestFault(): string {
    if (this.#fault !== '') return this.#fault;
    if (this.#method === '') return 'A request has no :method.';
    if (this.#status !== '') return 'A request has a :status.';
    if (this.#authority !== undefined && this.#host !== undefined && this.#authority !== this.#host)
      return 'A request has a host that is not its :authority.';
    if (this.#method === 'CONNECT' && this.#protocol === '') return this.#connectFault();
    if (this.#protocol !== '' && this.#method !== 'CONNECT')
      return 'A request other than CONNECT has a :protocol.';
    if (this.#scheme === '') return 'A request has no :scheme.';
    if (this.#path === '') return 'A request has no :path.';
    if (this.#path === '*' && this.#method !== 'OPTIONS')
      return 'A request other than OPTIONS has the :path *.';
    return '';
  }

  #connectFault(): string {
    if (this.#scheme !== '' || this.#path !== '') return 'A CONNECT request has a :scheme or a :path.';
    return this.#authority ? '' : 'A CONNECT request has no :authority.';
  }

  #special(name: string, value: string, kind: number): void {
    if ((kind & INVALID) !== 0)
      this.#blame(`The field ${nameForPeople(name)} has characters it must not have.`);
    else if (kind <= FIELD.STATUS) this.#pseudo(name, value, kind);
    else if (kind === FIELD.FORBIDDEN) this.#blame(`The field ${name} has no place in HTTP/2.`);
    else if (kind === FIELD.COOKIE)
      this.#cookie = this.#cookie === undefined ? value : `${this.#cookie}; ${value}`;
    else if (kind === FIELD.HOST) this.#takeHost(value);
    else {
      if (kind === FIELD.CONTENT_LENGTH && !this.#takeLength(value)) return;
      this.#headers.push(name, value);
    }
  }

  #pseudo(name: string, value: string, kind: number): void {
    if (this.#headers.length > 0 || this.#host !== undefined || this.#cookie !== undefined)
      this.#blame(`The pseudo-header ${name} comes after a field.`);
    if ((this.#seen & (1 << kind)) !== 0) this.#blame(`The pseudo-header ${name} comes twice.`);
    this.#seen |= 1 << kind;
    if (kind === FIELD.METHOD) this.#method = value;
    else if (kind === FIELD.SCHEME) this.#scheme = value;
    else if (kind === FIELD.AUTHORITY) this.#authority = value;
    else if (kind === FIELD.PATH) this.#path = value;
    else if (kind === FIELD.PROTOCOL) this.#protocol = value;
    else this.#status = value;
  }

  #takeHost(value: string): void {
    if (this.#host !== undefined) this.#blame('The field host comes twice.');
    this.#host = value;
  }

  #takeLength(value: string): boolean {
    if (this.contentLength < 0) {
      this.contentLength = Number(value);
      return true;
    }
    // Equal ones too (RFC 9110 8.6 lets us): whoever reads it next might join them.
    this.#blame('The field content-length comes twice.');
    return false;
  }

  #blame(fault: string): void {
    if (this.#fault === '') this.#fault = fault;
  }
}

/** A name that may hold anything, cut and cleaned for a log line. */
function nameForPeople(name: string): string {
  return JSON.stringify(name.slice(0, 40));
}
