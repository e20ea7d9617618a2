import { connect, type Socket } from 'node:net';

// One call of gRPC over one connection of HTTP/2, as little of it as a benchmark's client needs: frames are looked at in
// the buffer that they were read into, which all connections share, and no byte is kept or copied. Windows are those of
// Envoy. What an honest server does not send ends the connection.

/** What happens on the call. */
export interface LightEvents {
  /** Bytes of the response: `bytes` from `start` to `end`, good for this call only. */
  onData(bytes: Buffer, start: number, end: number): void;
  /** It is over, which it should not be. */
  onEnd(reason: string): void;
}

const frame = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goaway: 7, windowUpdate: 8 } as const;
const HEADER_BYTES = 9;
const END_HEADERS = 4;
const ACK = 1;
const END_STREAM = 1;
const STREAM = 1;
/** Envoy's initial_stream_window_size and initial_connection_window_size. */
const STREAM_WINDOW_BYTES = 16 * 1024 * 1024;
const CONNECTION_WINDOW_BYTES = 24 * 1024 * 1024;
const FIRST_WINDOW_BYTES = 65_535;
const MAX_PAYLOAD_BYTES = 16_384;
const READ_BYTES = 256 * 1024;

const shared = Buffer.allocUnsafeSlow(READ_BYTES);
const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1'),
  // ENABLE_PUSH 0, INITIAL_WINDOW_SIZE
  frameOf(frame.settings, 0, 0, Buffer.concat([setting(2, 0), setting(4, STREAM_WINDOW_BYTES)])),
  frameOf(frame.windowUpdate, 0, 0, uint32(CONNECTION_WINDOW_BYTES - FIRST_WINDOW_BYTES)),
]);

/** The connection with its call, from the first byte on. */
export class LightConnection {
  readonly #socket: Socket;
  readonly #events: LightEvents;
  /** Of a frame's header that came in parts. */
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #headerBytes = 0;
  #type = 0;
  #flags = 0;
  /** Payload of the frame that is still to come. */
  #left = 0;
  /** Payload of a small frame that is read as a whole. */
  #small: Buffer | undefined;
  #smallBytes = 0;
  /** Bytes since the windows were last opened. */
  #received = 0;

  constructor(port: number, path: string, events: LightEvents) {
    this.#events = events;
    const onread = {
      buffer: shared,
      callback: (count: number) => {
        this.#read(count);
        return true;
      },
    };
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true, onread });
    this.#socket.on('error', (error) => events.onEnd(error.message));
    this.#socket.on('close', () => events.onEnd('the connection was closed'));
    this.#socket.write(
      Buffer.concat([PREFACE, frameOf(frame.headers, END_HEADERS, STREAM, headersOf(port, path))]),
    );
  }

  /** Sends one message. */
  send(message: Uint8Array): void {
    const whole = Buffer.concat([Buffer.of(0), uint32(message.length), message]);
    const frames: Buffer[] = [];
    for (let at = 0; at < whole.length; at += MAX_PAYLOAD_BYTES)
      frames.push(frameOf(frame.data, 0, STREAM, whole.subarray(at, at + MAX_PAYLOAD_BYTES)));
    this.#socket.write(frames.length === 1 ? frames[0]! : Buffer.concat(frames));
  }

  #read(count: number): void {
    let at = 0;
    while (at < count) {
      if (this.#left === 0 && this.#small === undefined) at = this.#readHeader(at, count);
      else if (this.#small === undefined) at = this.#passData(at, count);
      else at = this.#gather(this.#small, at, count);
    }
  }

  #readHeader(start: number, count: number): number {
    let at = start;
    while (this.#headerBytes < HEADER_BYTES && at < count)
      this.#header[this.#headerBytes++] = shared[at++] as number;
    if (this.#headerBytes < HEADER_BYTES) return at;
    this.#headerBytes = 0;
    this.#left = this.#header.readUIntBE(0, 3);
    this.#type = this.#header[3] as number;
    this.#flags = this.#header[4] as number;
    if (this.#type === frame.data) return at;
    this.#small = Buffer.alloc(this.#left);
    this.#smallBytes = 0;
    return this.#gather(this.#small, at, count);
  }

  #passData(at: number, count: number): number {
    const end = Math.min(count, at + this.#left);
    this.#left -= end - at;
    this.#events.onData(shared, at, end);
    this.#received += end - at;
    if (this.#received >= STREAM_WINDOW_BYTES / 2) this.#openWindows();
    return end;
  }

  #openWindows(): void {
    const bytes = uint32(this.#received);
    this.#received = 0;
    this.#socket.write(
      Buffer.concat([
        frameOf(frame.windowUpdate, 0, 0, bytes),
        frameOf(frame.windowUpdate, 0, STREAM, bytes),
      ]),
    );
  }

  #gather(small: Buffer, at: number, count: number): number {
    const end = Math.min(count, at + small.length - this.#smallBytes);
    shared.copy(small, this.#smallBytes, at, end);
    this.#smallBytes += end - at;
    if (this.#smallBytes < small.length) return end;
    this.#small = undefined;
    this.#left = 0;
    this.#take(small);
    return end;
  }

  #take(payload: Buffer): void {
    const isAck = (this.#flags & ACK) !== 0;
    if (this.#type === frame.settings && !isAck) this.#socket.write(frameOf(frame.settings, ACK, 0, NOTHING));
    else if (this.#type === frame.ping && !isAck) this.#socket.write(frameOf(frame.ping, ACK, 0, payload));
    else if (this.#type === frame.headers && (this.#flags & END_STREAM) !== 0)
      this.#events.onEnd('the server ended the call');
    else if (this.#type === frame.reset) this.#events.onEnd(`reset ${payload.readUInt32BE(0)}`);
    else if (this.#type === frame.goaway) this.#events.onEnd(`GOAWAY ${payload.toString('latin1', 8)}`);
  }
}

const NOTHING = Buffer.alloc(0);

function frameOf(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(stream, 5);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

function setting(identifier: number, value: number): Buffer {
  const bytes = Buffer.alloc(6);
  bytes.writeUInt16BE(identifier, 0);
  bytes.writeUInt32BE(value, 2);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}

/** HPACK without tables: every field a literal, never indexed (RFC 7541 §6.2.3). */
function headersOf(port: number, path: string): Buffer {
  const fields = {
    ':method': 'POST',
    ':scheme': 'http',
    ':authority': `127.0.0.1:${port}`,
    ':path': path,
    te: 'trailers',
    'content-type': 'application/grpc',
  };
  const parts = Object.entries(fields).flatMap(([name, value]) => [
    Buffer.of(0x10),
    literal(name),
    literal(value),
  ]);
  return Buffer.concat(parts);
}

/** A text of less than 127 bytes. */
function literal(text: string): Buffer {
  return Buffer.concat([Buffer.of(text.length), Buffer.from(text, 'latin1')]);
}
