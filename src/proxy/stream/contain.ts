import type { Connection } from '../../wire/connection.ts';

/**
 * A mistake in this program while bytes of one connection were handled: that connection ends, all others go on. The
 * warning goes to standard error with the stack, for this is never the user's fault.
 */
export function contain(error: unknown, connection: Connection): void {
  connection.destroy();
  process.emitWarning(error instanceof Error ? error : new Error(String(error)));
}
