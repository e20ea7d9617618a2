import type { Downstream, TerminalFilter } from '../../runtime.ts';

/** A network filter that says whether a connection may go on; undefined: yes, else why not. */
export type ConnectionCheck = (downstream: Downstream) => string | undefined;

/** The terminal filter behind checks: a connection that fails one is closed before a byte of it is read. */
export function guarded(checks: readonly ConnectionCheck[], terminal: TerminalFilter): TerminalFilter {
  if (checks.length === 0) return terminal;
  const guardedTerminal: TerminalFilter = {
    onConnection(downstream) {
      if (checks.every((check) => check(downstream) === undefined)) terminal.onConnection(downstream);
      else downstream.connection.destroy();
    },
    drain: (gently) => terminal.drain(gently),
    handOver: (next) => terminal.handOver?.(behind.get(next) ?? next) ?? false,
    ...(terminal.racesUpstream === true ? { racesUpstream: true } : {}),
    routeNames: terminal.routeNames,
    clusterNames: terminal.clusterNames,
    get openConnections() {
      return terminal.openConnections;
    },
  };
  behind.set(guardedTerminal, terminal);
  return guardedTerminal;
}

/** What is behind checks. */
const behind = new WeakMap<TerminalFilter, TerminalFilter>();
