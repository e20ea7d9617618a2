import type { Deadlines } from '../../lib/deadlines.ts';
import type { AnyMessage } from '../../xds/resources.ts';
import type { Cluster } from '../upstream/cluster.ts';
import type { HttpFilterContext } from './http-filter.ts';
import type { Terminal } from './routed-stream.ts';

/** What a chain's end has of the proxy. */
export interface TerminalParts {
  readonly deadlines: Deadlines;
  /** Local replies may say in words what happened. */
  readonly explains: boolean;
  /** Longest life of a stream whose route says nothing; 0 is none. */
  readonly maxStreamMs: number;
  /** What this proxy says of itself to proxies behind mutual TLS; '' for nothing. */
  readonly introduction: string;
  cluster(name: string): Cluster | undefined;
}

/** A kind of chain's end, found by the message of its configuration. */
export interface TerminalKind {
  readonly message: string;
  /** Lowers the configuration; what comes back makes the end of one chain. */
  lower(message: AnyMessage, context: HttpFilterContext): (parts: TerminalParts) => Terminal;
}
