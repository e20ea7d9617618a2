import type { Socket } from 'node:net';
import { fail, type Result } from '../../lib/result.ts';
import type { Connection, NetError, Side } from '../connection.ts';
import { fromSystemError, netError } from './net-error.ts';

/** A socket on its way to being usable. */
export interface Attempt {
  readonly socket: Socket;
  /** The event that ends the wait well. */
  readonly ready: 'connect' | 'secureConnect' | 'secure';
  readonly side: Side;
  readonly timeoutMs: number;
  /** Starts the sentence of an error: 'Connecting to 10.0.0.1:80'. */
  readonly doing: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Waits until the socket is ready, fails, is given up or takes too long; on anything but success it is destroyed.
 * `finish` runs within the ready event, so that nobody misses an event that follows at once.
 */
export function settle(
  attempt: Attempt,
  finish: () => Result<Connection, NetError>,
): Promise<Result<Connection, NetError>> {
  const { socket, ready, side, signal, doing } = attempt;
  return new Promise((resolve) => {
    const done = (result: Result<Connection, NetError>): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off(ready, onReady).off('error', onError).off('close', onClose).off('end', onClose);
      if (!result.ok) socket.on('error', () => {}).destroy();
      resolve(result);
    };
    const onReady = (): void => done(finish());
    const onError = (error: unknown): void => done(fail(fromSystemError(error, side, true, doing)));
    const onClose = (): void => done(fail(netError('connection_reset', side, true, `${doing} ended early.`)));
    const onAbort = (): void => done(fail(netError('aborted', side, true, `${doing} was given up.`)));
    const timer = setTimeout(() => done(fail(tooSlow(attempt))), attempt.timeoutMs);
    signal?.addEventListener('abort', onAbort);
    // A half-open socket does not close by itself when the peer leaves within the handshake: 'end' is all we get.
    socket.on(ready, onReady).on('error', onError).on('close', onClose).on('end', onClose);
  });
}

function tooSlow(attempt: Attempt): NetError {
  const code =
    attempt.ready !== 'connect' && !attempt.socket.connecting ? 'handshake_timeout' : 'connect_timeout';
  return netError(code, attempt.side, true, `${attempt.doing} took longer than ${attempt.timeoutMs} ms.`);
}
