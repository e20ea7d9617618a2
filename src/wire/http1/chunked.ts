import { CHUNK_EXTENSION, HEX_DIGIT } from './characters.ts';
import type { Http1ErrorCode } from './error.ts';
import type { Http1Limits } from './limits.ts';

// Chunk-size lines (RFC 9112 §7.1): hex digits, optional extensions, CRLF. Extensions are checked and dropped.

/** A chunk's size, the position after its line, and how many bytes of extensions the line had. */
export interface ChunkLine {
  readonly size: number;
  readonly end: number;
  readonly extensionBytes: number;
}

/** 2^52 bytes in 13 hex digits; leading zeros may make it 16, as some servers write them. */
const MAX_SIZE_DIGITS = 16;

/** Parses the line at `from`; undefined while bytes are missing. Errors come strictly left to right. */
export function parseChunkLine(
  bytes: Buffer,
  from: number,
  limits: Http1Limits,
): ChunkLine | Http1ErrorCode | undefined {
  const stop = Math.min(bytes.length, from + limits.maxChunkLineBytes);
  let at = from;
  let size = 0;
  for (; at < stop; at++) {
    const digit = HEX_DIGIT[bytes[at] as number] as number;
    if (digit === 0) break;
    size = size * 16 + digit - 1;
    if (at - from >= MAX_SIZE_DIGITS || size > Number.MAX_SAFE_INTEGER) return 'bad_chunk';
  }
  const sizeEnd = at;
  if (at < stop && at === from) return 'bad_chunk';
  while (at < stop && (bytes[at] === 32 || bytes[at] === 9)) at++;
  // White space is only allowed before an extension: `5 \r\n` is five to some and nothing to others.
  if (at < stop && bytes[at] !== 59 && (at !== sizeEnd || bytes[at] !== 13))
    return bytes[at] === 10 ? 'bad_line_end' : 'bad_chunk';
  while (at < stop && CHUNK_EXTENSION[bytes[at] as number] === 1) at++;
  if (at < stop && bytes[at] !== 13) return bytes[at] === 10 ? 'bad_line_end' : 'bad_chunk';
  if (at + 1 < stop)
    return bytes[at + 1] === 10 ? { size, end: at + 2, extensionBytes: at - sizeEnd } : 'bad_line_end';
  return stop - from >= limits.maxChunkLineBytes ? 'chunk_line_too_long' : undefined;
}
