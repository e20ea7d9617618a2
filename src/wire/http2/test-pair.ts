import { manualClock } from '../../lib/manual-clock.ts';
import type { Headers } from '../headers.ts';
import type {
  ByteOutput,
  ConnectionEvents,
  Http2Machine,
  Http2Options,
  Http2Stream,
  ResponseEvents,
} from './connection.ts';
import type { RequestHead, ResponseHead } from './head.ts';
import type { Http2Error, StreamEnd } from './http2-error.ts';
import { errorName } from './protocol.ts';
import { createHttp2 } from './session.ts';

// Two ends of HTTP/2 in memory, or one end with hand-made bytes, for the tests of this folder. Never shipped.

/** Collects what a machine writes. */
export class Sink implements ByteOutput {
  bytes: Buffer[] = [];
  wanted = false;
  finished = false;
  /** What write() answers. */
  room = true;

  write(parts: readonly Buffer[]): boolean {
    this.bytes.push(...parts);
    return this.room;
  }
  wantFlush(): void {
    this.wanted = true;
  }
  finish(): void {
    this.finished = true;
  }
  /** Everything written since the last call. */
  take(): Buffer {
    const all = Buffer.concat(this.bytes);
    this.bytes = [];
    return all;
  }
}

/** A stream with the list of what it reported, bodies joined and consumed as they come (unless told). */
export class Exchange implements ResponseEvents {
  stream: Http2Stream | undefined;
  readonly log: string[] = [];
  body: Buffer = Buffer.alloc(0);
  drains = 0;
  end: StreamEnd | undefined;
  consumes = true;
  /** Called after each report. */
  after: (what: string) => void = () => {};

  onHead(head: ResponseHead, ended: boolean): void {
    this.note(`head ${head.status} ${head.headers.join(' ')}${ended ? ' ended' : ''}`);
  }
  onData(bytes: Buffer, ended: boolean): void {
    this.body = Buffer.concat([this.body, bytes]);
    if (this.consumes) this.stream?.consume(bytes.length);
    if (ended) this.note('data ended');
  }
  onTrailers(trailers: Headers): void {
    this.note(`trailers ${trailers.join(' ')}`);
  }
  onDrain(): void {
    this.drains++;
  }
  onClose(end: StreamEnd): void {
    this.end = end;
    this.note(`closed ${errorName(end.errorCode)} by ${end.by}${end.retryable ? ', retryable' : ''}`);
  }
  note(what: string): void {
    this.log.push(what);
    this.after(what);
  }
}

/** One end, its events collected. */
export class End implements ConnectionEvents {
  readonly sink = new Sink();
  readonly machine: Http2Machine;
  readonly requests: { readonly head: RequestHead; readonly exchange: Exchange }[] = [];
  readonly goaways: string[] = [];
  pongs = 0;
  closed = false;
  error: Http2Error | undefined;
  /** Server: answers a request, right away. */
  answer: (stream: Http2Stream, head: RequestHead, ended: boolean, exchange: Exchange) => void = () => {};

  constructor(role: 'client' | 'server', options: Partial<Http2Options> = {}) {
    this.machine = createHttp2({ role, clock: manualClock(), events: this, ...options }, this.sink);
  }

  onRequest(stream: Http2Stream, head: RequestHead, ended: boolean): Exchange {
    const exchange = new Exchange();
    exchange.stream = stream;
    exchange.log.push(`request ${head.method} ${head.path}${ended ? ' ended' : ''}`);
    this.requests.push({ head, exchange });
    this.answer(stream, head, ended, exchange);
    return exchange;
  }
  onGoaway(errorCode: number, debug: string): void {
    this.goaways.push(`${errorName(errorCode)} ${debug}`.trim());
  }
  onPong(): void {
    this.pongs++;
  }
  onClose(error: Http2Error | undefined): void {
    this.closed = true;
    this.error = error;
  }

  /** Client: a request that is answered into the exchange. */
  request(head: Partial<RequestHead> = {}, ended = true): Exchange {
    const exchange = new Exchange();
    const whole = {
      method: 'GET',
      scheme: 'http',
      authority: 'a',
      path: '/',
      protocol: '',
      headers: [],
      ...head,
    };
    exchange.stream = this.machine.request(whole, ended, exchange);
    return exchange;
  }

  /** Everything there is to write. */
  output(): Buffer {
    if (this.sink.wanted) {
      this.sink.wanted = false;
      this.machine.flush();
    }
    return this.sink.take();
  }
}

/** Carries bytes between two ends until both are silent. */
export function run(client: End, server: End): void {
  for (let round = 0; round < 10_000; round++) {
    const up = client.output();
    if (up.length > 0) server.machine.receive(up);
    const down = server.output();
    if (down.length > 0) client.machine.receive(down);
    if (up.length === 0 && down.length === 0 && !client.sink.wanted && !server.sink.wanted) return;
  }
  throw new Error('the ends do not fall silent');
}

/** Two ends that have exchanged SETTINGS. */
export function createPair(
  clientOptions: Partial<Http2Options> = {},
  serverOptions: Partial<Http2Options> = {},
): { client: End; server: End } {
  const client = new End('client', clientOptions);
  const server = new End('server', serverOptions);
  run(client, server);
  return { client, server };
}

/** A frame from its parts. */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = new Uint8Array(0),
): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

/** Four bytes, big-endian. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A header block of literals without table. Names and values below 127 bytes. */
export function block(...fields: string[]): Buffer {
  const parts: Buffer[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    parts.push(Buffer.from([0]));
    for (const text of [fields[i] as string, fields[i + 1] as string])
      parts.push(Buffer.from([text.length]), Buffer.from(text, 'latin1'));
  }
  return Buffer.concat(parts);
}

/** The block of a plain GET. */
export const GET_BLOCK: Buffer = block(':method', 'GET', ':scheme', 'http', ':authority', 'a', ':path', '/');

/** Type, stream and flags of each frame in some bytes; the preface is skipped. */
export function framesIn(
  bytes: Buffer,
): { type: number; flags: number; streamId: number; payload: Buffer }[] {
  const frames: { type: number; flags: number; streamId: number; payload: Buffer }[] = [];
  for (let at = bytes.toString('latin1', 0, 3) === 'PRI' ? 24 : 0; at < bytes.length; ) {
    const length = bytes.readUIntBE(at, 3);
    const payload = bytes.subarray(at + 9, at + 9 + length);
    frames.push({
      type: bytes[at + 3] as number,
      flags: bytes[at + 4] as number,
      streamId: bytes.readUInt32BE(at + 5),
      payload,
    });
    at += 9 + length;
  }
  return frames;
}
