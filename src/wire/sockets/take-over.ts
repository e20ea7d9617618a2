import { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { type Engine, type OpenSsl, openSsl, openSslProblem, type Pointer, withSsl } from './openssl.ts';
import { type RecordSocket, recordRead, TlsRecords } from './tls-records.ts';

// After Node's handshake: the SSL object is found again, its records come to us (tls-records.ts), and Node's TLS socket
// is left as an empty shell that only keeps the SSL object's owner alive. Where anything is not as expected, nothing is
// touched and Node carries the connection on.

/** A TLS socket of Node's as it was made: with the SSL object that OpenSSL made for it. */
export interface Made {
  readonly socket: TLSSocket;
  readonly ssl: Pointer;
  /** Node's object around it. */
  readonly handle: object | null;
}

/** What is used of Node's own. */
interface TlsHandle {
  readonly _parent: { readonly useUserBuffer?: unknown };
  readonly _parentWrap?: { _handle?: object | null } | null;
  destroySSL(): void;
}

/** A connection that is ours now. */
export interface TakenOver {
  readonly socket: Socket;
  readonly records: TlsRecords;
}

const MAX_FINISHED_BYTES = 64;

/** Why Node has to carry all records of TLS, as a sentence; '' when it has not. */
export function recordsProblem(): string {
  return openSslProblem();
}

/** Makes a socket of Node's that may be taken over. */
export function makeTls(make: () => TLSSocket): Made {
  const { made: socket, ssl } = withSsl(make);
  return { socket, ssl, handle: handleOf(socket) ?? null };
}

/**
 * After the handshake, before anything was written to the socket or read from it; undefined: it goes on as it is.
 * `onSession` gets the sessions that a server gives a client, when they come.
 */
export function takeOver(made: Made, onSession?: (ticket: Buffer) => void): TakenOver | undefined {
  const calls = openSsl();
  const { socket, ssl } = made;
  const known = calls !== undefined && isKnown(made, calls);
  const onMessage = known && onSession !== undefined ? watchSessions(made, calls, onSession) : undefined;
  if (!known || !isQuiet(calls, ssl, socket)) {
    if (ssl !== 0 && onSession !== undefined) socket.on('session', onSession);
    return undefined;
  }
  const handle = made.handle as TlsHandle;
  const former = replaceBios(calls, ssl);
  const early = socket.read() as Buffer | null;
  if (handle._parentWrap) handle._parentWrap._handle = null;
  const options = { handle: handle._parent, onread: recordRead, allowHalfOpen: true, pauseOnCreate: true };
  const plain: RecordSocket = new Socket(options as object);
  const engine: Engine = { openSsl: calls, ssl, former, handle, onMessage };
  return { socket: plain, records: new TlsRecords(engine, plain, early ?? undefined) };
}

function handleOf(socket: TLSSocket): object | null | undefined {
  return (socket as unknown as { _handle?: object | null })._handle;
}

/** Node is as we know it, and the SSL object is this socket's. */
function isKnown({ socket, ssl, handle }: Made, calls: OpenSsl): boolean {
  if (ssl === 0 || handle === null || handleOf(socket) !== handle || socket.destroyed) return false;
  const { destroySSL, _parent } = handle as Partial<TlsHandle>;
  const has = typeof destroySSL === 'function' && typeof _parent?.useUserBuffer === 'function';
  return has && isOf(calls, ssl, socket);
}

/** Between two records, nothing on its way out, and the peer has not ended. */
function isQuiet(calls: OpenSsl, ssl: Pointer, socket: TLSSocket): boolean {
  const unread = calls.SSL_has_pending(ssl) + calls.BIO_ctrl_pending(calls.SSL_get_rbio(ssl));
  if (unread !== 0 || calls.SSL_rstate_string(ssl) !== 'RH' || calls.SSL_get_shutdown(ssl) !== 0)
    return false;
  return (
    socket.writableLength === 0 && calls.BIO_ctrl_pending(calls.SSL_get_wbio(ssl)) === 0 && !hasEnded(socket)
  );
}

/** The end may have come already, behind bytes that nobody has read. */
function hasEnded(socket: TLSSocket): boolean {
  return (socket as unknown as { _readableState?: { ended?: boolean } })._readableState?.ended !== false;
}

/** Looks for a session that was not there before. One of TLS 1.2 came within the handshake. */
function watchSessions({ socket, ssl }: Made, calls: OpenSsl, keep: (ticket: Buffer) => void): () => void {
  let known = socket.isSessionReused() ? socket.getSession() : undefined;
  const look = (): void => {
    if (calls.SSL_SESSION_is_resumable(calls.SSL_get_session(ssl)) === 0) return;
    const ticket = socket.getSession();
    if (ticket === undefined || known?.equals(ticket) === true) return;
    known = ticket;
    keep(ticket);
  };
  look();
  return look;
}

/** The handshake's last message is of this connection and no other. */
function isOf(calls: OpenSsl, ssl: Pointer, socket: TLSSocket): boolean {
  const finished = Buffer.alloc(MAX_FINISHED_BYTES);
  const bytes = calls.SSL_get_finished(ssl, finished, MAX_FINISHED_BYTES);
  return bytes > 0 && socket.getFinished()?.equals(finished.subarray(0, bytes)) === true;
}

/**
 * Gives the SSL object BIOs of OpenSSL's own in place of Node's, which count memory with V8 when written to, and a
 * reference of ours. The former ones are returned: to be freed when Node's object is done with them.
 */
function replaceBios(calls: OpenSsl, ssl: Pointer): readonly Pointer[] {
  const former = [calls.SSL_get_rbio(ssl), calls.SSL_get_wbio(ssl)];
  for (const bio of former) calls.BIO_up_ref(bio);
  calls.SSL_up_ref(ssl);
  calls.SSL_set0_rbio(ssl, calls.BIO_new(calls.BIO_s_mem()));
  calls.SSL_set0_wbio(ssl, calls.BIO_new(calls.BIO_s_mem()));
  calls.SSL_set_info_callback(ssl, 0);
  return former;
}
