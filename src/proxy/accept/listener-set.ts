/** The listeners in use and how a connection finds its own: by socket, then by original destination. Immutable. */
import type { Bind, Listener } from '../configure/listener.ts';
import type { SocketAddress } from '../runtime.ts';

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
      byDestination.set(addressKey(listener.address.host, listener.address.port), listener);
  }
  return { all: listeners, byBind, byDestination };
}

/** `tcp 0.0.0.0:15001`: one socket has one key. */
export function bindKey(bind: Bind): string {
  return bind.kind === 'pipe' ? `pipe ${bind.path}` : `${bind.kind} ${bind.host}:${bind.port}`;
}

/** Who takes a connection that `first` accepted for another destination; `first` itself where nobody else does. */
export function handOver(set: ListenerSet, first: Listener, address: string, port: number): Listener {
  const exact = set.byDestination.get(addressKey(address, port));
  return exact ?? set.byDestination.get(anyAddressKey(address, port)) ?? first;
}

/** The key of a destination in `byDestination`, which is also the name of its listener. */
export function addressKey(address: string, port: number): string {
  return `${address}_${port}`;
}

/** That of whatever has none of its own on the port. */
export function anyAddressKey(address: string, port: number): string {
  return addressKey(address.includes(':') ? '::' : '0.0.0.0', port);
}

/** Listeners that come when they are called. */
export interface ListenersOnDemand {
  /** Whether it is known which listener takes connections to an address; asks where it is not. */
  isKnown(destination: SocketAddress): boolean;
  /** Calls back when it is known, with false where nobody said in time. */
  until(destination: SocketAddress, done: (known: boolean) => void): void;
}
