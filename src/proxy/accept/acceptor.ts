/**
 * The listening sockets of the proxy. A new set of listeners opens what is missing and closes what is gone; a socket
 * that both sets have stays open through the change, and connections that stand are never touched.
 */
import type { Connection, Listener as Socket, UdpSocket } from '../../wire/connection.ts';
import type { FilterChain } from '../../xds/resources.ts';
import type { Bind, Listener } from '../configure/listener.ts';
import { chainsOf } from '../configure/listener.ts';
import type { DnsServer } from '../dns/dns-server.ts';
import type { ListenerSet } from './listener-set.ts';
import { bindKey, listenerSet, noListeners } from './listener-set.ts';
import { take } from './take.ts';
import type { AcceptEnvironment } from './taken.ts';
import { Verdicts } from './verdicts.ts';

/** A listener whose socket could not be opened, and why. */
export interface BindFailure {
  readonly listener: string;
  readonly message: string;
}

export interface Acceptor {
  /** Takes over a new set. Listeners whose socket cannot be opened are left out and reported. */
  apply(listeners: readonly Listener[]): Promise<readonly BindFailure[]>;
  /** The set in use. */
  current(): ListenerSet;
  /** Open TCP sockets by `bindKey`, with their file descriptors. */
  sockets(): readonly { readonly key: string; readonly fd: number }[];
  /** Closes the sockets and asks every chain to finish; `gently` as TerminalFilter.drain. `inboundOnly`: those alone. */
  drain(gently?: boolean, inboundOnly?: boolean): Promise<void>;
}

/** Connections that may be on their way to a filter at a time; more are closed at once. */
export const MAX_PENDING_CONNECTIONS = 20_000;

export function createAcceptor(
  around: Omit<AcceptEnvironment, 'verdicts' | 'listeners'>,
  dns: DnsServer,
): Acceptor {
  const environment: AcceptEnvironment = { ...around, verdicts: new Verdicts(), listeners: () => set };
  const sockets = new Map<string, Socket | UdpSocket>();
  let set: ListenerSet = noListeners;
  let applying: Promise<unknown> = Promise.resolve();

  /** Looked up only where there is a limit: connections of chains that are on their way out are not counted. */
  const overLimit = (listener: Listener): boolean => {
    const { maxConnections } = environment;
    if (maxConnections === undefined || listener.ignoresConnectionLimit) return false;
    let count = environment.counts.pending;
    for (const { terminal } of set.all.flatMap(chainsOf)) count += terminal.openConnections;
    return count >= maxConnections;
  };

  const open = async (bind: Bind): Promise<string | undefined> => {
    const key = bindKey(bind);
    const onConnection = (connection: Connection): void => {
      const listener = set.byBind.get(key);
      if (listener === undefined) connection.destroy();
      else if (environment.counts.pending >= MAX_PENDING_CONNECTIONS || overLimit(listener)) {
        environment.counts.began(listener);
        environment.counts.ended(listener, 'downstream_global_cx_overflow');
        connection.destroy();
      } else take(connection, listener, set, environment);
    };
    const result =
      bind.kind === 'udp'
        ? await dns.listen(bind, () => set.byBind.get(key)?.dns)
        : await environment.network.listen(listenOptions(bind, onConnection));
    if (!result.ok) return result.error.message;
    sockets.set(key, result.value);
    return undefined;
  };

  const applyNow = async (listeners: readonly Listener[]): Promise<readonly BindFailure[]> => {
    const failures: BindFailure[] = [];
    const usable: Listener[] = [];
    const wanted = new Set(listeners.flatMap((l) => l.binds.map(bindKey)));
    await closeAll([...sockets.keys()].filter((key) => !wanted.has(key)));
    for (const listener of listeners) {
      const missing = listener.binds.filter((bind) => !sockets.has(bindKey(bind)));
      const messages = (await Promise.all(missing.map(open))).filter((m) => m !== undefined);
      if (messages.length === 0) usable.push(listener);
      else failures.push({ listener: listener.name, message: messages.join('; ') });
    }
    const before = set;
    set = listenerSet(usable);
    drainReplaced(before, set);
    return failures;
  };

  const closeAll = async (keys: readonly string[]): Promise<void> => {
    await Promise.all(
      keys.map(async (key) => {
        const socket = sockets.get(key);
        sockets.delete(key);
        await socket?.close();
      }),
    );
  };

  return {
    apply(listeners) {
      const next = applying.then(() => applyNow(listeners));
      applying = next.catch(() => {});
      return next;
    },
    current: () => set,
    sockets: () =>
      [...sockets].flatMap(([key, socket]) => {
        const fds = 'fds' in socket ? (socket.fds ?? []) : [];
        return key.startsWith('pipe') ? [] : fds.filter((fd) => fd >= 0).map((fd) => ({ key, fd }));
      }),
    async drain(gently, inboundOnly = false) {
      const leaving = set.all.filter(({ direction }) => !inboundOnly || direction === 'inbound');
      await closeAll(inboundOnly ? leaving.flatMap(({ binds }) => binds.map(bindKey)) : [...sockets.keys()]);
      for (const listener of leaving) for (const chain of chainsOf(listener)) chain.terminal.drain(gently);
    },
  };
}

function listenOptions(bind: Exclude<Bind, { kind: 'udp' }>, onConnection: (connection: Connection) => void) {
  if (bind.kind === 'pipe') return { path: bind.path, onConnection };
  const backlog = bind.backlog === undefined ? {} : { backlog: bind.backlog };
  return { host: bind.host, port: bind.port, reusePort: bind.reusePort, ...backlog, onConnection };
}

/**
 * Chains that no listener uses any more hand their connections to the one that took their place: closing an idle one could
 * meet a request that is on its way. Where there is none they take nothing new and finish what they have.
 */
function drainReplaced(before: ListenerSet, after: ListenerSet): void {
  const kept = new Set(after.all.flatMap(chainsOf));
  for (const listener of before.all) {
    const replaced = chainsOf(listener).filter((chain) => !kept.has(chain));
    if (replaced.length === 0) continue;
    const next = after.all.find(({ name }) => name === listener.name);
    for (const { source, terminal } of replaced) {
      const way = wayTo(source);
      const heir = next && chainsOf(next).find((chain) => wayTo(chain.source) === way);
      if (heir === undefined || terminal.handOver?.(heir.terminal) !== true) terminal.drain();
    }
  }
}

/** What a connection goes through up to the last filter, as text. */
function wayTo(source: string): string {
  const { filters = [], metadata: _, ...rest } = JSON.parse(source) as FilterChain;
  const last = filters.at(-1);
  return JSON.stringify({ ...rest, before: filters.slice(0, -1), last: last?.typed_config?.['@type'] });
}
