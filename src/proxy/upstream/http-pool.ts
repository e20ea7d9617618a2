import type { Result } from '../../lib/result.ts';
import type { Connection, NetError } from '../../wire/connection.ts';
import type { UpstreamTransport } from '../stream/codec.ts';
import type { IdleLimit } from './idle-limit.ts';

// What every pool of connections to an endpoint is to those who want to send a request, whatever it speaks.

/** A request that waits for a connection. */
export interface PoolWaiter {
  /** Once, unless cancelled: where it can be sent, or why nowhere. May be called before acquire() returns. */
  onTransport(transport: UpstreamTransport): void;
  onNoTransport(failure: PoolFailure): void;
}

export interface PoolFailure {
  readonly reason: 'overflow' | 'connection-failure' | 'connect-timeout';
  /** What went wrong with the connection; undefined for an overflow. */
  readonly error: NetError | undefined;
  /** A sentence for the person who reads the log. */
  readonly message: string;
}

/**
 * Which connection will do: `any`, for a request that may be sent again; `proven`, for one that must not be sent twice:
 * only one that is surely open; `new`, after one turned out closed.
 */
export type Freshness = 'any' | 'proven' | 'new';

/** The connections of one endpoint that speak one protocol. */
export interface HttpPool {
  readonly idleLimit: IdleLimit;
  /** Nothing open, nothing on its way, nobody waiting. */
  readonly empty: boolean;
  /** See {@link Freshness}. */
  acquire(waiter: PoolWaiter, freshness: Freshness): void;
  /** The waiter does not wait any more. */
  cancel(waiter: PoolWaiter): void;
  /** The endpoint is leaving: idle connections close, the others when their requests are over. */
  drain(): void;
}

/** What a pool needs of its endpoint. */
export interface PoolTarget {
  readonly address: string;
  connect(alpn: (offered: readonly string[]) => readonly string[]): Promise<Result<Connection, NetError>>;
  connectionClosed(): void;
}

/**
 * For pools whose connections decide by ALPN what is spoken: true where the connection is for the other protocol,
 * and has been given to its pool together with whoever waits.
 */
export type GiveAway = (connection: Connection) => boolean;

/** What is offered where the connection decides. */
export const BOTH_PROTOCOLS = (): readonly string[] => ['h2', 'http/1.1'];
