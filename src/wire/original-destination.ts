import { createRequire } from 'node:module';
import { formatIpAddress } from '../lib/ip-address.ts';

// Where a redirected connection was going before netfilter sent it to us: getsockopt(SO_ORIGINAL_DST), which Node does
// not offer, through koffi. In: an accepted connection's file descriptor. Out: address and port, or undefined where
// the kernel knows of no redirection (or this is not Linux, or koffi is not there: then a reason, once). koffi is
// loaded at the first call: a proxy without interception never pays for it.

/** What the client dialled. */
export interface OriginalDestination {
  readonly address: string;
  readonly port: number;
}

/** What is needed of a connection. */
export interface RedirectedConnection {
  readonly fd: number;
  readonly localAddress: string;
}

const SOL_IP = 0;
const SOL_IPV6 = 41;
/** SO_ORIGINAL_DST of linux/netfilter_ipv4.h and IP6T_SO_ORIGINAL_DST of netfilter_ipv6/ip6_tables.h. */
const SO_ORIGINAL_DST = 80;
const SOCKADDR_IN_BYTES = 16;
const SOCKADDR_IN6_BYTES = 28;

type GetSockOpt = (fd: number, level: number, option: number, value: Buffer, length: Buffer) => number;

/** The loaded function, or the sentence that says why there is none. */
let loaded: GetSockOpt | string | undefined;

/** The destination before redirection; without redirection the connection's own local end, or undefined. */
export function originalDestination(connection: RedirectedConnection): OriginalDestination | undefined {
  loaded ??= loadGetSockOpt();
  if (typeof loaded === 'string' || connection.fd < 0) return undefined;
  const isIpv6 = connection.localAddress.includes(':');
  const address = Buffer.alloc(isIpv6 ? SOCKADDR_IN6_BYTES : SOCKADDR_IN_BYTES);
  const length = Buffer.alloc(4);
  new Int32Array(length.buffer, length.byteOffset, 1)[0] = address.length; // in the machine's byte order
  const result = loaded(connection.fd, isIpv6 ? SOL_IPV6 : SOL_IP, SO_ORIGINAL_DST, address, length);
  return result === 0 ? readSockAddr(address, isIpv6) : undefined;
}

/** Why this machine or build cannot tell original destinations, as a sentence; '' when it can. */
export function originalDestinationProblem(): string {
  loaded ??= loadGetSockOpt();
  return typeof loaded === 'string' ? loaded : '';
}

function loadGetSockOpt(): GetSockOpt | string {
  if (process.platform !== 'linux')
    return `Original destinations are a Linux feature; this is ${process.platform}.`;
  try {
    const koffi = createRequire(import.meta.url)('koffi') as typeof import('koffi');
    // null is the process itself: Node is linked to the C library, whichever it is.
    const declaration = 'int getsockopt(int fd, int level, int option, uint8_t *value, uint8_t *length)';
    return koffi.load(null).func(declaration) as GetSockOpt;
  } catch (error) {
    return `Original destinations need the package koffi, which could not be loaded: ${(error as Error).message}`;
  }
}

/** struct sockaddr_in: family, port, address; sockaddr_in6: family, port, flow, address, scope. */
function readSockAddr(bytes: Buffer, isIpv6: boolean): OriginalDestination {
  const address = isIpv6 ? bytes.subarray(8, 24) : bytes.subarray(4, 8);
  return { address: formatIpAddress(address), port: bytes.readUInt16BE(2) };
}
