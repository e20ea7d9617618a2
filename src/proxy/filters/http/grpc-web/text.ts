import type { Headers } from '../../../../wire/headers.ts';

// The forms of gRPC-Web (PROTOCOL-WEB.md of gRPC): base64 of the text form, and trailers as a message.

const EMPTY = Buffer.alloc(0);
const PREFIX_BYTES = 5;
const TRAILERS_FLAG = 0x80;

/** Base64 in pieces -> bytes. */
export class Base64Decoder {
  /** Fewer than four characters that wait for the rest of their group. */
  #left = '';

  /** Undefined where it is no base64. */
  decode(bytes: Buffer, end: boolean): Buffer | undefined {
    const text = this.#left + bytes.toString('latin1');
    const whole = text.length - (text.length % 4);
    this.#left = text.slice(whole);
    if (end && this.#left !== '') return undefined;
    const now = text.slice(0, whole);
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(now)) return undefined;
    return now === '' ? EMPTY : Buffer.from(now, 'base64');
  }
}

/** gRPC messages in pieces -> base64 of whole messages, each with its own padding as Envoy sends them. */
export class FrameEncoder {
  #kept: Buffer = EMPTY;

  add(bytes: Buffer): Buffer {
    if (bytes.length === 0) return EMPTY;
    const all = this.#kept.length === 0 ? bytes : Buffer.concat([this.#kept, bytes]);
    const encoded: string[] = [];
    let at = 0;
    while (all.length - at >= PREFIX_BYTES) {
      const end = at + PREFIX_BYTES + all.readUInt32BE(at + 1);
      if (end > all.length) break;
      encoded.push(all.toString('base64', at, end));
      at = end;
    }
    this.#kept = all.subarray(at);
    return encoded.length === 0 ? EMPTY : Buffer.from(encoded.join(''), 'latin1');
  }
}

/** `grpc-status:0\r\n` and so on, as a message with the flag of trailers. */
export function trailersFrame(trailers: Headers): Buffer {
  let text = '';
  for (let i = 0; i < trailers.length; i += 2)
    text += `${(trailers[i] as string).toLowerCase()}:${trailers[i + 1]}\r\n`;
  const frame = Buffer.alloc(PREFIX_BYTES + text.length);
  frame[0] = TRAILERS_FLAG;
  frame.writeUInt32BE(text.length, 1);
  frame.write(text, PREFIX_BYTES, 'latin1');
  return frame;
}
