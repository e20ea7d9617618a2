/**
 * Listeners by name: the one in use and, while its routes or secrets are missing, the next one. Swapped whole; a
 * listener waits for what it needs a bounded time, as Envoy's initial fetch timeout.
 */
import type { Clock } from '../../lib/clock.ts';
import type { Listener } from './listener.ts';
import { chainsOf } from './listener.ts';

export interface ListenerStates {
  /** A new or changed listener. */
  put(listener: Listener): void;
  remove(name: string): void;
  /** The newest of a name, warm or not. */
  latest(name: string): Listener | undefined;
  /** Makes warm what can be; the listeners to run where that changed anything since the last call. */
  settle(): readonly Listener[] | undefined;
  /** Takes a listener back whose socket could not be opened. */
  fail(name: string): void;
  /** RDS names of all listeners, warm or not. */
  routeNames(): ReadonlySet<string>;
  /** SDS names of all listeners. */
  secretNames(): ReadonlySet<string>;
  /** Clusters that chains lead to without a route table. */
  clusterNames(): readonly string[];
  /** Whether a chain leads to this cluster without a route table. */
  references(cluster: string): boolean;
  warming(): readonly string[];
}

const maxWaitMs = 15_000;

export function createListenerStates(
  clock: Clock,
  isWarm: (listener: Listener) => boolean,
  overdue: () => void,
): ListenerStates {
  const active = new Map<string, Listener>();
  const next = new Map<string, { readonly listener: Listener; readonly untilMs: number }>();
  let changed = false;
  const all = (): readonly Listener[] => [...active.values(), ...[...next.values()].map((n) => n.listener)];
  return {
    put(listener) {
      next.set(listener.name, { listener, untilMs: clock.monotonicMs() + maxWaitMs });
      clock.setTimeout(overdue, maxWaitMs + 1);
    },
    remove(name) {
      changed = active.delete(name) || changed;
      next.delete(name);
    },
    latest: (name) => next.get(name)?.listener ?? active.get(name),
    settle() {
      const now = clock.monotonicMs();
      for (const [name, { listener, untilMs }] of next) {
        if (untilMs > now && !isWarm(listener)) continue;
        next.delete(name);
        active.set(name, listener);
        changed = true;
      }
      if (!changed) return undefined;
      changed = false;
      return [...active.values()];
    },
    fail: (name) => void active.delete(name),
    routeNames: () => new Set(all().flatMap((l) => chainsOf(l).flatMap((c) => c.terminal.routeNames))),
    secretNames: () => new Set(all().flatMap((l) => chainsOf(l).flatMap((c) => c.tls?.secretNames ?? []))),
    clusterNames: () => all().flatMap((l) => chainsOf(l).flatMap((c) => c.terminal.clusterNames)),
    references: (cluster) =>
      all().some((l) => chainsOf(l).some((c) => c.terminal.clusterNames.includes(cluster))),
    warming: () => [...next.keys()],
  };
}

/** Whether everything a listener needs before it may serve is there; `hasCluster`: absent where clusters come first. */
export function isListenerWarm(
  listener: Listener,
  hasRoutes: (name: string) => boolean,
  hasCluster?: (name: string) => boolean,
): boolean {
  return chainsOf(listener).every(
    ({ tls, terminal }) =>
      (tls?.ready() ?? true) &&
      terminal.routeNames.every(hasRoutes) &&
      (hasCluster === undefined || terminal.clusterNames.every(hasCluster)),
  );
}
