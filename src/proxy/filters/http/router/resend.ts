import type { RoutedStream } from '../../../stream/routed-stream.ts';
import type { Attempt } from './attempt.ts';
import type { Failure } from './failures.ts';
import type { KeptBody } from './kept-body.ts';

// Requests that nobody saw are sent once more without asking any policy: an endpoint said that it did not look at one,
// or a connection that had been idle closed while one was on its way.

/** Methods that may be sent twice without asking (RFC 9110 §9.2.2). */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

export function isIdempotent(method: string): boolean {
  return IDEMPOTENT.has(method);
}

/** Everything sent so far can be sent once more. */
export function isWhole(body: KeptBody | undefined): boolean {
  return body === undefined || body.whole;
}

/** The method allows it and the body is there: a request that met a closing connection is simply sent again. */
export function mayResendUnseen(stream: RoutedStream, body: KeptBody | undefined): boolean {
  return isIdempotent(stream.request.method) && stream.upgrade === '' && isWhole(body);
}

/** Where a request that failed so is sent again at once: elsewhere, on the same endpoint, or nowhere. */
export function resendPlace(
  attempt: Attempt,
  failure: Failure,
  stream: RoutedStream,
  body: KeptBody | undefined,
): 'any' | 'same' | undefined {
  if (failure.kind === 'refused') return isWhole(body) ? 'any' : undefined;
  const idleRace = attempt.reused && (failure.kind === 'termination' || failure.kind === 'remote-reset');
  return idleRace && mayResendUnseen(stream, body) ? 'same' : undefined;
}
