/**
 * Whichever side speaks first decides. While a listener waits for a client's first bytes, the chain that would take a
 * silent client (one that forwards bytes) is offered the connection and calls its upstream. A server that speaks first
 * (MySQL, SMTP) has its greeting passed on the moment it arrives; a client that speaks first is looked at as ever, and
 * where that leads to another chain the upstream's connection is dropped again.
 */
import type { Chain } from '../configure/listener.ts';
import type { Downstream } from '../runtime.ts';
import type { Inspected } from './inspect.ts';
import { nothingSeen } from './inspect.ts';
import { RacedConnection } from './raced-connection.ts';
import type { AcceptEnvironment, Taken } from './taken.ts';
import { downstreamOf } from './taken.ts';

export interface Race {
  /** The client spoke, or is silent for good. True: it is for the chain that was offered it, which has it now. */
  settledBy(seen: Inspected, chosen: () => Chain | undefined): boolean;
  /** The connection is over. */
  end(): void;
}

/**
 * Starts it where there is anything to win: undefined otherwise. `onServerFirst`: the chain takes the connection now; what the
 * client has sent of its first message so far comes back.
 */
export function startRace(
  taken: Taken,
  chain: Chain | undefined,
  environment: AcceptEnvironment,
  onServerFirst: () => Buffer | undefined,
): Race | undefined {
  if (chain === undefined || chain.tls !== undefined || chain.terminal.racesUpstream !== true)
    return undefined;
  const { verdicts, counts, clock } = environment;
  const { listener, local, connection } = taken;
  const destination = `${listener.name}|${local.address}|${local.port}`;
  let over = false;
  const raced = new RacedConnection(
    connection,
    () => {
      over = true;
      verdicts.remember(destination, 'server');
      counts.detected(listener, 'detected_server_first');
      raced.settle(onServerFirst());
    },
    () => (over = true),
  );
  let offered = false;
  const offer = (): void => {
    if (over) return;
    offered = true;
    const downstream: Downstream = downstreamOf(taken, chain, raced, nothingSeen, environment);
    chain.terminal.onConnection({ ...downstream, withdrawn: () => !raced.settled });
  };
  const timer = clock.setTimeout(offer, verdicts.waitMs(destination));
  return {
    settledBy(seen, chosen) {
      timer.cancel();
      const spoke = seen.firstBytes !== undefined;
      if (spoke) verdicts.remember(destination, 'client');
      counts.detected(listener, spoke ? 'detected_client_first' : 'detected_nothing');
      const holds = offered && !over && seen.serverName === '' && chosen() === chain;
      over = true;
      if (holds) raced.settle(seen.firstBytes);
      else raced.withdraw();
      return holds;
    },
    end() {
      timer.cancel();
      over = true;
      raced.withdraw();
    },
  };
}
