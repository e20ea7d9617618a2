import type { HttpFilterContext } from '../../../stream/http-filter.ts';
import type { RouteLeaf } from '../../../stream/route-table.ts';

const NAMES = ['ok', 'denied', 'error', 'disabled', 'failure_mode_allowed'] as const;

/** What is counted, for the connection manager and for the cluster that the request is meant for. */
export interface AuthzStats {
  count(name: (typeof NAMES)[number]): void;
}

/** `http.PREFIX.ext_authz.` and `cluster.NAME.ext_authz.` */
export function countAuthz(context: HttpFilterContext, leaf: RouteLeaf, statPrefix: string): AuthzStats {
  const inside = `ext_authz.${statPrefix}`;
  const ofManager = context.stats.scope(inside);
  const ofCluster = context.runtime.metrics.scope(`cluster.${leaf.cluster}.${inside}`);
  const counters = Object.fromEntries(
    NAMES.map((name) => [
      name,
      // Of a request that nobody asks about the cluster is not told.
      name === 'disabled' ? [ofManager.counter(name)] : [ofManager.counter(name), ofCluster.counter(name)],
    ]),
  );
  return {
    count(name) {
      for (const counter of counters[name] ?? []) counter.value++;
    },
  };
}
