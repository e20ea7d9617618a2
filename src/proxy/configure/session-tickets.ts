/**
 * Resumption of TLS sessions. To clients the proxy gives tickets: their key is made from one seed of the whole proxy, so
 * that each of its workers, and the proxy that follows it in place, reads the tickets of the others. A ticket is good
 * only under the configuration and secrets it was made under: what peers are judged by is part of its scope.
 */
import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import type { TlsContextOptions } from '../../wire/connection.ts';

/** Keys of tickets over time. */
export interface TicketKeys {
  /** Goes up whenever there is another key. */
  epoch(nowMs: number): number;
  /** The key of an epoch: 48 bytes, secret. */
  key(epoch: number): Uint8Array;
}

/** How often there is a new key: a ticket that was made just before costs one full handshake. */
const EPOCH_MS = 24 * 3600 * 1000;
const KEY_BYTES = 48;
const SCOPE_CHARACTERS = 32;

/** A seed for a proxy that follows none: 32 bytes, base64. Secret. */
export function newTicketSeed(): string {
  return randomBytes(32).toString('base64');
}

/** The keys that come of a seed: the same in every process that has it. */
export function ticketKeys(seed: string): TicketKeys {
  return {
    epoch: (nowMs) => Math.floor(nowMs / EPOCH_MS),
    key: (epoch) => ticketKey(Buffer.from(seed, 'base64'), `epoch ${epoch}`),
  };
}

/** One key of a secret of any length. */
export function ticketKey(secret: Uint8Array, use: string): Uint8Array {
  return new Uint8Array(
    hkdfSync('sha256', secret, new Uint8Array(0), `weft session tickets ${use}`, KEY_BYTES),
  );
}

/** Which sessions a TLS context resumes. `key`: a configured one, in place of the proxy's. */
export type Resumption =
  | 'none'
  | 'client'
  | {
      readonly lifetimeSeconds: number | undefined;
      readonly key: Uint8Array | undefined;
      readonly rules: unknown;
    };

/** The `sessions` of a TLS context; `judgedBy`: everything a client of these sessions was judged by. */
export function sessionsOf(
  resumption: Resumption,
  judgedBy: unknown,
  tickets: TicketKeys | undefined,
  epoch: number,
): Pick<TlsContextOptions, 'sessions'> {
  if (resumption === 'none') return {};
  if (resumption === 'client') return { sessions: 'client' };
  const { lifetimeSeconds, rules } = resumption;
  const key = resumption.key ?? tickets?.key(epoch);
  if (key === undefined) return {};
  const scope = createHash('sha256')
    .update(JSON.stringify([rules, judgedBy]))
    .digest('hex');
  return {
    sessions: {
      ticketKey: key,
      scope: scope.slice(0, SCOPE_CHARACTERS),
      ...(lifetimeSeconds === undefined ? {} : { lifetimeSeconds }),
    },
  };
}
