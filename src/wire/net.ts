import {
  connect as connectSocket,
  createServer,
  type Server,
  type Socket,
  type TcpNetConnectOpts,
} from 'node:net';
import type { TLSSocket } from 'node:tls';
import { fail, ok, type Result } from '../lib/result.ts';
import type {
  Connection,
  ConnectOptions,
  KeepAlive,
  Listener,
  ListenOptions,
  NetError,
  Network,
  Side,
  TlsClientOptions,
  TlsServerOptions,
} from './connection.ts';
import { fdOf } from './sockets/bind.ts';
import { keepSessions } from './sockets/client-sessions.ts';
import { fromSystemError, netError } from './sockets/net-error.ts';
import { settle } from './sockets/settle.ts';
import { readOptions, withSharedRead } from './sockets/shared-read.ts';
import { SocketConnection } from './sockets/socket-connection.ts';
import { clientTlsSocket, createTlsContext, judge, serverTlsSocket, type TlsTarget } from './sockets/tls.ts';
import { listenUdp } from './sockets/udp.ts';

// The real network. Every socket of the data path comes from here (its parts lie in sockets/): listen, connect, TLS on
// either, datagrams. connection.ts says what callers get. Every socket is half-open capable (one direction may end
// before the other) and sends at once (no Nagle). Never happens: a throw, an unheard 'error' event, a wait without
// a time limit.

/** Sockets of this machine. */
export const network: Network = { listen, connect, acceptTls, createTlsContext, listenUdp };

function listen(options: ListenOptions): Promise<Result<Listener, NetError>> {
  const doing = `Listening on ${describe(options)}`;
  const server = createServer({ allowHalfOpen: true, noDelay: true, pauseOnConnect: true }, (socket) =>
    options.onConnection(new SocketConnection(withSharedRead(socket), 'downstream', undefined)),
  );
  return new Promise((resolve) => {
    const onError = (error: unknown): void => resolve(fail(fromSystemError(error, 'internal', false, doing)));
    server.once('error', onError);
    try {
      listenOn(server, options, () => {
        // Later errors are failed accepts (no file descriptors left): the kernel keeps the connection queued.
        server.off('error', onError).on('error', () => {});
        resolve(ok(listenerOf(server)));
      });
    } catch (error) {
      onError(error); // a port out of range, reusePort where the system has none
    }
  });
}

function listenOn(server: Server, options: ListenOptions, listening: () => void): void {
  const { opened, backlog = 4096 } = options;
  if (opened === undefined) server.listen(listenTarget(options), listening);
  else if ('fd' in opened) server.listen({ fd: opened.fd, backlog }, listening);
  else server.listen(opened.handle, backlog, listening);
}

function listenTarget(options: ListenOptions): object {
  const backlog = options.backlog ?? 4096;
  if (options.path !== undefined) return { path: options.path, backlog };
  const { host = '127.0.0.1', port = 0, reusePort = false } = options;
  // As Envoy without ipv4_compat: '::' is IPv6 alone, both families are two listeners.
  return { host, port, backlog, reusePort, ipv6Only: host.includes(':') };
}

function listenerOf(server: Server): Listener {
  const bound = server.address();
  const isTcp = bound !== null && typeof bound !== 'string';
  return {
    address: isTcp ? bound.address : (bound ?? ''),
    port: isTcp ? bound.port : 0,
    get fds() {
      return [fdOf((server as unknown as { _handle?: object })._handle)];
    },
    close: () => {
      // The 'close' event waits for all open connections; the port is free in the next turn.
      server.close();
      return new Promise((resolve) => {
        setImmediate(resolve);
      });
    },
  };
}

function connect(options: ConnectOptions): Promise<Result<Connection, NetError>> {
  const { tls, signal, timeoutMs } = options;
  const doing = `Connecting to ${describe(options)}`;
  const side: Side = 'upstream';
  if (signal?.aborted)
    return Promise.resolve(fail(netError('aborted', side, true, `${doing} was given up.`)));
  if (options.preface !== undefined) return connectWithPreface(options, options.preface);
  try {
    if (tls === undefined) {
      const socket = connectSocket({
        ...targetOf(options),
        allowHalfOpen: true,
        noDelay: true,
        ...readOptions,
      } as TcpNetConnectOpts);
      socket.pause(); // until handle()
      probe(socket, options.keepAlive);
      const finish = () => ok(new SocketConnection(socket, side, undefined));
      return settle({ socket, ready: 'connect', side, timeoutMs, doing, signal }, finish);
    }
    const { socket, finish } = beginTls(targetOf(options), tls);
    probe(socket, options.keepAlive);
    return settle({ socket, ready: 'secureConnect', side, timeoutMs, doing, signal }, finish);
  } catch (error) {
    return Promise.resolve(fail(fromSystemError(error, side, true, doing))); // a port or address that is none
  }
}

/** Node takes all three numbers, and @types/node knows of the first; another runtime leaves the others as they are. */
function probe(socket: Socket, keepAlive: KeepAlive | undefined): void {
  if (keepAlive === undefined) return;
  const set = socket.setKeepAlive as (
    on: boolean,
    timeMs: number,
    intervalMs: number,
    probes: number,
  ) => Socket;
  set.call(socket, true, keepAlive.timeMs, keepAlive.intervalMs, keepAlive.probes);
}

/** The preface goes out before the handshake begins, so TCP comes first and TLS over it, within the time of both. */
async function connectWithPreface(
  options: ConnectOptions,
  preface: NonNullable<ConnectOptions['preface']>,
): Promise<Result<Connection, NetError>> {
  const { tls, preface: _preface, timeoutMs, signal, ...target } = options;
  const startMs = performance.now();
  const plain = await connect({ ...target, timeoutMs, ...(signal === undefined ? {} : { signal }) });
  if (!plain.ok || !(plain.value instanceof SocketConnection)) return plain;
  plain.value.write(preface(plain.value));
  if (tls === undefined) return plain;
  const { socket, finish } = beginTls({ socket: plain.value.release() }, tls);
  const side: Side = 'upstream';
  const leftMs = Math.max(1, timeoutMs - (performance.now() - startMs));
  const doing = `Connecting to ${describe(options)}`;
  return settle({ socket, ready: 'secureConnect', side, timeoutMs: leftMs, doing, signal }, finish);
}

/** A TLS client over what `target` says; `finish` is for its `secureConnect`. */
function beginTls(
  target: TlsTarget,
  tls: TlsClientOptions,
): { readonly socket: TLSSocket; readonly finish: () => Result<Connection, NetError> } {
  const { sessions, verify } = tls;
  const offered = sessions?.take();
  const socket = clientTlsSocket(target, tls, offered);
  const keep = sessions === undefined ? undefined : keepSessions(socket, sessions);
  const finish = (): Result<Connection, NetError> => {
    const judged = judge(socket, 'upstream', verify, offered);
    if (!judged.ok) return judged;
    const { peer, resumed } = judged.value;
    if (offered !== undefined && !resumed) sessions?.forget();
    keep?.(peer);
    return ok(new SocketConnection(socket, 'upstream', judged.value));
  };
  return { socket, finish };
}

function targetOf(options: ConnectOptions): TlsTarget {
  if (options.path !== undefined) return { path: options.path };
  const { host = '127.0.0.1', port = 0, localAddress } = options;
  return localAddress === undefined ? { host, port } : { host, port, localAddress };
}

function acceptTls(connection: Connection, options: TlsServerOptions): Promise<Result<Connection, NetError>> {
  const side: Side = 'downstream';
  const doing = 'The TLS handshake of a client';
  if (!(connection instanceof SocketConnection) || connection.closed)
    return Promise.resolve(fail(netError('connection_reset', side, true, `${doing} ended early.`)));
  const socket = serverTlsSocket(connection.release(), options);
  const { timeoutMs } = options;
  const finish = (): Result<Connection, NetError> => {
    const judged = judge(socket, side, options.verify);
    return judged.ok ? ok(new SocketConnection(socket, side, judged.value)) : judged;
  };
  return settle({ socket, ready: 'secure', side, timeoutMs, doing, signal: undefined }, finish);
}

function describe(target: {
  readonly host?: string;
  readonly port?: number;
  readonly path?: string;
}): string {
  if (target.path !== undefined) return target.path;
  const { host = '127.0.0.1', port = 0 } = target;
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
