import { createRequire } from 'node:module';

// File descriptors over a Unix socket (SCM_RIGHTS), which Node can only do between parent and child: sendmsg and recvmsg
// of the C library, through koffi. In: the descriptor of a connected Unix socket. Never: blocking, or more than
// MAX_DESCRIPTORS at a time.

/** Most descriptors in one message (the kernel's SCM_MAX_FD is 253). */
export const MAX_DESCRIPTORS = 200;

/** What came in one message. */
export interface Received {
  readonly bytes: Buffer;
  readonly fds: readonly number[];
}

export interface DescriptorPassing {
  /** Sends bytes with descriptors; false where the socket does not take them now or is gone. */
  send(socketFd: number, bytes: Buffer, fds: readonly number[]): boolean;
  /** What has arrived; undefined: nothing yet. Throws an Error where the peer is gone. */
  receive(socketFd: number): Received | undefined;
}

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x4000_0000;
/** struct cmsghdr on 64-bit systems: length, level, type. */
const HEADER_BYTES = 16;
const FD_BYTES = 4;
const MAX_MESSAGE_BYTES = 64 * 1024;
/** EAGAIN on Linux. */
const TRY_AGAIN = 11;

interface Message {
  readonly name: null;
  readonly namelen: number;
  readonly iov: readonly { readonly base: Buffer; readonly len: number }[];
  readonly iovlen: number;
  readonly control: Buffer;
  readonly controllen: number;
  readonly flags: number;
}

type MessageCall = (fd: number, message: Message, flags: number) => number;

let loaded: DescriptorPassing | undefined;

/** Throws an Error that says why this machine or build cannot pass descriptors. */
export function descriptorPassing(): DescriptorPassing {
  loaded ??= load();
  return loaded;
}

function load(): DescriptorPassing {
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch))
    throw new Error(
      `passing sockets on needs Linux on x64 or arm64; this is ${process.platform} on ${process.arch}`,
    );
  let koffi: typeof import('koffi');
  try {
    koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
  } catch (error) {
    throw new Error(`passing sockets on needs the package koffi: ${(error as Error).message}`);
  }
  koffi.struct('weft_iovec', { base: 'void *', len: 'size_t' });
  koffi.struct('weft_msghdr', {
    name: 'void *',
    namelen: 'uint32_t',
    iov: 'weft_iovec *',
    iovlen: 'size_t',
    control: 'void *',
    controllen: 'size_t',
    flags: 'int',
  });
  const library = koffi.load(null);
  const sendmsg = library.func('long sendmsg(int fd, weft_msghdr *message, int flags)') as MessageCall;
  const recvmsg = library.func(
    'long recvmsg(int fd, _Inout_ weft_msghdr *message, int flags)',
  ) as MessageCall;
  return {
    send(socketFd, bytes, fds) {
      const control = rights(fds);
      return sendmsg(socketFd, message(bytes, control), MSG_NOSIGNAL | MSG_DONTWAIT) === bytes.length;
    },
    receive(socketFd) {
      const bytes = Buffer.alloc(MAX_MESSAGE_BYTES);
      const control = Buffer.alloc(HEADER_BYTES + MAX_DESCRIPTORS * FD_BYTES);
      const length = recvmsg(socketFd, message(bytes, control), MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
      if (length < 0 && koffi.errno() === TRY_AGAIN) return undefined;
      if (length <= 0) throw new Error('the other process has gone');
      return { bytes: bytes.subarray(0, length), fds: readRights(control) };
    },
  };
}

function message(bytes: Buffer, control: Buffer): Message {
  return {
    name: null,
    namelen: 0,
    iov: [{ base: bytes, len: bytes.length }],
    iovlen: 1,
    control,
    controllen: control.length,
    flags: 0,
  };
}

function rights(fds: readonly number[]): Buffer {
  if (fds.length === 0) return Buffer.alloc(0);
  const length = HEADER_BYTES + fds.length * FD_BYTES;
  const control = Buffer.alloc(Math.ceil(length / 8) * 8);
  control.writeBigUInt64LE(BigInt(length), 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  for (const [i, fd] of fds.entries()) control.writeInt32LE(fd, HEADER_BYTES + i * FD_BYTES);
  return control;
}

/** A control buffer that nothing was written to is all zeros. */
function readRights(control: Buffer): readonly number[] {
  const length = Number(control.readBigUInt64LE(0));
  if (
    length < HEADER_BYTES ||
    control.readInt32LE(8) !== SOL_SOCKET ||
    control.readInt32LE(12) !== SCM_RIGHTS
  )
    return [];
  const fds: number[] = [];
  for (let at = HEADER_BYTES; at + FD_BYTES <= Math.min(length, control.length); at += FD_BYTES)
    fds.push(control.readInt32LE(at));
  return fds;
}
