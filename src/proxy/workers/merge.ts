/**
 * The admin answers of all workers as one: numbers are added up, what is configuration is the first worker's (they all
 * have the same), changes go to every worker.
 */
import type { AdminAnswer, AdminRoute } from '../admin/admin.ts';
import { json } from '../admin/admin.ts';
import { adminPaths } from '../admin/paths.ts';

/** Asks every worker; undefined from one that is gone. */
type AskAll = (path: string, query: string) => readonly Promise<AdminAnswer | undefined>[];

export function mergedRoutes(askAll: AskAll): ReadonlyMap<string, AdminRoute> {
  return new Map(
    [...adminPaths].map(([path, { method, help, merge }]): [string, AdminRoute] => [
      path,
      {
        method,
        help,
        async answer(query) {
          const asked = askAll(path, query.toString());
          const answers = (await Promise.all(asked)).filter((answer) => answer !== undefined);
          const first = answers[0];
          if (first === undefined) return { status: 503, body: 'no worker answers\n' };
          if (merge === 'first' || (first.status ?? 200) !== 200) return first;
          const bodies = answers.map(({ body }) => body);
          if (merge === 'clusters' && query.get('format') === 'json')
            return json(addClusters(bodies.map((body) => JSON.parse(body))));
          return { ...first, body: addLines(bodies, merge === 'clusters' ? '::' : undefined) };
        },
      },
    ]),
  );
}

/** What each worker sees of the same thing: it is told once, not added up. */
const sameForAll =
  /^(envoy_)?(listener_manager|cluster_manager)[._](?!workers_started)|(membership_(total|healthy|degraded)|weight|priority|health_flags|hostname|region|zone|sub_zone|canary|_priority::max_\w+|success_rate|added_via_api|observability_name|local_origin_success_rate)$/;

/**
 * Text lines that end in a number, added up by what comes before it; other lines once. Prometheus' `name{labels} 5`,
 * Envoy's `name: 5` and `cluster::address::name::5`.
 */
export function addLines(texts: readonly string[], separator?: string): string {
  const lines = new Map<string, number | undefined>();
  for (const text of texts) {
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const at =
        separator === undefined ? line.lastIndexOf(' ') + 1 : line.lastIndexOf(separator) + separator.length;
      const key = line.slice(0, at);
      const value = line.startsWith('#') || at === 0 ? Number.NaN : Number(line.slice(at));
      if (Number.isNaN(value) || line.length === at) {
        if (!lines.has(line)) lines.set(line, undefined);
      } else lines.set(key, joined(key.replace(/(\{.*\})?[ :]+$/, ''), lines.get(key), value));
    }
  }
  return [...lines].map(([key, value]) => `${key}${value ?? ''}\n`).join('');
}

function joined(name: string, before: number | undefined, value: number): number {
  if (before === undefined) return value;
  return sameForAll.test(name) ? Math.max(before, value) : before + value;
}

interface Stat {
  readonly name?: string;
  readonly value?: number | string;
}

interface HostStatus {
  readonly address: unknown;
  readonly stats?: readonly Stat[];
}

interface ClusterStatuses {
  readonly cluster_statuses?: readonly {
    readonly name: string;
    readonly host_statuses?: readonly HostStatus[];
  }[];
}

/** envoy.admin.v3.Clusters of all: each endpoint's counts added up. */
export function addClusters(documents: readonly ClusterStatuses[]): object {
  const [first, ...rest] = documents;
  return {
    cluster_statuses: (first?.cluster_statuses ?? []).map((cluster) => {
      const same = rest.flatMap((d) => d.cluster_statuses?.filter(({ name }) => name === cluster.name) ?? []);
      return {
        ...cluster,
        host_statuses: (cluster.host_statuses ?? []).map((host) => {
          const key = JSON.stringify(host.address);
          const others = same.flatMap(
            (c) => c.host_statuses?.filter(({ address }) => JSON.stringify(address) === key) ?? [],
          );
          return { ...host, stats: addCounts([host, ...others]) };
        }),
      };
    }),
  };
}

/** SimpleMetric values: 64-bit numbers are strings in JSON, and 0 is left out. */
function addCounts(hosts: readonly HostStatus[]): readonly Stat[] {
  return (hosts[0]?.stats ?? []).map((stat) => {
    const values = hosts.map((host) =>
      Number(host.stats?.find(({ name }) => name === stat.name)?.value ?? 0),
    );
    const sum = values.reduce((a, b) => a + b, 0);
    return { ...stat, ...(sum === 0 && stat.value === undefined ? {} : { value: String(sum) }) };
  });
}
