import type { Connection } from '../connection.ts';

/**
 * All that HTTP/2 and gRPC need of a connection: bytes both ways with back-pressure. net.ts's Connection is one,
 * and so is a pair in memory.
 */
export type ByteConnection = Pick<
  Connection,
  'handle' | 'write' | 'cork' | 'uncork' | 'pause' | 'resume' | 'end' | 'destroy'
>;
