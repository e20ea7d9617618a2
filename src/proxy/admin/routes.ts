/** The admin end points that tell about traffic: each data plane has its own (workers/merge.ts joins theirs). */
import { type Bootstrap, typeUrls } from '../../xds/resources.ts';
import type { AcceptCounts } from '../accept/accept-counts.ts';
import type { Acceptor } from '../accept/acceptor.ts';
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
import { adminPaths } from './paths.ts';

export interface DataPlaneState {
  readonly bootstrap: Bootstrap;
  readonly accepted: ResourceTable;
  readonly secrets: Secrets;
  readonly clusters: Clusters;
  readonly acceptor: Acceptor;
  readonly counts: AcceptCounts;
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
    '/stats': () => ({ body: state.metrics.renderStats() + listenerStats(state) }),
    '/stats/prometheus': () => prometheus(state),
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
  return json(
    configDump({ bootstrap: state.bootstrap, accepted: state.accepted, secrets }, query.has('include_eds')),
  );
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

function listenerStats(state: DataPlaneState): string {
  return Object.entries(state.counts.read())
    .map(([name, value]) => `listener.${name}: ${value}\n`)
    .join('');
}

function prometheus(state: DataPlaneState): AdminAnswer {
  const lines = Object.entries(state.counts.read()).map(
    ([name, value]) => `envoy_listener_${name} ${value}\n`,
  );
  return {
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    body: state.metrics.renderPrometheus() + lines.join(''),
  };
}
