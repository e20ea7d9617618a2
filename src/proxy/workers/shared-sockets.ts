/**
 * The listening sockets of all workers, owned by the main process. Each worker has a socket of its own on a shared port
 * (SO_REUSEPORT: the kernel spreads connections evenly), and main keeps it open: when a worker dies, the connections that
 * wait in its socket wait for its replacement. Unix sockets cannot be split: all workers share one.
 */
import type { Result } from '../../lib/result.ts';
import type { NetError } from '../../wire/connection.ts';
import { type BoundSocket, bindPath, bindTcp } from '../../wire/sockets/bind.ts';
import { type SocketTarget, targetKey } from './messages.ts';

export interface SharedSockets {
  /** The sockets of a worker at a place: bound when the first worker asks. */
  open(target: SocketTarget, worker: number): Result<readonly BoundSocket[], NetError>;
  /** The worker does not listen there any more; closed when none does. */
  release(target: SocketTarget, worker: number): void;
  /** Where a worker listens. */
  of(worker: number): readonly SocketTarget[];
  list(): readonly { readonly key: string; readonly fd: number }[];
  closeAll(): void;
}

interface Place {
  readonly target: SocketTarget;
  readonly sockets: readonly BoundSocket[];
  readonly users: Set<number>;
}

/** `inherited`: descriptors of a proxy that this one replaces, by key; the caller closes what nobody asked for. */
export function createSharedSockets(workers: number, inherited: Map<string, number[]>): SharedSockets {
  const places = new Map<string, Place>();
  const make = (target: SocketTarget): Result<readonly BoundSocket[], NetError> => {
    if (target.kind === 'pipe') return mapOk(bindPath(target.path), (socket) => [socket]);
    const fds = inherited.get(targetKey(target)) ?? [];
    inherited.delete(targetKey(target));
    const sockets: BoundSocket[] = [];
    for (let i = 0; i < Math.max(workers, fds.length); i++) {
      const port = sockets[0]?.port ?? target.port;
      const bound = bindTcp(target.host, port, fds[i]);
      if (!bound.ok) {
        for (const socket of sockets) socket.close();
        return bound;
      }
      sockets.push(bound.value);
    }
    return { ok: true, value: sockets };
  };
  return {
    open(target, worker) {
      const key = targetKey(target);
      let place = places.get(key);
      if (place === undefined) {
        const made = make(target);
        if (!made.ok) return made;
        place = { target, sockets: made.value, users: new Set() };
        places.set(key, place);
      }
      place.users.add(worker);
      const { sockets } = place;
      const own = target.kind === 'pipe' ? sockets : sockets.filter((_, i) => i % workers === worker);
      return { ok: true, value: own };
    },
    release(target, worker) {
      const place = places.get(targetKey(target));
      place?.users.delete(worker);
      if (place === undefined || place.users.size > 0) return;
      places.delete(targetKey(target));
      for (const socket of place.sockets) socket.close();
    },
    of: (worker) => [...places.values()].filter(({ users }) => users.has(worker)).map(({ target }) => target),
    list: () =>
      [...places].flatMap(([key, { target, sockets }]) =>
        target.kind === 'pipe' ? [] : sockets.map(({ fd }) => ({ key, fd })),
      ),
    closeAll() {
      for (const { sockets } of places.values()) for (const socket of sockets) socket.close();
      places.clear();
    },
  };
}

function mapOk<T, U, E>(result: Result<T, E>, map: (value: T) => U): Result<U, E> {
  return result.ok ? { ok: true, value: map(result.value) } : result;
}
