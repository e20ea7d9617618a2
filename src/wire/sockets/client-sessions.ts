import type { TLSSocket } from 'node:tls';
import type { ClientSessions, TlsPeer } from '../connection.ts';

/**
 * Keeps the sessions that a server gives a client: within the handshake (TLS 1.2) or whenever it likes afterwards (1.3).
 * Call the result when the server's identity is known and accepted: not before is anything kept.
 */
export function keepSessions(socket: TLSSocket, sessions: ClientSessions): (peer: TlsPeer) => void {
  let early: Buffer | undefined;
  let accepted: TlsPeer | undefined;
  socket.on('session', (ticket: Buffer) => {
    if (accepted === undefined) early = ticket;
    else sessions.keep({ ticket, peer: accepted });
  });
  return (peer) => {
    accepted = peer;
    if (early !== undefined) sessions.keep({ ticket: early, peer });
    early = undefined;
  };
}
