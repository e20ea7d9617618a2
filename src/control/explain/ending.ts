import type { SocketAddress } from './connection.ts';
import type { Outcome, TlsKind } from './explanation.ts';
import type { Request, Response } from './http/request.ts';

/** Who got a call in the end. */
export interface Arrival {
  /** `NAMESPACE/WORKLOAD`, or `HOST:PORT` outside of the mesh. */
  readonly workload: string;
  /** Other names it goes by: that of the Pod. */
  readonly names: readonly string[];
  readonly at: SocketAddress;
  /** What it got; undefined where it got bytes. */
  readonly request: Request | undefined;
}

/** How a connection, or a request on it, ends for the one who made it. */
export interface Ending {
  readonly outcome: Outcome;
  /** Undefined where the connection carried no HTTP, or was cut before an answer. */
  readonly response: Response | undefined;
  readonly tls: TlsKind;
  readonly arrival: Arrival | undefined;
  /** Why there is no answer: nobody took the connection, or it was cut when it was there. */
  readonly failure: 'connect' | 'reset' | undefined;
}

/** An end without an answer. */
export function cut(outcome: Outcome, failure: 'connect' | 'reset', tls: TlsKind): Ending {
  return { outcome, response: undefined, tls, arrival: undefined, failure };
}

/** An answer that a proxy gives by itself. */
export function answered(outcome: Outcome, response: Response, tls: TlsKind): Ending {
  return { outcome, response, tls, arrival: undefined, failure: undefined };
}
