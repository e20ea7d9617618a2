import type { Downstream, TerminalFilter } from '../../runtime.ts';
import { ConnectionView, StreamPeer } from '../../stream/connection-view.ts';

/** Why a connection may not go on, as Envoy's %CONNECTION_TERMINATION_DETAILS% say it; undefined: it may. */
export type Refusal = string | undefined;

/**
 * A network filter that says whether a connection may go on: at once, or later where somebody has to be asked. `peer` is
 * what the checks of one connection tell each other.
 */
export interface ConnectionCheck {
  judge(downstream: Downstream, peer: StreamPeer): Refusal | Promise<Refusal>;
  /** It asks others: nobody may be called for the connection in the meantime, not even to win time. */
  readonly asks: boolean;
  /** Clusters that are asked. */
  readonly clusterNames: readonly string[];
}

/** The terminal filter behind checks: a connection that fails one is closed before a byte of it is read. */
export function guarded(checks: readonly ConnectionCheck[], terminal: TerminalFilter): TerminalFilter {
  return new GuardedTerminal(checks, terminal);
}

class GuardedTerminal implements TerminalFilter {
  readonly #checks: readonly ConnectionCheck[];
  readonly #terminal: TerminalFilter;
  readonly routeNames: readonly string[];
  readonly clusterNames: readonly string[];
  readonly racesUpstream: boolean;
  /** Connections about which somebody is being asked. */
  #waiting = 0;

  constructor(checks: readonly ConnectionCheck[], terminal: TerminalFilter) {
    this.#checks = checks;
    this.#terminal = terminal;
    this.routeNames = terminal.routeNames;
    this.clusterNames = [...terminal.clusterNames, ...checks.flatMap(({ clusterNames }) => clusterNames)];
    this.racesUpstream = terminal.racesUpstream === true && checks.every(({ asks }) => !asks);
  }

  get openConnections(): number {
    return this.#terminal.openConnections + this.#waiting;
  }

  onConnection(downstream: Downstream): void {
    this.#judge(downstream, new StreamPeer(new ConnectionView(downstream)), 0);
  }

  drain(gently?: boolean): void {
    this.#terminal.drain(gently);
  }

  handOver(next: TerminalFilter): boolean {
    return this.#terminal.handOver?.(next instanceof GuardedTerminal ? next.#terminal : next) ?? false;
  }

  #judge(downstream: Downstream, peer: StreamPeer, from: number): void {
    for (let i = from; i < this.#checks.length; i++) {
      const refusal = (this.#checks[i] as ConnectionCheck).judge(downstream, peer);
      if (refusal instanceof Promise) {
        this.#wait(downstream, peer, i + 1, refusal);
        return;
      }
      if (refusal !== undefined) {
        this.#refuse(downstream, peer, refusal);
        return;
      }
    }
    this.#terminal.onConnection(told(downstream, peer));
  }

  #refuse(downstream: Downstream, peer: StreamPeer, refusal: string): void {
    this.#terminal.onRefused?.(told(downstream, peer), refusal);
    downstream.connection.destroy();
  }

  /** Nothing is read meanwhile: what the client sends stays with the kernel. */
  #wait(downstream: Downstream, peer: StreamPeer, next: number, asked: Promise<Refusal>): void {
    const { connection } = downstream;
    connection.pause();
    this.#waiting++;
    void asked.then((refusal) => {
      this.#waiting--;
      if (connection.closed) return;
      if (refusal !== undefined) {
        this.#refuse(downstream, peer, refusal);
        return;
      }
      connection.resume();
      this.#judge(downstream, peer, next);
    });
  }
}

/** The connection with what the checks have said of it, for logs. */
function told(downstream: Downstream, { allMetadata: metadata }: StreamPeer): Downstream {
  return metadata === undefined || metadata === downstream.metadata
    ? downstream
    : { ...downstream, metadata };
}
