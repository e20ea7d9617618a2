import type { Headers } from '../headers.ts';
import type { Http2Stream, StreamEvents } from '../http2/connection.ts';
import type { RequestHead } from '../http2/head.ts';
import type { StreamEnd } from '../http2/http2-error.ts';
import { isGrpcType } from './content-type.ts';
import { MessageReader, messagePrefix } from './framing.ts';
import { encodeGrpcMessage } from './grpc-message.ts';
import { GRPC_CODE } from './status.ts';

/** Who calls. */
export interface Caller {
  /** IP address, without the port. */
  readonly address: string;
  /** DER of its leaf certificate; undefined where it showed none, or one that does not lead to a trusted root. */
  readonly certificate: Uint8Array | undefined;
}

/** What happens on a call; `onClose` comes exactly once and last. */
export interface ServerCallEvents {
  /** One whole message. It is the receiver's own. */
  onMessage(message: Buffer): void;
  /** The client will send no more messages. */
  onEnd(): void;
  /** Queued bytes have gone after `send` returned false. */
  onDrain?(): void;
  onClose(): void;
}

/** The server's side of one call, of any kind. After the end every method is without effect. */
export interface GrpcServerCall {
  readonly path: string;
  readonly caller: Caller;
  /** False once it is over, for whatever reason. */
  readonly isOpen: boolean;
  /** Values of a header of the request, in lower case; several are joined by `, `. */
  header(name: string): string | undefined;
  /** Who hears of the call. Until then nothing is read: what the client sends waits, within its window. */
  handle(events: ServerCallEvents): void;
  /** Sends one message in pieces, which are not altered afterwards. False: more waits than is good, `onDrain` follows. */
  send(pieces: readonly Uint8Array[]): boolean;
  /** Ends it with a status of gRPC; after what was sent. */
  end(code: number, message: string): void;
}

/** The call of a stream. */
export class ServerCall implements GrpcServerCall, StreamEvents {
  readonly path: string;
  readonly caller: Caller;
  readonly #headers: Headers;
  readonly #stream: Http2Stream;
  readonly #reader: MessageReader;
  #events: ServerCallEvents | undefined;
  #held: Buffer[] = [];
  #hasEnded = false;
  #toldEnd = false;
  #isDelivering = false;
  #hasResponded = false;
  #isOpen = true;

  constructor(stream: Http2Stream, head: RequestHead, caller: Caller, maxMessageBytes: number) {
    this.path = head.path;
    this.caller = caller;
    this.#headers = head.headers;
    this.#stream = stream;
    this.#reader = new MessageReader(maxMessageBytes);
  }

  get isOpen(): boolean {
    return this.#isOpen && !this.#stream.closed;
  }

  header(name: string): string | undefined {
    const values: string[] = [];
    for (let i = 0; i + 1 < this.#headers.length; i += 2)
      if (this.#headers[i] === name) values.push(this.#headers[i + 1] as string);
    return values.length === 0 ? undefined : values.join(', ');
  }

  handle(events: ServerCallEvents): void {
    this.#events = events;
    if (this.isOpen) this.#deliver();
    else events.onClose();
  }

  send(pieces: readonly Uint8Array[]): boolean {
    if (!this.isOpen) return true;
    this.#respond();
    this.#stream.sendData(messagePrefix(pieces.reduce((sum, { length }) => sum + length, 0)), false);
    let room = true;
    for (const piece of pieces) room = this.#stream.sendShared(piece);
    return room;
  }

  end(code: number, message: string): void {
    if (!this.isOpen) return;
    this.#isOpen = false;
    const status = [
      'grpc-status',
      String(code),
      ...(message ? ['grpc-message', encodeGrpcMessage(message)] : []),
    ];
    if (this.#hasResponded) this.#stream.sendTrailers(status);
    else this.#stream.respond({ status: 200, headers: [...GRPC_HEADERS, ...status] }, true);
    this.#held = [];
    if (!this.#hasEnded) this.#stream.abandonRequest();
  }

  onData(bytes: Buffer, ended: boolean): void {
    if (!this.isOpen) return;
    if (bytes.length > 0) this.#held.push(bytes);
    if (ended) this.#hasEnded = true;
    this.#deliver();
  }

  /** A client of gRPC sends none. */
  onTrailers(): void {
    this.#hasEnded = true;
    this.#deliver();
  }

  onDrain(): void {
    if (this.isOpen) this.#events?.onDrain?.();
  }

  onClose(_end: StreamEnd): void {
    this.#isOpen = false;
    this.#held = [];
    this.#events?.onClose();
  }

  #respond(): void {
    if (this.#hasResponded) return;
    this.#hasResponded = true;
    this.#stream.respond({ status: 200, headers: [...GRPC_HEADERS] }, false);
  }

  #deliver(): void {
    if (this.#isDelivering || this.#events === undefined) return;
    this.#isDelivering = true;
    while (this.isOpen && this.#deliverOne(this.#events));
    this.#isDelivering = false;
  }

  /** One step; false where there is nothing more to do now. */
  #deliverOne(events: ServerCallEvents): boolean {
    const read = this.#reader.read();
    if (read.kind === 'message') events.onMessage(read.message);
    else if (read.kind === 'too-large')
      this.end(GRPC_CODE.RESOURCE_EXHAUSTED, `a message of ${read.bytes} bytes is too large`);
    else if (read.kind === 'compressed')
      this.end(GRPC_CODE.UNIMPLEMENTED, 'compressed messages are not taken');
    else return this.#nextBytes(events);
    return true;
  }

  #nextBytes(events: ServerCallEvents): boolean {
    const bytes = this.#held.shift();
    if (bytes !== undefined) {
      this.#reader.add(bytes);
      this.#stream.consume(bytes.length);
      return true;
    }
    if (this.#hasEnded && !this.#toldEnd) {
      this.#toldEnd = true;
      events.onEnd();
    }
    return false;
  }
}

const GRPC_HEADERS = ['content-type', 'application/grpc'] as const;

/** What is no call of gRPC is answered as HTTP says; false where that was done. */
export function isGrpcRequest(stream: Http2Stream, { method, headers }: RequestHead): boolean {
  const at = headers.indexOf('content-type');
  if (method === 'POST' && isGrpcType(at < 0 ? undefined : headers[at + 1])) return true;
  stream.respond({ status: method === 'POST' ? 415 : 405, headers: [] }, true);
  stream.abandonRequest();
  return false;
}
