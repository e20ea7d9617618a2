// Guesses from its first bytes what a client speaks, for ports where nothing says so. Clients of protocols in which
// the server speaks first send nothing: the caller's time limit decides those, not this file.

/** `http1`: a method and a target are there; `http2`: the preface with prior knowledge (RFC 9113 §3.4). */
export type FirstBytes = 'tls' | 'http1' | 'http2' | 'other' | 'need-more';

const HTTP2_PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
/** Longest request method that is taken for HTTP; registered ones end at 16 (UPDATEREDIRECTREF is 17 and unused). */
const MAX_METHOD_BYTES = 32;
/** How much of a request line is looked at: the version at its end tells HTTP from other lines of text. */
export const MAX_SNIFFED_BYTES = 8 * 1024;

/** Classifies all bytes so far. */
export function classifyFirstBytes(bytes: Uint8Array): FirstBytes {
  if (bytes.length === 0) return 'need-more';
  if (bytes[0] === 22) return classifyTls(bytes);
  return matchesPreface(bytes) ?? classifyRequestLine(bytes);
}

function classifyTls(bytes: Uint8Array): FirstBytes {
  // Handshake record, version 3.x, then (after the length) a ClientHello: other bytes are another protocol's.
  if (bytes.length > 1 && bytes[1] !== 3) return 'other';
  if (bytes.length > 5) return bytes[5] === 1 ? 'tls' : 'other';
  return 'need-more';
}

function matchesPreface(bytes: Uint8Array): FirstBytes | undefined {
  const length = Math.min(bytes.length, HTTP2_PREFACE.length);
  for (let i = 0; i < length; i++) if (bytes[i] !== HTTP2_PREFACE.charCodeAt(i)) return undefined;
  return length === HTTP2_PREFACE.length ? 'http2' : 'need-more';
}

function classifyRequestLine(bytes: Uint8Array): FirstBytes {
  // A blank line may come before a request (RFC 9112 §2.2).
  const start = bytes[0] === 13 ? 2 : 0;
  if (start === 2 && bytes.length > 1 && bytes[1] !== 10) return 'other';
  const space = methodEnd(bytes, start);
  if (space === 'need-more' || space === 'other') return space;
  const limit = Math.min(bytes.length, MAX_SNIFFED_BYTES);
  for (let i = space + 1; i < limit; i++) {
    const byte = bytes[i] as number;
    if (byte === 10) return endsInVersion(bytes, i) ? 'http1' : 'other';
    if (byte !== 13 && (byte < 32 || byte === 127)) return 'other';
  }
  // So long and no line end yet: after a good method this is a long target rather than another protocol.
  return bytes.length >= MAX_SNIFFED_BYTES ? 'http1' : 'need-more';
}

function methodEnd(bytes: Uint8Array, start: number): number | 'need-more' | 'other' {
  for (let i = start; i < bytes.length; i++) {
    const byte = bytes[i] as number;
    if (byte === 32) return i > start ? i : 'other';
    const isMethodByte =
      (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte === 45 || byte === 95;
    if (!isMethodByte || i - start >= MAX_METHOD_BYTES) return 'other';
  }
  return 'need-more';
}

/** Whether the line that ends at `newline` ends in HTTP/1.x (a bare LF included: HTTP's parser will refuse it). */
function endsInVersion(bytes: Uint8Array, newline: number): boolean {
  const end = bytes[newline - 1] === 13 ? newline - 1 : newline;
  const version = String.fromCharCode(...bytes.subarray(Math.max(0, end - 9), end));
  return /^ HTTP\/1\.\d$/.test(version);
}
