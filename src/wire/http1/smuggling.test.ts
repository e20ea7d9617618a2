import { describe, expect, it } from 'vitest';
import { DEFAULT_HTTP1_LIMITS, type Http1Limits } from './limits.ts';
import { tellRequests, tellResponses } from './recorder.ts';

// Messages that two readers could read differently: each is refused before a byte of it is passed on.

const GET = { method: 'GET', upgrade: false };
const start = 'POST / HTTP/1.1\r\nHost: a\r\n';

describe('a request is refused', () => {
  it.each([
    [
      'both lengths',
      `${start}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
      'conflicting_framing',
      400,
    ],
    ['two lengths', `${start}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`, 'bad_content_length', 400],
    [
      'the same length twice',
      `${start}Content-Length: 5\r\ncontent-length: 5\r\n\r\n`,
      'bad_content_length',
      400,
    ],
    ['a list of lengths', `${start}Content-Length: 5, 5\r\n\r\n`, 'bad_content_length', 400],
    ['a signed length', `${start}Content-Length: +5\r\n\r\n`, 'bad_content_length', 400],
    ['a negative length', `${start}Content-Length: -5\r\n\r\n`, 'bad_content_length', 400],
    ['a hex length', `${start}Content-Length: 0x5\r\n\r\n`, 'bad_content_length', 400],
    ['an empty length', `${start}Content-Length:\r\n\r\n`, 'bad_content_length', 400],
    ['a length with a blank', `${start}Content-Length: 1 2\r\n\r\n`, 'bad_content_length', 400],
    ['a length past 2^53', `${start}Content-Length: 9007199254740993\r\n\r\n`, 'bad_content_length', 400],
    ['an unknown coding', `${start}Transfer-Encoding: xchunked\r\n\r\n`, 'bad_transfer_encoding', 400],
    ['chunked not last', `${start}Transfer-Encoding: chunked, gzip\r\n\r\n`, 'bad_transfer_encoding', 400],
    [
      'chunked twice',
      `${start}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
      'bad_transfer_encoding',
      400,
    ],
    [
      'identity and chunked',
      `${start}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n\r\n`,
      'bad_transfer_encoding',
      400,
    ],
    [
      'an empty coding and chunked',
      `${start}Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n\r\n`,
      'bad_transfer_encoding',
      400,
    ],
    ['an empty coding', `${start}Transfer-Encoding:\r\n\r\n`, 'bad_transfer_encoding', 400],
    [
      'a vertical tab in the coding',
      `${start}Transfer-Encoding: \x0bchunked\r\n\r\n`,
      'bad_header_value',
      400,
    ],
    ['gzip', `${start}Transfer-Encoding: gzip, chunked\r\n\r\n`, 'unknown_transfer_coding', 501],
    [
      'a coding in HTTP/1.0',
      'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n',
      'bad_transfer_encoding',
      400,
    ],
    [
      'a body on CONNECT',
      'CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 5\r\n\r\n',
      'unexpected_body',
      400,
    ],
    ['bare LF after a field', `${start}X: y\nZ: 1\r\n\r\n`, 'bad_line_end', 400],
    ['bare LF after the start line', 'GET / HTTP/1.1\nHost: a\r\n\r\n', 'bad_line_end', 400],
    ['bare LF as the end of the head', `${start}\n`, 'bad_line_end', 400],
    ['bare CR after a field', `${start}X: y\rZ: 1\r\n\r\n`, 'bad_line_end', 400],
    ['CR CR LF', `${start}X: y\r\r\n\r\n`, 'bad_line_end', 400],
    ['folding', `${start}X: y\r\n z\r\n\r\n`, 'obsolete_folding', 400],
    ['folding of the first field', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n', 'obsolete_folding', 400],
    ['space before the colon', `${start}Content-Length : 5\r\n\r\n`, 'bad_header_name', 400],
    ['tab before the colon', `${start}Transfer-Encoding\t: chunked\r\n\r\n`, 'bad_header_name', 400],
    ['no name', `${start}: y\r\n\r\n`, 'bad_header_name', 400],
    ['no colon', `${start}X\r\n\r\n`, 'bad_header_name', 400],
    ['NUL in a name', `${start}Content\0-Length: 5\r\n\r\n`, 'bad_header_name', 400],
    ['NUL in a value', `${start}X: a\0b\r\n\r\n`, 'bad_header_value', 400],
    ['DEL in a value', `${start}X: a\x7fb\r\n\r\n`, 'bad_header_value', 400],
    ['a name beyond ASCII', `${start}X\xe9: y\r\n\r\n`, 'bad_header_name', 400],
    ['two hosts', `${start}Host: b\r\n\r\n`, 'bad_host', 400],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', 'bad_host', 400],
    ['a list of hosts', 'GET / HTTP/1.1\r\nHost: a,b\r\n\r\n', 'bad_host', 400],
    ['a host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 'bad_host', 400],
    ['a host with a user', 'GET / HTTP/1.1\r\nHost: u@b\r\n\r\n', 'bad_host', 400],
    ['a target with a user', 'GET http://u@b/ HTTP/1.1\r\nHost: b\r\n\r\n', 'bad_target', 400],
    ['a target with a fragment', 'GET /a#b HTTP/1.1\r\nHost: b\r\n\r\n', 'bad_target', 400],
    ['a target without a slash', 'GET a HTTP/1.1\r\nHost: b\r\n\r\n', 'bad_target', 400],
    ['* without OPTIONS', 'GET * HTTP/1.1\r\nHost: b\r\n\r\n', 'bad_target', 400],
    ['CONNECT without a port', 'CONNECT b HTTP/1.1\r\nHost: b\r\n\r\n', 'bad_target', 400],
    ['a target with a tab', 'GET /a\tb HTTP/1.1\r\nHost: b\r\n\r\n', 'bad_target', 400],
    ['two spaces', 'GET  / HTTP/1.1\r\nHost: b\r\n\r\n', 'bad_target', 400],
    ['two spaces before the version', 'GET /  HTTP/1.1\r\nHost: b\r\n\r\n', 'bad_version', 400],
    ['a space after the version', 'GET / HTTP/1.1 \r\nHost: b\r\n\r\n', 'bad_version', 400],
    ['HTTP/0.9', 'GET /\r\n', 'bad_start_line', 400],
    ['a method that is none', 'GE(T / HTTP/1.1\r\nHost: b\r\n\r\n', 'bad_method', 400],
    ['a lower-case version', 'GET / http/1.1\r\nHost: b\r\n\r\n', 'bad_version', 400],
    ['HTTP/1.2', 'GET / HTTP/1.2\r\nHost: b\r\n\r\n', 'unsupported_version', 505],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'unsupported_version', 505],
  ])('with %s', (_name, text, error, status) => {
    expect(tellRequests([text])).toEqual([{ error, status }]);
  });

  it.each([
    ['no size', '\r\nhello\r\n', 'bad_chunk'],
    ['a prefix', '0x5\r\nhello\r\n', 'bad_chunk'],
    ['a sign', '+5\r\nhello\r\n', 'bad_chunk'],
    ['a space before it', ' 5\r\nhello\r\n', 'bad_chunk'],
    ['a space after it', '5 \r\nhello\r\n', 'bad_chunk'],
    ['too many digits', '00000000000000005\r\nhello\r\n', 'bad_chunk'],
    ['a size past 2^53', '40000000000000\r\nhello\r\n', 'bad_chunk'],
    ['bare LF', '5\nhello\r\n', 'bad_line_end'],
    ['bare CR', '5\rhello\r\n', 'bad_line_end'],
    ['bare LF in an extension', '5;a\nhello\r\n', 'bad_line_end'],
    ['NUL in an extension', '5;a\0\r\nhello\r\n', 'bad_chunk'],
    ['more bytes than it said', '4\r\nhello\r\n', 'bad_chunk'],
    ['LF alone at its end', '5\r\nhello\n', 'bad_chunk'],
    ['a length among the trailers', '0\r\nContent-Length: 5\r\n\r\n', 'bad_trailer'],
    ['a host among the trailers', '0\r\nHOST: a\r\n\r\n', 'bad_trailer'],
    ['bare LF after the trailers', '0\r\nX: y\n\r\n', 'bad_line_end'],
  ])('when a chunk has %s', (_name, text, error) => {
    const told = tellRequests([`${start}Transfer-Encoding: chunked\r\n\r\n${text}`]);
    expect(told.at(-1)).toEqual({ error, status: 400 });
  });
});

describe('a response is refused', () => {
  it.each([
    ['both lengths', 'Content-Length: 5\r\nTransfer-Encoding: chunked'],
    ['two lengths', 'Content-Length: 5\r\nContent-Length: 6'],
    ['a coding we cannot undo', 'Transfer-Encoding: gzip'],
    ['folding', 'X: y\r\n z'],
    ['a bare CR', 'X: y\rz'],
  ])('with %s: the client gets 502', (_name, fields) => {
    const told = tellResponses([`HTTP/1.1 200 OK\r\n${fields}\r\n\r\n`], [GET]);
    expect(told).toMatchObject([{ status: 502 }]);
  });
});

describe('limits', () => {
  const small: Http1Limits = {
    ...DEFAULT_HTTP1_LIMITS,
    maxStartLineBytes: 40,
    maxHeaderBytes: 60,
    maxHeaderCount: 3,
    maxChunkLineBytes: 10,
    maxChunkExtensionBytes: 12,
  };
  const line = `GET /${'x'.repeat(24)} HTTP/1.1\r\n`; // 40 bytes
  const fields = `Host: a\r\nX: ${'y'.repeat(44)}\r\n\r\n`; // 60 bytes

  it('are inclusive', () => {
    expect(tellRequests([line + fields], small)).toMatchObject([{ head: {} }, { end: undefined }]);
  });

  it.each([
    ['start line', line.replace('/', '/x') + fields, 'start_line_too_long', 414],
    ['fields', line + fields.replace('y', 'yy'), 'headers_too_large', 431],
    ['field count', `${line}A: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\n\r\n`, 'too_many_headers', 431],
  ])('name the %s', (_name, text, error, status) => {
    expect(tellRequests([text], small)).toEqual([{ error, status }]);
    expect(tellRequests([...text], small)).toEqual([{ error, status }]);
  });

  it('hold for chunk lines and all extensions together', () => {
    const chunked = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';
    const long = tellRequests([`${chunked}1;abcdefgh\r\nx\r\n`], small);
    expect(long.at(-1)).toEqual({ error: 'chunk_line_too_long', status: 400 });
    const many = tellRequests([`${chunked}${'1;abcdef\r\nx\r\n'.repeat(2)}`], small);
    expect(many.at(-1)).toEqual({ error: 'chunk_line_too_long', status: 400 });
  });

  it('end a head that never ends', () => {
    const endless = Array.from(
      { length: 4000 },
      () => 'X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n',
    );
    const limits = { ...DEFAULT_HTTP1_LIMITS, maxHeaderCount: 1_000_000 };
    expect(tellRequests(['GET / HTTP/1.1\r\n', ...endless], limits)).toMatchObject([{ status: 431 }]);
  });
});
