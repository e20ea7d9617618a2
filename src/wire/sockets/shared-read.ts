import { type OnReadOpts, Socket } from 'node:net';
import { allIsBack, lend } from '../lent-bytes.ts';

// Reading plain sockets without an allocation of 64 KiB each time. Left alone, Node allocates that much for every read,
// shrinks it to what came, and tells the garbage collector: a sixth of the CPU of a proxied request
// (docs/decisions/0012-reading.md). Here all sockets read into one buffer, one after the other, and what came is copied
// out of it into a buffer of its own size. A socket that brings much at once reads into a buffer of its own, which is
// handed on as it is and replaced, unless all of it comes back (lent-bytes.ts): that much is not copied. TLS sockets get their bytes from the TLS layer as ever.

/** A socket that knows who wants its bytes, and how it reads now. */
export interface ReadTarget extends Socket {
  weftConnection?: { receive(bytes: Buffer): void };
  /** Small reads since the last large one; undefined: it reads into the shared buffer. */
  weftSmallReads?: number | undefined;
}

/** What is used of Node's own: the socket below an accepted connection. */
interface SocketHandle {
  useUserBuffer?: unknown;
}

/** Largest read; what it was in Node itself. */
const READ_BYTES = 64 * 1024;
/** From here on a read is large: copying it costs more than memory of its own. */
const LARGE_BYTES = 32 * 1024;
/** After so many small reads in a row a socket gives its own buffer up. */
const MAX_SMALL_READS = 8;
/** Sockets with a buffer of their own: 8 MiB at most are held. The others copy. */
const MAX_OWN_BUFFERS = 128;

const shared = Buffer.allocUnsafeSlow(READ_BYTES);
let ownBuffers = 0;
/** What the socket that is being read reads into next. */
let next: Uint8Array | undefined = shared;

/** The connection is found in the socket when bytes come. */
const sharedRead: OnReadOpts = {
  buffer: nextBuffer as unknown as Uint8Array, // the types know no function here, Node does
  callback(this: ReadTarget, count: number, buffer: Uint8Array): boolean {
    const after = count < LARGE_BYTES ? readLittle(this, count, buffer) : readMuch(this, count, buffer);
    next = after; // not earlier: whoever got the bytes may have made sockets
    return true;
  },
};

/** For net.connect. Bun takes the option and then reads nothing (1.4.5). */
export const readOptions: { readonly onread?: OnReadOpts } =
  process.versions['bun'] === undefined ? { onread: sharedRead } : {};

function readLittle(target: ReadTarget, count: number, buffer: Uint8Array): Uint8Array | undefined {
  target.weftConnection?.receive(Buffer.from(buffer.subarray(0, count)));
  if (target.weftSmallReads === undefined || ++target.weftSmallReads <= MAX_SMALL_READS) return undefined;
  endOwnReads(target);
  return shared;
}

function readMuch(target: ReadTarget, count: number, buffer: Uint8Array): Uint8Array | undefined {
  const bytes = buffer.subarray(0, count);
  if (target.weftSmallReads === undefined) {
    target.weftConnection?.receive(Buffer.from(bytes));
    return startOwnReads(target) ? Buffer.allocUnsafeSlow(READ_BYTES) : undefined;
  }
  target.weftSmallReads = 0;
  lend(bytes);
  target.weftConnection?.receive(bytes as Buffer);
  return allIsBack() ? undefined : Buffer.allocUnsafeSlow(READ_BYTES);
}

/** Called by Node once for a new socket, and after each callback; undefined: the same as before. */
function nextBuffer(): Uint8Array | undefined {
  const buffer = next;
  next = shared;
  return buffer;
}

function startOwnReads(target: ReadTarget): boolean {
  if (ownBuffers >= MAX_OWN_BUFFERS || target.weftConnection === undefined || target.destroyed) return false;
  ownBuffers++;
  target.weftSmallReads = 0;
  return true;
}

/** The socket is closed, or brings little now. */
export function endOwnReads(target: ReadTarget): void {
  if (target.weftSmallReads === undefined) return;
  ownBuffers--;
  target.weftSmallReads = undefined;
}

/**
 * The same for an accepted, paused socket: net.Server has no such option, so its handle gets a new socket. Where Node is
 * not as we know it, the socket is left as it is and reads as ever.
 */
export function withSharedRead(accepted: Socket): Socket {
  const owner = accepted as unknown as { _handle?: SocketHandle | null };
  const handle = owner._handle;
  if (typeof handle?.useUserBuffer !== 'function') return accepted;
  owner._handle = null;
  const options: object = { handle, onread: sharedRead, allowHalfOpen: true, pauseOnCreate: true };
  return new Socket(options);
}
