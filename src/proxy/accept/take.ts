/**
 * One accepted connection on its way to a filter: original destination, the listener that is meant, first bytes, filter
 * chain, TLS, terminal filter. This file reads top to bottom as that way.
 */
import type { Connection } from '../../wire/connection.ts';
import { matchFilterChain } from '../../xds/match/filter-chain.ts';
import type { Chain, Listener } from '../configure/listener.ts';
import type { Downstream, SocketAddress } from '../runtime.ts';
import type { Inspected, InspectionEnd } from './inspect.ts';
import { inspect, nothingSeen, readProxyHeader } from './inspect.ts';
import type { ListenerSet } from './listener-set.ts';
import { handOver } from './listener-set.ts';
import { startRace } from './race.ts';
import { type AcceptEnvironment, downstreamOf, type Taken } from './taken.ts';

/** Takes a connection that `first` accepted. `set` are the listeners of this moment. */
export function take(
  connection: Connection,
  first: Listener,
  set: ListenerSet,
  environment: AcceptEnvironment,
): void {
  environment.counts.began(first);
  const remote = { address: connection.remoteAddress, port: connection.remotePort };
  const { proxyProtocol } = first.inspect;
  const own = { address: connection.localAddress, port: connection.localPort };
  if (proxyProtocol === undefined) {
    direct(connection, first, set, destinationOf(connection, first, own, environment), remote, environment);
    return;
  }
  const { optional, metadataOf } = proxyProtocol;
  readProxyHeader(connection, optional, first.inspect, environment.clock, (header, rest) => {
    if (typeof header === 'string') {
      endEarly(connection, first, header, environment);
      return;
    }
    const { source = remote, destination } = header?.connection ?? {};
    const local = destination ?? destinationOf(connection, first, own, environment);
    const metadata = header === undefined ? undefined : metadataOf(header.fields);
    direct(connection, first, set, local, source, environment, rest, metadata);
  });
}

/** Both ends are known: finds the listener that is meant, which may have to come first. */
function direct(
  connection: Connection,
  first: Listener,
  set: ListenerSet,
  local: SocketAddress,
  remote: SocketAddress,
  environment: AcceptEnvironment,
  before?: Buffer,
  metadata?: Downstream['metadata'],
): void {
  const { onDemand } = environment;
  if (onDemand === undefined || !first.useOriginalDestination || first.direction !== 'outbound') {
    const listener = first.useOriginalDestination ? handOver(set, first, local.address, local.port) : first;
    lead(connection, first, listener, local, remote, environment, before, metadata);
    return;
  }
  const go = (): void => {
    const listener = handOver(environment.listeners(), first, local.address, local.port);
    lead(connection, first, listener, local, remote, environment, before, metadata);
  };
  if (onDemand.isKnown(local)) go();
  else
    onDemand.until(local, (known) => {
      if (known) go();
      else {
        environment.log(
          'warning',
          `refused ${remote.address}:${remote.port} -> ${local.address}:${local.port}: the control plane has not said what is there, and it was never called before`,
        );
        endEarly(connection, first, 'unanswered', environment);
      }
    });
}

/** To the listener that is meant, which looks at the first bytes. */
function lead(
  connection: Connection,
  first: Listener,
  listener: Listener,
  local: SocketAddress,
  remote: SocketAddress,
  environment: AcceptEnvironment,
  before?: Buffer,
  metadata?: Downstream['metadata'],
): void {
  environment.counts.moved(first, listener);
  const taken: Taken = { connection, listener, local, remote, metadata };
  const wanted = {
    tls: listener.inspect.tls?.(local.port) === true,
    http: listener.inspect.http?.(local.port) === true,
  };
  if (!wanted.tls && !wanted.http) {
    const seen = before === undefined ? nothingSeen : { ...nothingSeen, firstBytes: before };
    choose(taken, seen, environment);
    return;
  }
  const race = startRace(taken, chainFor(taken, nothingSeen), environment, () => {
    environment.counts.accepted(listener);
    return look.stop();
  });
  const look = inspect(connection, wanted, listener.inspect, environment.clock, before, (seen) => {
    if (typeof seen === 'string') {
      race?.end();
      endEarly(connection, listener, seen, environment);
    } else if (race?.settledBy(seen, () => chainFor(taken, seen)) === true)
      environment.counts.accepted(listener);
    else choose(taken, seen, environment);
  });
}

const endNames = {
  closed: 'downstream_pre_cx_closed',
  timeout: 'downstream_pre_cx_timeout',
  proxy_protocol: 'downstream_listener_filter_error',
  unanswered: 'downstream_pre_cx_timeout',
} as const;

function endEarly(
  connection: Connection,
  listener: Listener,
  why: InspectionEnd | 'unanswered',
  environment: AcceptEnvironment,
): void {
  environment.counts.ended(listener, endNames[why]);
  connection.destroy();
}

/** The chain that takes a connection of which so much is known. */
function chainFor({ connection, listener, local, remote }: Taken, seen: Inspected): Chain | undefined {
  const chain = matchFilterChain(listener.chains, {
    destinationAddress: local.address,
    destinationPort: local.port,
    sourceAddress: remote.address,
    directSourceAddress: connection.remoteAddress,
    sourcePort: remote.port,
    serverName: seen.serverName,
    transportProtocol: seen.transportProtocol,
    applicationProtocols: seen.applicationProtocols,
  });
  return chain ?? listener.defaultChain;
}

function destinationOf(
  connection: Connection,
  listener: Listener,
  own: SocketAddress,
  environment: AcceptEnvironment,
): SocketAddress {
  if (!listener.inspect.originalDestination) return own;
  return environment.originalDestination(connection) ?? own;
}

function choose(taken: Taken, seen: Inspected, environment: AcceptEnvironment): void {
  const { connection } = taken;
  const chain = chainFor(taken, seen);
  if (chain === undefined) {
    environment.counts.ended(taken.listener, 'no_filter_chain_match');
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
    environment.counts.secured(taken.listener, result.connection.tls?.resumed === true);
    hand(taken, chain, result.connection, { ...seen, firstBytes: undefined }, environment);
    return;
  }
  environment.counts.ended(taken.listener, 'ssl.connection_error');
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
  environment.counts.accepted(taken.listener);
  connection.resume();
  chain.terminal.onConnection(downstreamOf(taken, chain, connection, seen, environment));
}
