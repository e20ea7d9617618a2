/**
 * The workload of traffic tests: it answers on its ports and says who it is and what it got, and it makes calls when it
 * is told to.
 *
 * In: an order on its command line, connections on its ports, lines of JSON on a Unix socket. Out: answers, and what
 * became of calls. Started by `weft test` in the place of every application, one process per workload, in the
 * workload's own network namespace. What never happens here: judging whether anything is as expected.
 *
 *   serve.ts    HTTP/1, HTTP/2 with and without prior TLS, bytes: told by the first of them     call.ts   one call
 *   proxy-header.ts  PROXY headers before them, which it passes over
 *   control.ts  the Unix socket                                                                 main.ts   wiring
 */
export interface EchoOrder {
  /** `NAMESPACE/WORKLOAD`. */
  readonly name: string;
  readonly ports: readonly number[];
  /** The Unix socket for orders. */
  readonly socket: string;
  /** PEM, for connections that begin with TLS. */
  readonly certificate: string;
  readonly key: string;
}

/** The request header that names a call; logs and notes go by it. */
export const CALL_HEADER = 'x-weft-test';

/** A request as an application saw it. */
export interface SeenRequest {
  /** `NAMESPACE/WORKLOAD` of who saw it. */
  readonly by: string;
  /** `IP:PORT` that it came to. */
  readonly at: string;
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  /** Names in lower case; values of one name joined by ','. */
  readonly headers: Readonly<Record<string, string>>;
  /** It came in TLS that the application ended. */
  readonly tls: boolean;
}

/** A call to make. */
export interface CallOrder {
  readonly id: string;
  readonly scheme: 'http' | 'https' | 'grpc' | 'tcp';
  /** Where to connect. A name is looked up. */
  readonly host: string;
  readonly port: number;
  readonly authority: string;
  readonly path: string;
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** Server name of TLS, '' for the host; TCP without one is plain. */
  readonly sni: string;
  readonly timeoutMs: number;
}

/** What became of a call. */
export interface CallResult {
  /** 0 without an HTTP answer. */
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Bytes came back. */
  readonly accepted: boolean;
  /** What the application that answered says of the request; undefined where a proxy answered. */
  readonly seen: SeenRequest | undefined;
  /** Why there is no answer, '' where there is one. */
  readonly error: string;
  readonly tookMs: number;
}

/** What can be asked on the Unix socket, one JSON text a line; each answer is one line. */
export type EchoQuestion =
  | { readonly ask: 'call'; readonly call: CallOrder }
  /** Requests of a call that this workload saw. */
  | { readonly ask: 'seen'; readonly id: string };
