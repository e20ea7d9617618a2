import type { Cidr } from '../../lib/cidr.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Deadlines } from '../../lib/deadlines.ts';
import type { Random } from '../../lib/random.ts';
import type { Headers } from '../../wire/headers.ts';
import type { PathSettings } from '../../xds/match/path-normalization.ts';
import type { HttpStats } from '../observe/envoy-stats.ts';
import type { StreamFacts } from '../observe/stream-facts.ts';
import type { Tracing } from '../observe/tracing/tracing.ts';
import type { CompiledChain } from './filter-chain.ts';
import type { HeaderOperations } from './header-operations.ts';
import type { LocalReplies } from './local-reply-config.ts';
import type { HostFinder } from './pick-route.ts';
import type { RouteLeaf, RouteTable } from './route-table.ts';
import type { RoutedStream, Terminal } from './routed-stream.ts';

/** How an HTTP connection manager treats requests, lowered from its configuration. Immutable, defaults filled in. */
export interface ManagerSettings {
  readonly direction: 'inbound' | 'outbound' | 'unspecified';
  readonly serverName: string;
  readonly serverHeader: 'overwrite' | 'append-if-absent' | 'pass-through';
  readonly via: string;
  readonly useRemoteAddress: boolean;
  readonly trustedHops: number;
  readonly skipForwardedForAppend: boolean;
  readonly appendForwardedPort: boolean;
  readonly internalRanges: readonly Cidr[];
  readonly internalUnixSockets: boolean;
  /** Asked in order in place of X-Forwarded-For; empty for none. */
  readonly ipDetections: readonly IpDetection[];
  /** Changes to a request's headers before anything looks at them; undefined for none. */
  readonly earlyMutations: readonly HeaderOperations[] | undefined;
  /** Who this proxy says it is; undefined: it does not. */
  readonly userAgent: { readonly cluster: string; readonly node: string } | undefined;
  readonly generateRequestId: boolean;
  readonly preserveExternalRequestId: boolean;
  readonly requestIdInResponse: boolean;
  readonly forwardClientCert: ForwardClientCert;
  readonly path: PathSettings;
  readonly stripHostPort: 'none' | 'matching' | 'any';
  readonly stripTrailingHostDot: boolean;
  readonly schemeOverwrite: string | undefined;
  readonly underscores: 'allow' | 'reject' | 'drop';
  /** By lower-case upgrade type; absent is refused. */
  readonly upgrades: ReadonlyMap<string, boolean>;
  readonly forwardsContinue: boolean;
  readonly defaultHost: string;
  /** Methods in a case that is not theirs too. */
  readonly anyMethod: boolean;
  /** 0 is none, here and below. Milliseconds. */
  readonly streamIdleMs: number;
  readonly requestMs: number;
  readonly maxStreamMs: number;
  readonly maxRequestsPerConnection: number;
  readonly maxConnectionMs: number;
  /** Local replies say in words what happened; off where callers are outside the mesh. */
  readonly explains: boolean;
  /** How the proxy's own answers look; undefined: as they are. */
  readonly localReplies: LocalReplies | undefined;
}

/** Finds out whose request it is where the socket does not say. */
export interface IpDetection {
  /** Undefined where it finds no address. */
  detect(headers: Headers): DetectedAddress | undefined;
  /** What a request is answered of which it finds no address; undefined: the next one is asked. */
  readonly rejectStatus: number | undefined;
}

export interface DetectedAddress {
  readonly address: string;
  /** Whether it can show that the caller is internal. */
  readonly trusted: boolean;
}

export interface ForwardClientCert {
  readonly mode: 'sanitize' | 'forward-only' | 'append-forward' | 'sanitize-set' | 'always-forward-only';
  readonly subject: boolean;
  readonly uri: boolean;
  readonly dns: boolean;
  /** The whole certificate, as URL-encoded PEM. */
  readonly cert: boolean;
}

/** Entries about streams that are not over yet. */
export interface InterimLogSettings {
  /** One when the request's head has come and its route is known. */
  readonly onStart: boolean;
  /** One every so often; 0 is never. */
  readonly everyMs: number;
}

/** What a stream needs of its connection manager. One for all connections of a filter chain. */
export interface HttpManager {
  readonly settings: ManagerSettings;
  readonly stats: HttpStats;
  /** Undefined: nothing is traced, and nothing asks. */
  readonly tracing: Tracing | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly deadlines: Deadlines;
  readonly terminal: Terminal;
  readonly hosts: HostFinder;
  /** The routes of this moment; undefined while they have not arrived. */
  routes(): RouteTable | undefined;
  chainOf(leaf: RouteLeaf): CompiledChain;
  /** No further request is wanted on a connection. */
  closing(): boolean;
  /** Entries about streams that are not over; undefined: there are none. */
  readonly interimLogs: InterimLogSettings | undefined;
  /** Writes an entry about a stream to the access logs. */
  log(facts: StreamFacts): void;
  /** A stream is over: it is logged and counted. */
  finished(stream: RoutedStream): void;
}
