/**
 * Frames for the test's own two ends, sound or not, and the peer that reads what a proxy sent. Written without weft's
 * frame code, so that one mistake is not made on both sides; header blocks are read with weft's HPACK, which has vectors.
 */
import type { Socket } from 'node:net';
import { HpackDecoder } from '../../../src/wire/http2/hpack/decoder.ts';
import { CLIENT_PREFACE, ERROR_CODE, errorName, FLAG, FRAME } from '../../../src/wire/http2/protocol.ts';
import { frame as rawFrame } from '../../../src/wire/http2/test-pair.ts';

export type Field = readonly [name: string, value: string];

export interface Frame {
  /** The n-th stream of its case, from 1 (in an answer: the request's); 0 is the connection. */
  readonly stream: number;
  readonly type: number;
  readonly flags?: number;
  /** A header block, encoded literally. */
  readonly fields?: readonly Field[];
  /** latin1 */
  readonly payload?: string;
  /** Bytes of padding. */
  readonly pad?: number;
  /** The block is cut into so many frames. */
  readonly parts?: number;
  /** With the fields of PRIORITY. */
  readonly priority?: boolean;
}

/** The frame's bytes on the stream with this id. */
export function encodeFrame(frame: Frame, id: number): Buffer {
  const { type, flags = 0, fields, payload = '', pad, parts = 1, priority = false } = frame;
  const block = fields === undefined ? Buffer.from(payload, 'latin1') : Buffer.concat(fields.map(literal));
  const size = Math.ceil(block.length / parts);
  const first = [
    pad === undefined ? Buffer.alloc(0) : Buffer.of(pad),
    priority ? Buffer.of(0, 0, 0, 0, 10) : Buffer.alloc(0),
    block.subarray(0, size),
    Buffer.alloc(pad ?? 0),
  ];
  const more = (pad === undefined ? 0 : FLAG.PADDED) | (priority ? FLAG.PRIORITY : 0);
  if (parts === 1) return rawFrame(type, flags | more, id, Buffer.concat(first));
  const frames = [rawFrame(type, (flags | more) & ~FLAG.END_HEADERS, id, Buffer.concat(first))];
  for (let at = size; at < block.length || frames.length < parts; at += size) {
    const end = frames.length + 1 >= parts && at + size >= block.length ? FLAG.END_HEADERS : 0;
    frames.push(rawFrame(FRAME.CONTINUATION, end, id, block.subarray(at, at + size)));
  }
  return Buffer.concat(frames);
}

function literal([name, value]: Field): Buffer {
  const [n, v] = [Buffer.from(name, 'latin1'), Buffer.from(value, 'latin1')];
  return Buffer.concat([Buffer.of(0), integer(n.length), n, integer(v.length), v]);
}

function integer(value: number): Buffer {
  if (value < 127) return Buffer.of(value);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

/** What came on one stream. */
export interface Heard {
  readonly id: number;
  /** Header blocks before the body, and behind it. */
  readonly blocks: (readonly Field[])[];
  trailers: readonly Field[] | undefined;
  body: string;
  /** `complete`: END_STREAM; otherwise the code of RST_STREAM. */
  end: 'open' | 'complete' | `reset ${string}`;
  /** Code of a reset that came after END_STREAM. */
  resetAfterEnd: boolean;
}

const BIG_WINDOW = 1 << 24;

/** One end of a connection: opens it, acknowledges, and keeps what it hears. */
export class Peer {
  readonly socket: Socket;
  readonly streams = new Map<number, Heard>();
  goaway: string | undefined;
  ended = false;
  /** Hears of everything that arrives. */
  onChange: (stream: Heard | undefined) => void = () => {};
  readonly #decoder = new HpackDecoder();
  #bytes = Buffer.alloc(0);
  #block: Buffer[] = [];
  #prefaceBytes: number;
  #endStream = false;
  #waiting: Buffer[] | undefined;

  constructor(socket: Socket, role: 'client' | 'server') {
    this.socket = socket;
    this.#prefaceBytes = role === 'server' ? CLIENT_PREFACE.length : 0;
    const settings = Buffer.alloc(6);
    settings.writeUInt16BE(4, 0);
    settings.writeUInt32BE(BIG_WINDOW, 2);
    const update = Buffer.alloc(4);
    update.writeUInt32BE(BIG_WINDOW, 0);
    socket.write(
      Buffer.concat([
        role === 'client' ? CLIENT_PREFACE : Buffer.alloc(0),
        rawFrame(FRAME.SETTINGS, 0, 0, settings),
        rawFrame(FRAME.WINDOW_UPDATE, 0, 0, update),
      ]),
    );
    socket.on('data', (bytes: Buffer) => this.#read(bytes));
    for (const event of ['end', 'error', 'close']) socket.on(event, () => this.#over());
  }

  #over(): void {
    if (this.ended) return;
    this.ended = true;
    this.socket.end();
    this.onChange(undefined);
  }

  #read(bytes: Buffer): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    if (this.#prefaceBytes > 0) {
      if (this.#bytes.length < this.#prefaceBytes) return;
      this.#bytes = this.#bytes.subarray(this.#prefaceBytes);
      this.#prefaceBytes = 0;
    }
    while (this.#bytes.length >= 9) {
      const length = this.#bytes.readUIntBE(0, 3);
      if (this.#bytes.length < 9 + length) return;
      const [type = 0, flags = 0] = this.#bytes.subarray(3, 5);
      const id = this.#bytes.readUInt32BE(5) & 0x7fff_ffff;
      const payload = this.#bytes.subarray(9, 9 + length);
      this.#bytes = this.#bytes.subarray(9 + length);
      this.#take(type, flags, id, payload);
    }
  }

  #take(type: number, flags: number, id: number, payload: Buffer): void {
    const isAck = (flags & FLAG.ACK) !== 0;
    if (type === FRAME.SETTINGS && !isAck)
      this.#write(rawFrame(FRAME.SETTINGS, FLAG.ACK, 0, Buffer.alloc(0)));
    else if (type === FRAME.PING && !isAck) this.#write(rawFrame(FRAME.PING, FLAG.ACK, 0, payload));
    else if (type === FRAME.GOAWAY) {
      const code = payload.readUInt32BE(4);
      if (code !== ERROR_CODE.NO_ERROR || this.goaway === undefined) this.goaway = errorName(code);
    } else if (type === FRAME.HEADERS || type === FRAME.CONTINUATION || type === FRAME.DATA)
      return void this.#takeContent(type, flags, id, payload);
    else if (type === FRAME.RST_STREAM) {
      const stream = this.#stream(id);
      if (stream.end === 'open') stream.end = `reset ${errorName(payload.readUInt32BE(0))}`;
      else stream.resetAfterEnd = true;
      return void this.onChange(stream);
    }
    this.onChange(undefined);
  }

  #takeContent(type: number, flags: number, id: number, payload: Buffer): void {
    const stream = this.#stream(id);
    // CONTINUATION has no END_STREAM: what HEADERS said holds.
    if (type === FRAME.DATA) stream.body += payload.toString('latin1');
    else {
      this.#block.push(payload);
      if (type === FRAME.HEADERS) this.#endStream = (flags & FLAG.END_STREAM) !== 0;
      if ((flags & FLAG.END_HEADERS) === 0) return;
      this.#takeBlock(stream);
    }
    const ended = type === FRAME.DATA ? (flags & FLAG.END_STREAM) !== 0 : this.#endStream;
    if (ended) stream.end = 'complete';
    this.onChange(stream);
  }

  #takeBlock(stream: Heard): void {
    const block = Buffer.concat(this.#block);
    this.#block = [];
    const fields: Field[] = [];
    this.#decoder.decode(block, 0, block.length, {
      onField: (name, value) => void fields.push([name, value]),
    });
    const status = stream.blocks.at(-1)?.find(([name]) => name === ':status')?.[1] ?? '';
    const isMore = stream.blocks.length > 0 && !status.startsWith('1');
    if (isMore) stream.trailers = fields;
    else stream.blocks.push(fields);
  }

  #stream(id: number): Heard {
    let stream = this.streams.get(id);
    if (stream === undefined) {
      stream = { id, blocks: [], trailers: undefined, body: '', end: 'open', resetAfterEnd: false };
      this.streams.set(id, stream);
    }
    return stream;
  }

  /** While the end's own bytes are cut within a frame, nothing may go between. */
  hold(): void {
    this.#waiting = [];
  }

  release(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const bytes of waiting) this.#write(bytes);
  }

  #write(bytes: Buffer): void {
    if (this.#waiting !== undefined) {
      this.#waiting.push(bytes);
      return;
    }
    if (!this.socket.destroyed && this.socket.writable) this.socket.write(bytes);
  }
}
