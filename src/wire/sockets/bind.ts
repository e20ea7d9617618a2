import * as net from 'node:net';
import { getSystemErrorName } from 'node:util';
import { fail, ok, type Result } from '../../lib/result.ts';
import type { NetError } from '../connection.ts';
import { fromSystemError } from './net-error.ts';

// A TCP socket that is bound and not listened on: a process that owns sockets for others keeps it, they listen on it
// (ListenOptions.opened). Connections wait in the socket's own queue in the kernel: it outlives each of them.

/** A bound socket. `handle` can be sent to a child process. */
export interface BoundSocket {
  readonly handle: object;
  readonly fd: number;
  readonly port: number;
  close(): void;
}

/** What node:cluster shares sockets with; the types do not know it. Returns a negative error number where it fails. */
type CreateServerHandle = (
  address: string | null,
  port: number,
  addressType: 4 | 6 | -1,
  fd?: number,
  flags?: number,
) => TcpHandle | number;

interface TcpHandle {
  readonly fd: number;
  getsockname(out: { port?: number }): number;
  close(): void;
}

/** libuv's UV_TCP_IPV6ONLY and UV_TCP_REUSEPORT. */
const IPV6_ONLY = 1;
const REUSE_PORT = 2;

/** Binds `host:port` (0: any free port) so that further sockets may share the port, or takes over a descriptor. */
export function bindTcp(host: string, port: number, inheritedFd?: number): Result<BoundSocket, NetError> {
  const create = (net as unknown as { _createServerHandle: CreateServerHandle })._createServerHandle;
  const isIpv6 = host.includes(':');
  const flags = REUSE_PORT | (isIpv6 ? IPV6_ONLY : 0);
  const made =
    inheritedFd === undefined
      ? create(host, port, isIpv6 ? 6 : 4, undefined, flags)
      : create(null, 0, -1, inheritedFd);
  if (typeof made === 'number') return fail(bindError(made, `Listening on ${host}:${port}`));
  const name: { port?: number } = {};
  const error = made.getsockname(name);
  if (error === 0)
    return ok({ handle: made, fd: made.fd, port: name.port ?? port, close: () => made.close() });
  made.close();
  return fail(bindError(error, `Listening on ${host}:${port}`));
}

/** Binds a Unix socket; its file goes with the socket. */
export function bindPath(path: string): Result<BoundSocket, NetError> {
  const create = (net as unknown as { _createServerHandle: CreateServerHandle })._createServerHandle;
  const made = create(path, -1, -1);
  if (typeof made === 'number') return fail(bindError(made, `Listening on ${path}`));
  return ok({ handle: made, fd: made.fd, port: 0, close: () => made.close() });
}

/** The descriptor behind one of Node's handles, -1 without. */
export function fdOf(handle: object | null | undefined): number {
  const fd = (handle as { fd?: unknown } | null | undefined)?.fd;
  return typeof fd === 'number' ? fd : -1;
}

function bindError(errorNumber: number, doing: string): NetError {
  const error = Object.assign(new Error('bind'), { code: getSystemErrorName(errorNumber) });
  return fromSystemError(error, 'internal', false, doing);
}
