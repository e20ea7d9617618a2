/**
 * Looks at a connection's first bytes, before a filter chain is chosen, without taking them away: they are handed on.
 * Bounded in time (the listener's) and in bytes (a ClientHello's, a request line's, a PROXY header's).
 */
import type { Clock } from '../../lib/clock.ts';
import type { Connection } from '../../wire/connection.ts';
import { decodeProxyHeader, type ProxyHeader } from '../../wire/proxy-protocol/decode.ts';
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

/** Why there is nothing to go on with. */
export type InspectionEnd = 'closed' | 'timeout' | 'proxy_protocol';

/** A look at a connection; `what` it waits for calls back once. */
export interface Look {
  /** Somebody else knows better: stops looking, and hands back what was read. The connection is paused. */
  stop(): Buffer | undefined;
}

/**
 * Calls back once with what was seen, or why the connection is over (it closed, or the time was up and the listener does
 * not go on then). The connection is paused then: whoever takes it resumes it. `before`: bytes that were read already.
 */
export function inspect(
  connection: Connection,
  wanted: Wanted,
  rules: Inspection,
  clock: Clock,
  before: Buffer | undefined,
  done: (seen: Inspected | InspectionEnd) => void,
): Look {
  const see = (bytes: Buffer) => judge(bytes, wanted);
  return look(connection, rules, clock, before, see, (end, bytes) =>
    done(end === 'silence' ? { ...nothingSeen, firstBytes: bytes } : end),
  );
}

/** Reads the header of the PROXY protocol; undefined where there is none and need not be. */
export function readProxyHeader(
  connection: Connection,
  optional: boolean,
  rules: Inspection,
  clock: Clock,
  done: (header: ProxyHeader | undefined | InspectionEnd, rest: Buffer | undefined) => void,
): void {
  const read = (bytes: Buffer): ProxyHeader | 'none' | 'proxy_protocol' | undefined => {
    const header = decodeProxyHeader(bytes);
    if (header.kind === 'need-more') return undefined;
    if (header.kind === 'header') return header;
    return header.kind === 'none' && optional ? 'none' : 'proxy_protocol';
  };
  look(connection, rules, clock, undefined, read, (end, bytes) => {
    if (end === 'silence' || end === 'none') done(undefined, bytes);
    else if (typeof end === 'string') done(end, undefined);
    else {
      const rest = bytes?.subarray(end.length);
      done(end, rest?.length === 0 ? undefined : rest);
    }
  });
}

/** Reads until `judge` has an answer. `silence`: the client said nothing in time, and that is fine. */
function look<T>(
  connection: Connection,
  rules: Inspection,
  clock: Clock,
  before: Buffer | undefined,
  judge: (bytes: Buffer) => T | undefined,
  done: (end: T | InspectionEnd | 'silence', bytes: Buffer | undefined) => void,
): Look {
  let bytes = before;
  let over = false;
  const finish = (end: T | InspectionEnd | 'silence'): void => {
    if (over) return;
    over = true;
    timer?.cancel();
    if (end !== 'closed') connection.pause();
    done(end, bytes);
  };
  const timer =
    rules.timeoutMs > 0
      ? clock.setTimeout(() => finish(rules.continueOnTimeout ? 'silence' : 'timeout'), rules.timeoutMs)
      : undefined;
  const known = before === undefined ? undefined : judge(before);
  if (known !== undefined) {
    finish(known);
    return { stop: () => bytes };
  }
  connection.handle({
    onData(chunk) {
      if (over) return;
      bytes = bytes === undefined ? chunk : Buffer.concat([bytes, chunk]);
      const seen = judge(bytes);
      if (seen !== undefined) finish(seen);
    },
    // A client that ends before it was known what it wants gets nothing, as with Envoy: a caller that lost a race, say.
    onEnd: () => finish('closed'),
    onDrain() {},
    onClose: () => finish('closed'),
  });
  connection.resume();
  return {
    stop() {
      over = true;
      timer?.cancel();
      connection.pause();
      return bytes;
    },
  };
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
