import type { Socket } from 'node:net';
import type { Connection, ConnectionHandlers, NetError, Side, TlsInfo } from '../connection.ts';
import { giveBack } from '../lent-bytes.ts';
import { fromSystemError } from './net-error.ts';
import { endOwnReads, type ReadTarget } from './shared-read.ts';

// One socket of node:net or node:tls as a Connection. A sidecar holds thousands: the listeners are functions shared
// by all of them (they find their connection in a field of the socket), and addresses are asked when somebody asks.

interface OwnedSocket extends ReadTarget {
  weftConnection?: SocketConnection;
}

/** A Connection over a socket that stands (connected, and past its TLS handshake if it has one). */
export class SocketConnection implements Connection {
  readonly side: Side;
  readonly tls: TlsInfo | undefined;
  bytesRead = 0;
  bytesWritten = 0;
  closed = false;
  peerEnded = false;
  readonly #socket: OwnedSocket;
  #handlers: ConnectionHandlers | undefined;
  #ended = false;
  #paused = false;
  #closeReported = false;
  #error: NetError | undefined;
  #remote: { readonly address: string; readonly port: number } | undefined;
  #local: { readonly address: string; readonly port: number } | undefined;

  constructor(socket: Socket, side: Side, tls: TlsInfo | undefined) {
    this.#socket = socket;
    this.side = side;
    this.tls = tls;
    this.#socket.weftConnection = this;
    socket.on('error', onSocketError);
    socket.on('close', onSocketClose);
    socket.on('end', onSocketEnd);
    // A standalone TLS server socket reports broken records only here (it has no tls.Server to report to).
    if (tls !== undefined) socket.on('_tlsError', onSocketTlsError);
  }

  get remoteAddress(): string {
    return this.#remoteEnd().address;
  }
  get remotePort(): number {
    return this.#remoteEnd().port;
  }
  get localAddress(): string {
    return this.#localEnd().address;
  }
  get localPort(): number {
    return this.#localEnd().port;
  }

  get fd(): number {
    const handle = (this.#socket as unknown as { _handle?: { fd?: unknown } | null })._handle;
    return typeof handle?.fd === 'number' ? handle.fd : -1;
  }

  handle(handlers: ConnectionHandlers): void {
    const first = this.#handlers === undefined;
    this.#handlers = handlers;
    if (!first) return;
    if (this.closed) {
      process.nextTick(() => this.reportClose());
      return;
    }
    if (this.peerEnded) process.nextTick(() => this.receiveEnd());
    this.#socket.on('drain', onSocketDrain);
    // Starts reading, on the next tick, unless pause() came before. With shared-read.ts it is never called.
    this.#socket.on('data', onSocketData);
    if (this.tls === undefined) process.nextTick(() => this.#startReading()); // plain sockets start paused
  }

  write(bytes: Uint8Array | string): boolean {
    if (this.closed || this.#ended) return true;
    this.bytesWritten += bytes.length;
    return typeof bytes === 'string' ? this.#socket.write(bytes, 'latin1') : this.#socket.write(bytes);
  }

  recycle(bytes: Uint8Array): void {
    if (this.#socket.writableLength === 0) giveBack(bytes);
  }

  cork(): void {
    this.#socket.cork();
  }
  uncork(): void {
    this.#socket.uncork();
  }
  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }
  resume(): void {
    this.#paused = false;
    // Plain sockets read into a shared buffer: without a handler their bytes would be lost.
    if (this.#handlers !== undefined || this.tls !== undefined) this.#socket.resume();
  }

  end(): void {
    if (this.closed || this.#ended) return;
    this.#ended = true;
    this.#socket.end();
  }

  destroy(): void {
    this.closed = true;
    this.#socket.destroy();
  }

  reset(): void {
    // Only TCP has a reset; a TLS or Unix socket ends without close_notify, which the peer sees as cut too.
    const hasReset = this.tls === undefined && this.remotePort !== 0;
    this.closed = true;
    if (hasReset) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  /** Gives the socket up, paused and without this connection's listeners. For TLS over it only. */
  release(): Socket {
    const socket = this.#socket;
    this.closed = true;
    this.#closeReported = true;
    socket.pause();
    endOwnReads(socket);
    delete socket.weftConnection;
    socket.off('end', onSocketEnd).off('drain', onSocketDrain).off('data', onSocketData);
    socket.off('error', onSocketError).off('close', onSocketClose);
    socket.on('error', () => {}); // whoever has it now hears of errors by its end
    return socket;
  }

  /** Bytes arrived. Called by the shared listeners only, as are the four below. */
  receive(bytes: Buffer): void {
    this.bytesRead += bytes.length;
    if (!this.closed) this.#handlers?.onData(bytes);
  }
  receiveEnd(): void {
    this.peerEnded = true;
    if (!this.closed) this.#handlers?.onEnd();
  }
  receiveDrain(): void {
    if (!this.closed) this.#handlers?.onDrain();
  }
  fail(error: unknown): void {
    const doing = this.side === 'downstream' ? 'The connection of a client' : 'The connection to an upstream';
    this.#error ??= fromSystemError(error, this.side, false, doing);
  }
  reportClose(): void {
    this.closed = true;
    if (this.#closeReported || this.#handlers === undefined) return;
    this.#closeReported = true;
    this.#handlers.onClose(this.#error);
  }

  #startReading(): void {
    if (!this.#paused && !this.closed) this.#socket.resume();
  }

  #remoteEnd(): { readonly address: string; readonly port: number } {
    if (this.#remote !== undefined) return this.#remote;
    const { remoteAddress, remotePort } = this.#socket;
    if (remoteAddress === undefined) return NOWHERE;
    this.#remote = { address: plainIpv4(remoteAddress), port: remotePort ?? 0 };
    return this.#remote;
  }

  #localEnd(): { readonly address: string; readonly port: number } {
    if (this.#local !== undefined) return this.#local;
    const { localAddress, localPort } = this.#socket;
    if (localAddress === undefined) return NOWHERE;
    this.#local = { address: plainIpv4(localAddress), port: localPort ?? 0 };
    return this.#local;
  }
}

const NOWHERE = { address: '', port: 0 };

/** A dual-stack socket reports IPv4 peers as ::ffff:10.0.0.1; rules and logs speak of 10.0.0.1. */
export function plainIpv4(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}

function onSocketData(this: OwnedSocket, bytes: Buffer): void {
  this.weftConnection?.receive(bytes);
}
function onSocketEnd(this: OwnedSocket): void {
  this.weftConnection?.receiveEnd();
}
function onSocketDrain(this: OwnedSocket): void {
  this.weftConnection?.receiveDrain();
}
function onSocketError(this: OwnedSocket, error: unknown): void {
  this.weftConnection?.fail(error);
}
function onSocketTlsError(this: OwnedSocket, error: unknown): void {
  this.weftConnection?.fail(error);
  this.destroy();
}
function onSocketClose(this: OwnedSocket): void {
  endOwnReads(this);
  this.weftConnection?.reportClose();
}
