import { DEFAULT_MAX_FRAME_BYTES, FRAME, FRAME_HEADER_BYTES } from './protocol.ts';

// What many connections are sent alike is put into DATA frames once for all of them: the frames of two connections differ
// in the stream's id only, and clients with one stream all have the same. A connection then sends long stretches of
// finished frames by reference, which costs a few calls instead of two buffers for each frame. Bytes that go through once,
// as in the proxy, never come here.

/** Smaller ones are copied into the connection's output, which costs less than another buffer to write. */
export const SHARED_FROM_BYTES = DEFAULT_MAX_FRAME_BYTES;
/** A stretch, without the frames' headers: so much of one stream goes out before another stream has its turn. */
export const STRETCH_BYTES = 8 * DEFAULT_MAX_FRAME_BYTES;

interface Framed {
  /** 0: none are made yet. */
  readonly streamId: number;
  /** By place. Held weakly: the garbage collector may have them back at any time, then they are made again. */
  readonly stretches: (WeakRef<Buffer> | undefined)[];
}

/** For one stream's id each. */
const framed = new WeakMap<Uint8Array, Framed>();

/** These bytes will be sent by many connections. */
export function share(bytes: Uint8Array): void {
  if (!framed.has(bytes)) framed.set(bytes, { streamId: 0, stretches: [] });
}

export function isShared(bytes: Uint8Array): boolean {
  return framed.has(bytes);
}

/** How many bytes the stretch holds that begins at `start`, a multiple of STRETCH_BYTES. */
export function stretchLength(bytes: Uint8Array, start: number): number {
  return Math.min(bytes.length - start, STRETCH_BYTES);
}

/** Number of DATA frames for so many bytes. */
export function framesFor(length: number): number {
  return Math.ceil(length / DEFAULT_MAX_FRAME_BYTES);
}

/** That stretch of `bytes` as DATA frames of the stream, none of which ends it. Not to be altered, as `bytes` are not any more. */
export function sharedFrames(bytes: Uint8Array, start: number, streamId: number): Buffer {
  let known = framed.get(bytes);
  if (known?.streamId !== streamId) framed.set(bytes, (known = { streamId, stretches: [] }));
  const place = start / STRETCH_BYTES;
  const made = known.stretches[place]?.deref() ?? frame(bytes, start, streamId);
  if (known.stretches[place]?.deref() !== made) known.stretches[place] = new WeakRef(made);
  return made;
}

function frame(bytes: Uint8Array, start: number, streamId: number): Buffer {
  const length = stretchLength(bytes, start);
  const frames = Buffer.allocUnsafeSlow(length + framesFor(length) * FRAME_HEADER_BYTES);
  let at = 0;
  for (let from = start; from < start + length; from += DEFAULT_MAX_FRAME_BYTES) {
    const part = bytes.subarray(from, Math.min(from + DEFAULT_MAX_FRAME_BYTES, start + length));
    at = frames.writeUIntBE(part.length, at, 3);
    at = frames.writeUInt16BE(FRAME.DATA << 8, at);
    at = frames.writeUInt32BE(streamId, at);
    frames.set(part, at);
    at += part.length;
  }
  return frames;
}
