/** The answer of `weft explain`, as its JSON says it. */

/**
 * What becomes of a call. `forward`: a workload gets it. `reply`: a proxy answers by itself. `deny`: a policy says no.
 * `passthrough`: on to the address that was called, which no service has. `blackhole`: calls to unknown destinations
 * end here. `refuse`: no connection, or one that is cut before any answer.
 */
export type Outcome = 'forward' | 'reply' | 'deny' | 'passthrough' | 'blackhole' | 'refuse';

/** How the last leg of the way is protected; `passthrough`: by TLS of the client's own that no proxy opened. */
export type TlsKind = 'mutual' | 'simple' | 'none' | 'passthrough';

/** The object that is the reason for something, and where it is written; all empty for what every mesh has. */
export interface Because {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly file: string;
  /** Of the field where it is known; 0 where there are no lines. */
  readonly line: number;
}

/** Something that could have been, and why it was not. */
export interface Alternative {
  readonly what: string;
  readonly why: string;
  readonly because: Because;
}

/** One thing that happens on the way. */
export interface Step {
  readonly what: string;
  readonly because: Because;
  readonly instead: readonly Alternative[];
}

/** Where a share of such calls ends. */
export interface DestinationShare {
  readonly cluster: string;
  /** Of all calls, 0 to 1. */
  readonly share: number;
  /** `NAMESPACE/WORKLOAD`; for places outside of the mesh `HOST:PORT`. */
  readonly workloads: readonly string[];
}

export interface PolicyVerdict {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  /** Place among the policy's rules, from 0; -1 where none of them decided. */
  readonly rule: number;
  readonly verdict: 'allow' | 'deny';
}

export interface Explanation {
  readonly outcome: Outcome;
  /** HTTP status that the caller sees; 0 where it sees none. */
  readonly status: number;
  // Names in the first proxy on the way: the caller's own, or the gateway.
  readonly listener: string;
  readonly filterChain: string;
  readonly virtualHost: string;
  readonly route: string;
  readonly cluster: string;
  readonly destinations: readonly DestinationShare[];
  readonly tls: TlsKind;
  /** As the last one to see it sees it. Header names in lower case. */
  readonly request: {
    readonly path: string;
    readonly authority: string;
    readonly headers: Readonly<Record<string, string>>;
  };
  /** 0 for none. */
  readonly timeoutMs: number;
  readonly retries: Retries | Readonly<Record<string, never>>;
  readonly policies: readonly PolicyVerdict[];
  readonly steps: readonly Step[];
}

export interface Retries {
  readonly attempts: number;
  readonly retryOn: string;
  /** 0: the time-out of the whole. */
  readonly perTryTimeoutMs: number;
}

/** The reason of what every mesh has. */
export const NOBODY: Because = { kind: '', namespace: '', name: '', file: '', line: 0 };
