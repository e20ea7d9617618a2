// What generated HTTP/2 is made of: sound parts, odd ones and hostile ones. Most come from those of HTTP/1.
import { FLAG, FRAME } from '../../../src/wire/http2/protocol.ts';
import { ANSWER_FIELDS, ODD_ANSWER_FIELDS } from '../answer-parts.ts';
import { FIELDS, HOSTILE_FIELDS } from '../request-parts.ts';
import type { Field, Frame } from './frames.ts';

/** Fields of one connection have no place here (RFC 9113 8.2.2). */
const OF_CONNECTION = /^(connection|keep-alive|proxy-connection|transfer-encoding|upgrade|host)$/;

function fieldsOf(lines: readonly string[], keep: (field: Field) => boolean): readonly Field[] {
  return lines
    .filter((line) => /^[^:\r\n]*:[^\r\n]*\r?\n$/.test(line))
    .map((line): Field => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).replace(/^[ \t]+|[ \t]*\r?\n$/g, '')];
    })
    .filter(keep);
}

const isSound = ([name, value]: Field): boolean =>
  !OF_CONNECTION.test(name) && !(name === 'te' && value !== 'trailers') && name !== 'expect';

export const H2_FIELDS: readonly Field[] = [
  ...fieldsOf(FIELDS, isSound),
  ['x-long', 'v'.repeat(9000)],
  ['cookie', 'c=3'],
  ['cookie', 'd=4'],
];

export const H2_HOSTILE_FIELDS: readonly Field[] = [
  ...fieldsOf(FIELDS, (field) => !isSound(field)),
  ...fieldsOf(HOSTILE_FIELDS, ([name]) => name !== 'upgrade' && name !== ''),
  ...([
    ['Upper', 'a'],
    ['x-Mixed', 'a'],
    ['', 'none'],
    [':foo', 'a'],
    [':status', '200'],
    [':path', '/again'],
    [':scheme', 'https'],
    ['x-nul', 'a\0b'],
    ['x-cr', 'a\rb'],
    ['x-lf', 'a\nb'],
    ['x-lead', ' a'],
    ['x-ctl', 'a\x01'],
    ['x colon:', 'a'],
    ['te', 'gzip'],
    ['te', 'trailers, gzip'],
    ['host', 'a'],
    ['host', 'other'],
  ] satisfies Field[]),
  ...Array.from({ length: 1 }, (): Field => ['x-large', 'v'.repeat(70_000)]),
];

export const H2_TARGETS_ODD = [
  ...['', 'a', '*', '//a', '/a#b', '/a b', '/\xe9', '/a\x7f', '/a\tb', '?q', 'http://a/x'],
  ...[`/${'l'.repeat(9000)}`],
];
export const AUTHORITIES_ODD = ['', 'u@a', 'a b', 'a/b', 'a:x', 'a,b', '[::1]:80', 'A.B', 'a:0'];
export const SCHEMES_ODD = ['https', 'ftp', '', 'HTTP', 'h p'];
export const METHODS_ODD = ['get', 'BREW', 'M-SEARCH', 'G@T', 'GE T', '', 'PRI', 'X'.repeat(300)];

export const H2_ANSWER_FIELDS: readonly Field[] = fieldsOf(ANSWER_FIELDS, isSound);
export const H2_ODD_ANSWER_FIELDS: readonly Field[] = [
  ...fieldsOf(ODD_ANSWER_FIELDS, () => true),
  ...([
    ['Upper', 'a'],
    [':status', '200'],
    [':path', '/'],
    ['x-nul', 'a\0b'],
    ['x-lf', 'a\nb'],
    ['host', 'a'],
    ['te', 'gzip'],
    ['connection', 'close'],
    ['x-large', 'v'.repeat(70_000)],
  ] satisfies Field[]),
];
export const STATUSES = [
  '200',
  '200',
  '200',
  '201',
  '204',
  '304',
  '404',
  '500',
  '503',
  '302',
  '299',
  '599',
  '205',
];
export const STATUSES_ODD = ['99', '600', '1000', 'abc', '', '+200', '0200', '101', '100', ' 200'];

export const GRPC_TRAILERS: readonly (readonly Field[])[] = [
  [['grpc-status', '0']],
  [
    ['grpc-status', '5'],
    ['grpc-message', 'not%20here'],
  ],
  [['x-trailer', '1']],
];

/** Trailers that are not. */
export const BAD_TRAILERS: readonly (readonly Field[])[] = [
  [[':status', '200']],
  [[':path', '/']],
  [['Upper', 'x']],
  [['connection', 'close']],
  [['x-nul', '\0']],
];

const uint32 = (value: number): string =>
  String.fromCharCode(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
export const code = uint32;

/** Frames of the connection that change nothing for anybody. */
export const HARMLESS: readonly Frame[] = [
  { stream: 0, type: FRAME.PING, payload: '12345678' },
  { stream: 0, type: FRAME.SETTINGS, payload: `\0\x03${uint32(50)}` },
  { stream: 0, type: FRAME.SETTINGS, payload: `\0\x01${uint32(0)}` },
  { stream: 0, type: FRAME.SETTINGS, payload: `\x7f\x01${uint32(7)}` },
  { stream: 0, type: FRAME.WINDOW_UPDATE, payload: uint32(1000) },
  { stream: 0, type: 0x33, payload: 'a frame that nobody knows' },
  { stream: 0, type: FRAME.PING, flags: FLAG.ACK, payload: '87654321' },
];

/** Frames that end the connection. */
export const BREAKING: readonly Frame[] = [
  { stream: 0, type: FRAME.PING, payload: '1234' },
  { stream: 0, type: FRAME.SETTINGS, payload: 'abc' },
  { stream: 0, type: FRAME.SETTINGS, payload: `\0\x05${uint32(1)}` },
  { stream: 0, type: FRAME.SETTINGS, payload: `\0\x04${uint32(0xffffffff)}` },
  { stream: 0, type: FRAME.SETTINGS, flags: FLAG.ACK, payload: `\0\x03${uint32(1)}` },
  { stream: 0, type: FRAME.WINDOW_UPDATE, payload: uint32(0) },
  { stream: 0, type: FRAME.WINDOW_UPDATE, payload: uint32(0x7fffffff) },
  { stream: 0, type: FRAME.DATA, payload: 'a' },
  { stream: 0, type: FRAME.RST_STREAM, payload: uint32(8) },
  { stream: 0, type: FRAME.GOAWAY, payload: 'a' },
  { stream: 0, type: FRAME.CONTINUATION, flags: FLAG.END_HEADERS, payload: '' },
  { stream: 0, type: FRAME.PUSH_PROMISE, flags: FLAG.END_HEADERS, payload: uint32(2) },
  { stream: 9, type: FRAME.DATA, payload: 'idle' },
  { stream: 9, type: FRAME.RST_STREAM, payload: uint32(8) },
  { stream: 9, type: FRAME.WINDOW_UPDATE, payload: uint32(1) },
  { stream: 1, type: FRAME.CONTINUATION, flags: FLAG.END_HEADERS, payload: '' },
  { stream: 1, type: FRAME.RST_STREAM, payload: 'abc' },
  { stream: 1, type: FRAME.PRIORITY, payload: 'abc' },
  { stream: 1, type: FRAME.PUSH_PROMISE, flags: FLAG.END_HEADERS, payload: uint32(2) },
  { stream: 1, type: FRAME.HEADERS, flags: FLAG.END_HEADERS, payload: '\x80' },
  { stream: 1, type: FRAME.HEADERS, flags: FLAG.END_HEADERS, payload: '\xff\xff\xff\xff\xff\xff' },
  { stream: 1, type: FRAME.DATA, flags: FLAG.PADDED, payload: '\x09a' },
];

/** Frames of a stream that end it, or do nothing. */
export const STREAM_ODDITIES: readonly Omit<Frame, 'stream'>[] = [
  { type: FRAME.PRIORITY, payload: '\0\0\0\0\x05' },
  { type: FRAME.WINDOW_UPDATE, payload: uint32(100) },
  { type: 0x44, payload: 'unknown' },
  { type: FRAME.DATA, payload: '' },
  { type: FRAME.DATA, payload: '', pad: 20 },
  { type: FRAME.WINDOW_UPDATE, payload: uint32(0) },
  { type: FRAME.WINDOW_UPDATE, payload: uint32(0x7fffffff) },
  { type: FRAME.RST_STREAM, payload: uint32(8) },
  { type: FRAME.RST_STREAM, payload: uint32(0) },
  { type: FRAME.RST_STREAM, payload: uint32(7) },
];
