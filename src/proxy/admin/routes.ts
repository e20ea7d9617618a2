/** The admin end points that tell about traffic: each data plane has its own (workers/merge.ts joins theirs). */
import { type Bootstrap, typeUrls } from '../../xds/resources.ts';
import { statAddress } from '../accept/accept-counts.ts';
import type { Acceptor } from '../accept/acceptor.ts';
import { chainsOf } from '../configure/listener.ts';
import type { ResourceTable } from '../configure/resource-table.ts';
import type { Secrets } from '../configure/secrets.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { LeveledLog } from '../process-log.ts';
import type { Clusters } from '../upstream/clusters.ts';
import { type AdminAnswer, type AdminRoute, json } from './admin.ts';
import { certificates } from './certs.ts';
import { clustersJson, clustersText } from './clusters.ts';
import { configDump } from './config-dump.ts';
import { logging } from './logging.ts';
import { narrowDump } from './narrow-dump.ts';
import { adminPaths } from './paths.ts';

export interface DataPlaneState {
  readonly bootstrap: Bootstrap;
  readonly accepted: ResourceTable;
  readonly secrets: Secrets;
  readonly clusters: Clusters;
  readonly acceptor: Acceptor;
  readonly warming: () => readonly string[];
  readonly metrics: Metrics;
  readonly drain: (gently: boolean, inboundOnly: boolean) => void;
  /** False: the proxy says that it is leaving, as if it were drained (/healthcheck/fail). */
  readonly setHealthy: (healthy: boolean) => void;
  readonly reopenLogs: () => void;
  readonly log: LeveledLog | undefined;
}

export function dataPlaneRoutes(state: DataPlaneState): ReadonlyMap<string, AdminRoute> {
  const isJson = (query: URLSearchParams): boolean => query.get('format') === 'json';
  const added = (name: string): boolean => state.accepted.get(typeUrls.cluster, name) !== undefined;
  const answers: Readonly<Record<string, AdminRoute['answer']>> = {
    '/config_dump': (query) => dump(state, query),
    '/clusters': (query) =>
      isJson(query)
        ? json(clustersJson(state.clusters.describe(), added))
        : { body: clustersText(state.clusters.describe(), added) },
    '/listeners': (query) => listeners(state, isJson(query)),
    '/stats': () => ({ body: current(state).renderStats() }),
    '/stats/prometheus': () => ({ contentType: PROMETHEUS, body: current(state).renderPrometheus() }),
    '/certs': () => json(certificates(state.secrets, Date.now())),
    '/drain_listeners': (query) => done(() => state.drain(query.has('graceful'), query.has('inboundonly'))),
    '/healthcheck/fail': () => done(() => state.setHealthy(false)),
    '/healthcheck/ok': () => done(() => state.setHealthy(true)),
    '/reopen_logs': () => done(state.reopenLogs),
    '/logging': (query) => logging(state.log, query),
  };
  return new Map(
    [...adminPaths].map(([path, { method, help }]) => [path, { method, help, answer: answers[path]! }]),
  );
}

function done(change: () => void): AdminAnswer {
  change();
  return { body: 'OK\n' };
}

function dump(state: DataPlaneState, query: URLSearchParams): AdminAnswer {
  const names = ['default', 'ROOTCA'];
  const secrets = names.map((name) => ({ name, chainPem: state.secrets.certificate(name)?.chainPem }));
  const input = { bootstrap: state.bootstrap, accepted: state.accepted, secrets };
  const narrowed = narrowDump(configDump(input, query.has('include_eds')).configs, query);
  return 'configs' in narrowed ? json(narrowed) : narrowed;
}

function listeners(state: DataPlaneState, asJson: boolean): AdminAnswer {
  const list = state.acceptor.current().all.map(({ name, address }) => ({ name, ...address }));
  if (!asJson) return { body: list.map(({ name, host, port }) => `${name}::${host}:${port}\n`).join('') };
  return json({
    listener_statuses: list.map(({ name, host, port }) => ({
      name,
      local_address: { socket_address: { address: host, port_value: port } },
    })),
  });
}

const PROMETHEUS = 'text/plain; version=0.0.4; charset=utf-8';

/** The statistics, with what is known only by looking. */
function current({ metrics, acceptor, warming, clusters }: DataPlaneState): Metrics {
  const { listeners, listenerManager } = metrics;
  const running = acceptor.current().all;
  listenerManager.total_listeners_active = running.length;
  listenerManager.total_listeners_warming = warming().length - clusters.warming().length;
  for (const stats of listeners.values()) stats.downstream_cx_active = 0;
  for (const listener of running)
    for (const { terminal } of chainsOf(listener))
      metrics.listener(statAddress(listener)).downstream_cx_active += terminal.openConnections;
  for (const stats of listeners.values())
    stats.downstream_cx_destroy = stats.downstream_cx_total - stats.downstream_cx_active;
  return metrics;
}
