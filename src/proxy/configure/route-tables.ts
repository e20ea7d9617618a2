/**
 * Route tables by RDS name. A new table is switched on when the clusters it leads to can serve, so that a change in any
 * order never lets a request fall between; until then the old one answers. A cluster that does not come holds a
 * table back for a bounded time only: its own requests fail then, the others do not wait for ever.
 */
import type { Clock } from '../../lib/clock.ts';
import type { RouteTable } from '../stream/route-table.ts';

export interface RouteTables {
  /** The table in use. */
  get(name: string): RouteTable | undefined;
  /** A new table arrived. `settle` decides when it is used. */
  put(table: RouteTable): void;
  remove(name: string): void;
  /** Switches on what can serve now; true where anything was. */
  settle(): boolean;
  /** Clusters that tables in use or waiting lead to. */
  references(cluster: string): boolean;
  names(): readonly string[];
  /** All clusters that tables in use or waiting lead to. */
  clusterNames(): readonly string[];
}

/** How long a table waits for clusters that do not come. */
const maxWaitMs = 2_000;

export function createRouteTables(
  clock: Clock,
  canServe: (cluster: string) => boolean,
  overdue: () => void,
): RouteTables {
  const active = new Map<string, RouteTable>();
  const waiting = new Map<string, { readonly table: RouteTable; readonly untilMs: number }>();
  const clustersOf = new WeakMap<RouteTable, ReadonlySet<string>>();
  const leadsTo = (table: RouteTable, cluster: string): boolean => {
    let set = clustersOf.get(table);
    if (set === undefined) clustersOf.set(table, (set = new Set(table.clusterNames)));
    return set.has(cluster);
  };
  return {
    get: (name) => active.get(name),
    put(table) {
      waiting.set(table.name, { table, untilMs: clock.monotonicMs() + maxWaitMs });
      clock.setTimeout(overdue, maxWaitMs + 1);
    },
    remove(name) {
      active.delete(name);
      waiting.delete(name);
    },
    settle() {
      const now = clock.monotonicMs();
      const ready = [...waiting].filter(
        ([, { table, untilMs }]) => untilMs <= now || table.clusterNames.every(canServe),
      );
      for (const [name, { table }] of ready) {
        waiting.delete(name);
        active.set(name, table);
      }
      return ready.length > 0;
    },
    references(cluster) {
      for (const table of active.values()) if (leadsTo(table, cluster)) return true;
      for (const { table } of waiting.values()) if (leadsTo(table, cluster)) return true;
      return false;
    },
    names: () => [...active.keys()],
    clusterNames: () => [
      ...[...active.values()].flatMap((table) => table.clusterNames),
      ...[...waiting.values()].flatMap(({ table }) => table.clusterNames),
    ],
  };
}
