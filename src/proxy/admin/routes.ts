/** The table of admin end points. */
import type { Clock } from '../../lib/clock.ts';
import type { Bootstrap } from '../../xds/resources.ts';
import type { AcceptCounts } from '../accept/accept-counts.ts';
import type { Acceptor } from '../accept/acceptor.ts';
import type { ResourceTable } from '../configure/resource-table.ts';
import type { Secrets } from '../configure/secrets.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Clusters } from '../upstream/clusters.ts';
import { type AdminAnswer, type AdminRoute, json } from './admin.ts';
import { certificates } from './certs.ts';
import { clustersJson, clustersText } from './clusters.ts';
import { configDump } from './config-dump.ts';

export interface AdminState {
  readonly bootstrap: Bootstrap;
  readonly accepted: ResourceTable;
  readonly secrets: Secrets;
  readonly clusters: Clusters;
  readonly acceptor: Acceptor;
  readonly counts: AcceptCounts;
  readonly metrics: Metrics;
  readonly version: string;
  readonly startedAtMs: number;
  readonly clock: Clock;
  readonly ready: () => boolean;
  readonly connected: () => boolean;
  readonly warming: () => readonly string[];
  readonly quit: () => void;
  readonly drain: () => void;
}

export function adminRoutes(state: AdminState): ReadonlyMap<string, AdminRoute> {
  const get = (help: string, answer: AdminRoute['answer']): AdminRoute => ({ method: 'GET', help, answer });
  const post = (help: string, change: () => void): AdminRoute => ({
    method: 'POST',
    help,
    answer() {
      change();
      return { body: 'OK\n' };
    },
  });
  const isJson = (query: URLSearchParams): boolean => query.get('format') === 'json';
  return new Map<string, AdminRoute>([
    ['/ready', get('LIVE when everything it was told to run is running', () => readiness(state))],
    ['/config_dump', get('the configuration in use (?include_eds)', (query) => dump(state, query))],
    [
      '/clusters',
      get('endpoints with state and counts (?format=json)', (query) =>
        isJson(query)
          ? json(clustersJson(state.clusters.describe()))
          : { body: clustersText(state.clusters.describe()) },
      ),
    ],
    [
      '/listeners',
      get('listeners with their addresses (?format=json)', (query) => listeners(state, isJson(query))),
    ],
    [
      '/stats',
      get('counters, one a line', () => ({ body: state.metrics.renderStats() + listenerStats(state) })),
    ],
    ['/stats/prometheus', get('counters as Prometheus text', () => prometheus(state))],
    ['/certs', get('certificates in use', () => json(certificates(state.secrets)))],
    ['/server_info', get('version, state, uptime, node', () => json(serverInfo(state)))],
    ['/drain_listeners', post('take nothing new, finish what is open', state.drain)],
    ['/quitquitquit', post('stop the proxy', state.quit)],
  ]);
}

function readiness(state: AdminState): AdminAnswer {
  if (state.ready()) return { body: 'LIVE\n' };
  const waiting = state.warming();
  const why =
    waiting.length > 0 ? `waiting for ${waiting.slice(0, 10).join(', ')}` : 'waiting for the control plane';
  return { status: 503, body: `PRE_INITIALIZING: ${why}\n` };
}

function dump(state: AdminState, query: URLSearchParams): AdminAnswer {
  const names = ['default', 'ROOTCA'];
  const secrets = names.map((name) => ({ name, chainPem: state.secrets.certificate(name)?.chainPem }));
  return json(
    configDump({ bootstrap: state.bootstrap, accepted: state.accepted, secrets }, query.has('include_eds')),
  );
}

function listeners(state: AdminState, asJson: boolean): AdminAnswer {
  const list = state.acceptor.current().all.map(({ name, address }) => ({ name, ...address }));
  if (!asJson) return { body: list.map(({ name, host, port }) => `${name}::${host}:${port}\n`).join('') };
  return json({
    listener_statuses: list.map(({ name, host, port }) => ({
      name,
      local_address: { socket_address: { address: host, port_value: port } },
    })),
  });
}

function listenerStats(state: AdminState): string {
  return Object.entries(state.counts.read())
    .map(([name, value]) => `listener.${name}: ${value}\n`)
    .join('');
}

function prometheus(state: AdminState): AdminAnswer {
  const lines = Object.entries(state.counts.read()).map(
    ([name, value]) => `envoy_listener_${name} ${value}\n`,
  );
  return {
    contentType: 'text/plain; version=0.0.4; charset=utf-8',
    body: state.metrics.renderPrometheus() + lines.join(''),
  };
}

function serverInfo(state: AdminState): object {
  return {
    version: `weft/${state.version}`,
    state: state.ready() ? 'LIVE' : 'PRE_INITIALIZING',
    control_plane: state.connected() ? 'connected' : 'away',
    uptime_current_epoch: `${Math.round((state.clock.nowMs() - state.startedAtMs) / 1000)}s`,
    node: state.bootstrap.node,
  };
}
