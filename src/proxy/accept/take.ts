/**
 * One accepted connection on its way to a filter: original destination, the listener that is meant, first bytes, filter
 * chain, TLS, terminal filter. This file reads top to bottom as that way.
 */
import type { Clock } from '../../lib/clock.ts';
import type { Connection, Network } from '../../wire/connection.ts';
import { matchFilterChain } from '../../xds/match/filter-chain.ts';
import type { Chain, Listener } from '../configure/listener.ts';
import type { SocketAddress } from '../runtime.ts';
import type { AcceptCounts } from './accept-counts.ts';
import type { Inspected } from './inspect.ts';
import { inspect, nothingSeen } from './inspect.ts';
import type { ListenerSet } from './listener-set.ts';
import { handOver } from './listener-set.ts';
import { downstreamTls } from './peer.ts';

export interface AcceptEnvironment {
  readonly network: Network;
  readonly clock: Clock;
  readonly counts: AcceptCounts;
  /** SO_ORIGINAL_DST of a socket; undefined where the connection was not redirected. */
  readonly originalDestination: (connection: Connection) => SocketAddress | undefined;
  /** A line for the proxy's own log. */
  readonly log: (level: 'debug' | 'info' | 'warning', message: string) => void;
  readonly nextId: () => number;
  /** The SPIFFE id that this proxy shows, '' while it has none. */
  readonly localUri: () => string;
}

/** Where a connection stands. */
interface Taken {
  readonly connection: Connection;
  readonly listener: Listener;
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
}

/** Takes a connection that `first` accepted. `set` are the listeners of this moment. */
export function take(
  connection: Connection,
  first: Listener,
  set: ListenerSet,
  environment: AcceptEnvironment,
): void {
  environment.counts.began();
  const local = destinationOf(connection, first, environment);
  const listener = first.useOriginalDestination ? handOver(set, first, local.address, local.port) : first;
  const remote = { address: connection.remoteAddress, port: connection.remotePort };
  const taken: Taken = { connection, listener, local, remote };
  const wanted = {
    tls: listener.inspect.tls?.(local.port) === true,
    http: listener.inspect.http?.(local.port) === true,
  };
  if (!wanted.tls && !wanted.http) {
    choose(taken, nothingSeen, environment);
    return;
  }
  inspect(connection, wanted, listener.inspect, environment.clock, (seen) => {
    if (seen === undefined) environment.counts.ended('inspection');
    else choose(taken, seen, environment);
  });
}

function destinationOf(
  connection: Connection,
  listener: Listener,
  environment: AcceptEnvironment,
): SocketAddress {
  const own = { address: connection.localAddress, port: connection.localPort };
  if (!listener.inspect.originalDestination) return own;
  return environment.originalDestination(connection) ?? own;
}

function choose(taken: Taken, seen: Inspected, environment: AcceptEnvironment): void {
  const { connection, listener, local, remote } = taken;
  const chain =
    matchFilterChain(listener.chains, {
      destinationAddress: local.address,
      destinationPort: local.port,
      sourceAddress: remote.address,
      sourcePort: remote.port,
      serverName: seen.serverName,
      transportProtocol: seen.transportProtocol,
      applicationProtocols: seen.applicationProtocols,
    }) ?? listener.defaultChain;
  if (chain === undefined) {
    environment.counts.ended('no_filter_chain_match');
    environment.log('info', noChain(taken, seen));
    connection.destroy();
  } else if (chain.tls === undefined) hand(taken, chain, connection, seen, environment);
  else void secure(taken, chain, seen, environment);
}

function noChain({ listener, local, remote }: Taken, seen: Inspected): string {
  const spoke = seen.transportProtocol === 'tls' ? `TLS for '${seen.serverName}'` : 'plaintext';
  return `refused ${remote.address}:${remote.port} -> ${local.address}:${local.port}: ${spoke}, and no filter chain of listener ${listener.name} takes that`;
}

async function secure(
  taken: Taken,
  chain: Chain,
  seen: Inspected,
  environment: AcceptEnvironment,
): Promise<void> {
  const { connection, local, remote } = taken;
  const result = await startTls(connection, chain, seen, environment);
  if (result.ok) {
    hand(taken, chain, result.connection, { ...seen, firstBytes: undefined }, environment);
    return;
  }
  environment.counts.ended('tls_error');
  environment.log('info', `refused ${remote.address} -> ${local.address}:${local.port}: ${result.message}`);
}

type Secured =
  | { readonly ok: true; readonly connection: Connection }
  | { readonly ok: false; readonly message: string };

async function startTls(
  connection: Connection,
  chain: Chain,
  seen: Inspected,
  environment: AcceptEnvironment,
): Promise<Secured> {
  const tls = chain.tls!;
  if (!tls.ready()) {
    connection.destroy();
    return { ok: false, message: `the secrets ${tls.secretNames.join(', ')} have not arrived yet` };
  }
  try {
    const peeked = seen.firstBytes === undefined ? {} : { peeked: seen.firstBytes };
    const result = await environment.network.acceptTls(connection, { ...tls.acceptOptions(), ...peeked });
    return result.ok ? { ok: true, connection: result.value } : { ok: false, message: result.error.message };
  } catch (error) {
    connection.destroy();
    return { ok: false, message: (error as Error).message };
  }
}

function hand(
  taken: Taken,
  chain: Chain,
  connection: Connection,
  seen: Inspected,
  environment: AcceptEnvironment,
): void {
  environment.counts.accepted();
  connection.resume();
  chain.terminal.onConnection({
    connection,
    id: environment.nextId(),
    listener: taken.listener.name,
    filterChain: chain.name,
    direction: taken.listener.direction,
    local: taken.local,
    remote: taken.remote,
    requestedServerName: seen.serverName,
    tls: connection.tls === undefined ? undefined : downstreamTls(connection.tls, environment.localUri()),
    firstBytes: seen.firstBytes,
  });
}
