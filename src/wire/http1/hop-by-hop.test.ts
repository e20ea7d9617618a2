import { describe, expect, it } from 'vitest';
import { getHeader, getJoinedHeader, removeHeader, setHeader } from '../headers.ts';
import { isFieldName, isFieldValue } from './characters.ts';
import { removeHopByHop } from './hop-by-hop.ts';
import { lastChunk, requestHead, responseHead } from './serialize.ts';

function passedOn(...headers: string[]): string[] {
  removeHopByHop(headers);
  return headers;
}

describe('what a proxy must not pass on', () => {
  it('is what belongs to the connection, and what Connection names', () => {
    const headers = ['Host', 'a', 'Connection', 'close, X-Mine', 'x-mine', '1', 'Keep-Alive', 'timeout=5'];
    const more = ['Upgrade', 'h2c', 'Transfer-Encoding', 'chunked', 'Proxy-Connection', 'close', 'X', 'y'];
    expect(passedOn(...headers, ...more)).toEqual(['Host', 'a', 'X', 'y']);
    expect(passedOn('TE', 'gzip', 'Accept', '*/*')).toEqual(['Accept', '*/*']);
    expect(passedOn('te', 'trailers')).toEqual(['te', 'trailers']);
    expect(passedOn('te', 'Trailers, deflate')).toEqual(['te', 'trailers']);
  });

  it('is never a field that says who asks or for what', () => {
    const headers = ['Connection', 'authorization, host, x-forwarded-for', 'Host', 'a', 'Authorization', 'b'];
    expect(passedOn(...headers)).toEqual(['Host', 'a', 'Authorization', 'b']);
  });
});

describe('header lists', () => {
  it('find names in any case and keep places', () => {
    const headers = ['Accept', 'a', 'X-One', '1', 'accept', 'b', 'x-two', '2'];
    expect([getHeader(headers, 'accept'), getJoinedHeader(headers, 'accept')]).toEqual(['a', 'a, b']);
    setHeader(headers, 'accept', 'c');
    expect(headers).toEqual(['Accept', 'c', 'X-One', '1', 'x-two', '2']);
    setHeader(headers, 'new', 'n');
    expect([removeHeader(headers, 'x-one'), removeHeader(headers, 'x-one')]).toEqual([true, false]);
    expect(headers).toEqual(['Accept', 'c', 'x-two', '2', 'new', 'n']);
    // [ and { differ by 32 as letters do, but are not letters
    expect(getHeader(['x[', '1'], 'x{')).toBeUndefined();
  });
});

describe('serializing', () => {
  it('writes heads with this connection’s own fields', () => {
    expect(requestHead('GET', '/', ['host', 'a'])).toBe('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    const hop = { chunked: true, connection: 'upgrade', upgrade: 'websocket' } as const;
    expect(responseHead(404, '', ['X', ''], hop)).toBe(
      'HTTP/1.1 404 Not Found\r\nX: \r\ntransfer-encoding: chunked\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
    );
    expect(responseHead(299, '', [])).toBe('HTTP/1.1 299 Unknown\r\n\r\n');
    expect(lastChunk(['x', 'y'])).toBe('0\r\nx: y\r\n\r\n');
  });

  it('offers a check for fields from elsewhere', () => {
    expect(['x', 'X-1', '', 'a b', 'a:', 'é', 'x\r\n'].map(isFieldName)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
      false,
    ]);
    expect(['', 'a b', 'caf\xe9', ' a', 'a\r\nb', '€'].map(isFieldValue)).toEqual([
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
  });
});
