/** The listeners in use and how a connection finds its own: by socket, then by original destination. Immutable. */
import type { Bind, Listener } from '../configure/listener.ts';

export interface ListenerSet {
  readonly all: readonly Listener[];
  /** The listener of a socket, by `bindKey`. */
  readonly byBind: ReadonlyMap<string, Listener>;
  /** The listener of a destination, by `HOST_PORT`; `0.0.0.0_PORT` takes what has none of its own. */
  readonly byDestination: ReadonlyMap<string, Listener>;
}

export const noListeners: ListenerSet = { all: [], byBind: new Map(), byDestination: new Map() };

export function listenerSet(listeners: readonly Listener[]): ListenerSet {
  const byBind = new Map<string, Listener>();
  const byDestination = new Map<string, Listener>();
  for (const listener of listeners) {
    for (const bind of listener.binds) byBind.set(bindKey(bind), listener);
    if (listener.dns === undefined)
      byDestination.set(`${listener.address.host}_${listener.address.port}`, listener);
  }
  return { all: listeners, byBind, byDestination };
}

/** `tcp 0.0.0.0:15001`: one socket has one key. */
export function bindKey(bind: Bind): string {
  return bind.kind === 'pipe' ? `pipe ${bind.path}` : `${bind.kind} ${bind.host}:${bind.port}`;
}

/** Who takes a connection that `first` accepted for another destination; `first` itself where nobody else does. */
export function handOver(set: ListenerSet, first: Listener, address: string, port: number): Listener {
  const exact = set.byDestination.get(`${address}_${port}`);
  if (exact !== undefined) return exact;
  const any = address.includes(':') ? '::' : '0.0.0.0';
  return set.byDestination.get(`${any}_${port}`) ?? first;
}
