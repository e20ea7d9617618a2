import { getHeader, type Headers, removeHeader } from '../../../../wire/headers.ts';
import type { UpstreamResponse } from '../../../stream/codec.ts';
import type { Reply } from '../../../stream/http-filter.ts';
import type { RoutedStream } from '../../../stream/routed-stream.ts';
import type { Failure } from './failures.ts';

// What the proxy before an application tells the caller's proxy: "503, and your request never reached anybody". For
// the caller that is a refused connection, whatever the method: it may try another endpoint where its policy retries
// those. Said only over mutual TLS, and taken out again by the caller's proxy, retried or not.

const HEADER = 'x-weft-unreached';
const UNREACHED: ReadonlySet<Failure['kind']> = new Set(['connect-failure', 'connect-timeout']);

/** The reply with the word, where it is true and the caller is a proxy that proved who it is. */
export function tellUnreached(reply: Reply, failure: Failure, stream: RoutedStream): Reply {
  const { direction, tls } = stream.connection.downstream;
  if (direction !== 'inbound' || tls?.peer === undefined || !UNREACHED.has(failure.kind)) return reply;
  return { ...reply, headers: [...(reply.headers ?? []), HEADER, 'true'] };
}

/** Takes the word out of a response; true where it was there. */
export function takeUnreached({ status, headers }: UpstreamResponse): boolean {
  return status === 503 && saysSo(headers) && removeHeader(headers, HEADER);
}

function saysSo(headers: Headers): boolean {
  return getHeader(headers, HEADER) !== undefined;
}
