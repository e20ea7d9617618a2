// The first message of a TLS client (RFC 8446 §4.1.2, RFC 5246 §7.4.1.2), read before TLS starts, so that server name
// and application protocols can choose the filter chain. In: the connection's first bytes. Out: what the client asks
// for, or that more bytes are needed, or that this is no ClientHello. Nothing is verified here: TLS itself will.
// Never happens: a throw; reading past a length the message claims; waiting for more than MAX_CLIENT_HELLO_BYTES.

/** What the client asks for. */
export interface ClientHello {
  /** Server name (RFC 6066 §3) in lower case, '' when none is asked for. */
  readonly sni: string;
  /** Application protocols offered, in the client's order (RFC 7301). */
  readonly alpn: readonly string[];
  /** The highest version offered: 0x0303 is TLS 1.2, 0x0304 TLS 1.3; GREASE values are ignored. */
  readonly version: number;
}

/** Post-quantum key shares and many extensions stay far below; Envoy's limit is the same. */
export const MAX_CLIENT_HELLO_BYTES = 16 * 1024;

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const RECORD_HEADER_BYTES = 5;
const HANDSHAKE_HEADER_BYTES = 4;
const MAX_RECORD_BYTES = 16_384;
const SERVER_NAME = 0;
const HOST_NAME = 0;
const ALPN = 16;
const SUPPORTED_VERSIONS = 43;

/** Reads the ClientHello at the start of `bytes`. Call again with all bytes so far while it answers `need-more`. */
export function parseClientHello(bytes: Uint8Array): ClientHello | 'need-more' | 'not-tls' {
  const message = joinRecords(bytes);
  if (message === 'need-more' || message === 'not-tls') return message;
  return readHello(message) ?? 'not-tls';
}

/** The handshake message without its 4-byte header, put together from as many records as it was cut into. */
function joinRecords(bytes: Uint8Array): Uint8Array | 'need-more' | 'not-tls' {
  const parts: Uint8Array[] = [];
  const header: number[] = [];
  let have = 0;
  let at = 0;
  for (;;) {
    const length = recordLength(bytes, at);
    if (typeof length === 'string') return length;
    const fragment = bytes.subarray(at + RECORD_HEADER_BYTES, at + RECORD_HEADER_BYTES + length);
    parts.push(fragment);
    have += fragment.length;
    for (let i = 0; header.length < 4 && i < fragment.length; i++) header.push(fragment[i] as number);
    const wanted = messageLength(header);
    if (wanted === 'not-tls') return wanted;
    if (have >= HANDSHAKE_HEADER_BYTES + wanted)
      return concat(parts, have).subarray(HANDSHAKE_HEADER_BYTES, HANDSHAKE_HEADER_BYTES + wanted);
    if (fragment.length < length) return 'need-more';
    at += RECORD_HEADER_BYTES + length;
  }
}

/** Length of the message whose first bytes are given; infinite while they do not tell. */
function messageLength(header: readonly number[]): number | 'not-tls' {
  const [type, high, middle, low] = header;
  if (type !== undefined && type !== CLIENT_HELLO) return 'not-tls';
  if (high === undefined || middle === undefined || low === undefined) return Number.POSITIVE_INFINITY;
  const length = (high << 16) | (middle << 8) | low;
  return length > MAX_CLIENT_HELLO_BYTES ? 'not-tls' : length;
}

function recordLength(bytes: Uint8Array, at: number): number | 'need-more' | 'not-tls' {
  const type = bytes[at];
  const major = bytes[at + 1];
  if (type !== undefined && type !== HANDSHAKE_RECORD) return 'not-tls';
  if (major !== undefined && major !== 3) return 'not-tls';
  if (at + RECORD_HEADER_BYTES > bytes.length) return 'need-more';
  const length = uint16(bytes, at + 3);
  // An empty handshake record is forbidden (RFC 8446 §5.1), and would let a peer keep us reading for ever.
  return length === 0 || length > MAX_RECORD_BYTES ? 'not-tls' : length;
}

function readHello(message: Uint8Array): ClientHello | undefined {
  const reader = new Reader(message);
  const legacyVersion = reader.uint16();
  reader.skip(32); // random
  reader.vector(1); // session id
  reader.vector(2); // cipher suites
  reader.vector(1); // compression methods
  if (reader.failed) return undefined;
  // TLS 1.2 may come without extensions at all.
  const extensions = reader.atEnd ? new Reader(new Uint8Array()) : new Reader(reader.vector(2));
  const hello = { sni: '', alpn: [] as string[], version: legacyVersion };
  const seen = new Set<number>();
  while (!extensions.atEnd && !extensions.failed) {
    const type = extensions.uint16();
    const body = new Reader(extensions.vector(2));
    if (extensions.failed || seen.has(type)) return undefined; // RFC 8446 §4.2: one of each type
    seen.add(type);
    if (!readExtension(type, body, hello)) return undefined;
  }
  return reader.failed || extensions.failed || !reader.atEnd ? undefined : hello;
}

function readExtension(
  type: number,
  body: Reader,
  hello: { sni: string; alpn: string[]; version: number },
): boolean {
  if (type === SERVER_NAME) hello.sni = readServerName(body);
  else if (type === ALPN) hello.alpn = readProtocols(body);
  else if (type === SUPPORTED_VERSIONS) hello.version = readVersions(body, hello.version);
  return !body.failed;
}

function readServerName(body: Reader): string {
  const names = new Reader(body.vector(2));
  let name = '';
  while (!names.atEnd && !names.failed) {
    const type = names.byte();
    const value = names.vector(2);
    if (type !== HOST_NAME) continue;
    // A name with NUL, spaces or bytes beyond ASCII, or a second name, is a trick and not a name.
    if (name !== '' || value.length === 0 || !value.every((byte) => byte > 0x20 && byte < 0x7f)) body.fail();
    else name = ascii(value).toLowerCase();
  }
  if (names.failed) body.fail();
  return name;
}

function readProtocols(body: Reader): string[] {
  const list = new Reader(body.vector(2));
  const protocols: string[] = [];
  while (!list.atEnd && !list.failed) protocols.push(ascii(list.vector(1)));
  if (list.failed || protocols.includes('')) body.fail();
  return protocols;
}

function readVersions(body: Reader, legacyVersion: number): number {
  const list = new Reader(body.vector(1));
  let best = 0;
  while (!list.atEnd && !list.failed) {
    const version = list.uint16();
    if (version >> 8 === 3 && version > best) best = version;
  }
  if (list.failed) body.fail();
  return best === 0 ? legacyVersion : best;
}

/** Walks length-prefixed bytes; past the end it answers zeros and remembers that it failed. */
class Reader {
  failed = false;
  #at = 0;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }
  fail(): void {
    this.failed = true;
  }
  skip(count: number): Uint8Array {
    const end = this.#at + count;
    if (end > this.#bytes.length) this.failed = true;
    const skipped = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return skipped;
  }
  byte(): number {
    return this.skip(1)[0] ?? 0;
  }
  uint16(): number {
    const bytes = this.skip(2);
    return this.failed ? 0 : uint16(bytes, 0);
  }
  /** Bytes behind a length of `lengthBytes` bytes. */
  vector(lengthBytes: 1 | 2): Uint8Array {
    return this.skip(lengthBytes === 1 ? this.byte() : this.uint16());
  }
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function concat(parts: readonly Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0] as Uint8Array;
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
