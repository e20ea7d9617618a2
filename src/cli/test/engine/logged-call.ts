import type { AccessLine } from './access-format.ts';

/** What the proxies on the way logged of one call. */
export interface LoggedCall {
  /** The caller's proxy, or the gateway; undefined where none logged it. */
  readonly first: AccessLine | undefined;
  /** The callee's proxy: inbound. */
  readonly last: AccessLine | undefined;
  /** Tries of the first proxy that made any; 0 where none did. */
  readonly attempts: number;
  readonly all: readonly PlacedLine[];
}

/** A line with whose it is. */
export interface PlacedLine extends AccessLine {
  readonly namespace: string;
  readonly pod: string;
}
