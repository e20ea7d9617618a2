/**
 * Looks at a connection's first bytes, before a filter chain is chosen, without taking them away: they are handed on.
 * Bounded in time (the listener's) and in bytes (a ClientHello's, a request line's).
 */
import type { Clock } from '../../lib/clock.ts';
import type { Connection } from '../../wire/connection.ts';
import { MAX_CLIENT_HELLO_BYTES, parseClientHello } from '../../wire/tls/client-hello.ts';
import { classifyFirstBytes } from '../../wire/tls/first-bytes.ts';
import type { Inspection } from '../configure/listener.ts';

/** What was seen. */
export interface Inspected {
  readonly transportProtocol: 'raw_buffer' | 'tls';
  readonly serverName: string;
  readonly applicationProtocols: readonly string[];
  /** What was read so far, in order. */
  readonly firstBytes: Buffer | undefined;
}

export const nothingSeen: Inspected = {
  transportProtocol: 'raw_buffer',
  serverName: '',
  applicationProtocols: [],
  firstBytes: undefined,
};

/** Which inspectors run for this connection; none: nothing is read. */
export interface Wanted {
  readonly tls: boolean;
  readonly http: boolean;
}

/**
 * Calls back once with what was seen, or with undefined where the connection is over (it closed, or the time was up
 * and the listener does not go on then). The connection is paused then: whoever takes it resumes it.
 */
export function inspect(
  connection: Connection,
  wanted: Wanted,
  rules: Inspection,
  clock: Clock,
  done: (seen: Inspected | undefined) => void,
): void {
  let bytes: Buffer | undefined;
  let over = false;
  const finish = (seen: Inspected | undefined): void => {
    if (over) return;
    over = true;
    timer?.cancel();
    if (seen !== undefined) connection.pause();
    done(seen);
  };
  const timer =
    rules.timeoutMs > 0
      ? clock.setTimeout(() => {
          if (rules.continueOnTimeout) finish({ ...nothingSeen, firstBytes: bytes });
          else {
            finish(undefined);
            connection.destroy();
          }
        }, rules.timeoutMs)
      : undefined;
  connection.handle({
    onData(chunk) {
      if (over) return;
      bytes = bytes === undefined ? chunk : Buffer.concat([bytes, chunk]);
      const seen = judge(bytes, wanted);
      if (seen !== undefined) finish(seen);
    },
    // A client that says nothing and half-closes: whoever takes the connection sees the end again by its close.
    onEnd: () => finish({ ...nothingSeen, firstBytes: bytes }),
    onDrain() {},
    onClose: () => finish(undefined),
  });
}

/** What the bytes so far tell; undefined while more are needed. */
function judge(bytes: Buffer, wanted: Wanted): Inspected | undefined {
  if (wanted.tls) {
    const hello = parseClientHello(bytes);
    if (hello === 'need-more')
      return bytes.length < MAX_CLIENT_HELLO_BYTES ? undefined : { ...nothingSeen, firstBytes: bytes };
    if (hello !== 'not-tls') {
      return {
        transportProtocol: 'tls',
        serverName: hello.sni,
        applicationProtocols: hello.alpn,
        firstBytes: bytes,
      };
    }
  }
  if (!wanted.http) return { ...nothingSeen, firstBytes: bytes };
  const kind = classifyFirstBytes(bytes);
  if (kind === 'need-more') return undefined;
  const protocol = { http1: ['http/1.1'], http2: ['h2c'], tls: [], other: [] }[kind];
  return { ...nothingSeen, applicationProtocols: protocol, firstBytes: bytes };
}
