import type { Clock } from '../../lib/clock.ts';
import type { Connection, Network, TlsInfo } from '../../wire/connection.ts';
import type { Chain, Listener } from '../configure/listener.ts';
import type { Downstream, DownstreamTls, SocketAddress } from '../runtime.ts';
import type { AcceptCounts } from './accept-counts.ts';
import type { Inspected } from './inspect.ts';
import type { ListenerSet, ListenersOnDemand } from './listener-set.ts';
import { downstreamTls } from './peer.ts';
import type { Verdicts } from './verdicts.ts';

// A connection on its way to a filter, and what the way needs from outside.

export interface AcceptEnvironment {
  readonly network: Network;
  readonly clock: Clock;
  readonly counts: AcceptCounts;
  /** Most connections of clients, pending and open, but for listeners that ignore it; absent: no limit. */
  readonly maxConnections?: number;
  /** SO_ORIGINAL_DST of a socket; undefined where the connection was not redirected. */
  readonly originalDestination: (connection: Connection) => SocketAddress | undefined;
  /** Outbound listeners come when they are called; absent: all there are are there. */
  readonly onDemand?: ListenersOnDemand | undefined;
  /** The listeners of this moment. */
  readonly listeners: () => ListenerSet;
  /** Who spoke first, by destination. */
  readonly verdicts: Verdicts;
  /** A line for the proxy's own log. */
  readonly log: (level: 'debug' | 'info' | 'warning', message: string) => void;
  readonly nextId: () => number;
  /** The SPIFFE id that this proxy shows, '' while it has none. */
  readonly localUri: () => string;
}

/** Where a connection stands. */
export interface Taken {
  readonly connection: Connection;
  readonly listener: Listener;
  /** What the client dialled, as far as it is known: by the socket, the kernel, or a PROXY protocol header. */
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  readonly metadata: Downstream['metadata'];
}

/** The connection as its terminal filter gets it. */
export function downstreamOf(
  { listener, local, remote, metadata }: Taken,
  chain: Chain,
  connection: Connection,
  seen: Inspected,
  environment: AcceptEnvironment,
): Downstream {
  return {
    connection,
    id: environment.nextId(),
    listener: listener.name,
    filterChain: chain.name,
    direction: listener.direction,
    local,
    remote,
    requestedServerName: seen.serverName,
    tls: connection.tls === undefined ? undefined : tlsOf(connection.tls, chain, environment),
    firstBytes: seen.firstBytes,
    ...(metadata === undefined ? {} : { metadata }),
  };
}

function tlsOf(tls: TlsInfo, chain: Chain, environment: AcceptEnvironment): DownstreamTls {
  return downstreamTls(tls, environment.localUri(), chain.tls?.validated(tls.peer) === true);
}
