// What can be seen of the proxy's work: counters (envoy-stats.ts under Envoy's names, istio-metrics.ts under Istio's),
// access logs (access-log.ts; format.ts compiles Envoy's operators), and the facts they are made of (stream-facts.ts).
// Called once per finished stream, connection and attempt. Never happens: a look-up by text on a request's way, a log
// that waits for a disk, a series without a limit.

import type { NodeInfo } from '../node-info.ts';
import {
  ClusterManagerStats,
  ClusterStats,
  HttpStats,
  ListenerManagerStats,
  ListenerStats,
  TcpStats,
} from './envoy-stats.ts';
import { IstioMetrics, IstioPair, type PairLabels } from './istio-metrics.ts';
import type { LoggedCounters } from './logged-counters.ts';
import { prometheusText } from './prometheus.ts';
import { statLines } from './stat-lines.ts';
import { groupRows, heldRows, type StatGroup, type StatRow } from './stat-rows.ts';
import { StatRegistry, type StatScope } from './stat-scope.ts';
import type { StatRules } from './stats-config.ts';

/**
 * All counters of one proxy. Whoever counts asks once for its object (per cluster, per connection manager, per pair of
 * workloads) and then adds to numbers in it; nothing on a request's way looks anything up by text.
 */
export class Metrics {
  readonly node: NodeInfo;
  readonly #clusters = new Map<string, ClusterStats>();
  readonly #http = new Map<string, HttpStats>();
  readonly #tcp = new Map<string, TcpStats>();
  /** By address, `127.0.0.1_15001`. */
  readonly listeners = new Map<string, ListenerStats>();
  readonly listenerManager = new ListenerManagerStats();
  readonly clusterManager = new ClusterManagerStats();
  /** What access logs count (stats-log.ts), by prefix. */
  readonly logged: LoggedCounters = new Map();
  readonly #rules: StatRules | undefined;
  readonly #istio = new IstioMetrics();
  readonly #held = new StatRegistry();

  constructor(node: NodeInfo, rules?: StatRules) {
    this.node = node;
    this.#rules = rules;
  }

  /** The counters of a cluster's statistics name; the same object while the cluster comes and goes. */
  cluster(name: string): ClusterStats {
    return known(this.#clusters, name, () => new ClusterStats());
  }

  /** Forgets a cluster that is gone. */
  dropCluster(name: string): void {
    this.#clusters.delete(name);
  }

  /** The counters of a connection manager's stat_prefix. */
  http(statPrefix: string): HttpStats {
    return known(this.#http, statPrefix, () => new HttpStats());
  }

  /** The counters of a TCP proxy's stat_prefix. */
  tcp(statPrefix: string): TcpStats {
    return known(this.#tcp, statPrefix, () => new TcpStats());
  }

  /** The counters of a listener's address. */
  listener(address: string): ListenerStats {
    return known(this.listeners, address, () => new ListenerStats());
  }

  /** Statistics of a filter, whose names start with `prefix` (`http.ingress.fault.`); for when a filter is lowered. */
  scope(prefix: string): StatScope {
    return this.#held.scope(prefix);
  }

  /** Istio's series between two workloads; the caller keeps the object. */
  pair(labels: PairLabels): IstioPair {
    return new IstioPair(labels, this.#istio);
  }

  /** Prometheus text: Istio's standard metrics and Envoy's counters. For /stats/prometheus. */
  renderPrometheus(): string {
    return this.#istio.render() + prometheusText(this.#rows());
  }

  /** `name: value` lines as Envoy's /stats, but for histograms (stat-lines.ts). */
  renderStats(): string {
    return statLines(this.#rows());
  }

  #rows(): Iterable<StatRow> {
    const rows = allRows(this.#scopes(), this.#held, this.logged);
    return this.#rules === undefined ? rows : this.#rules(rows);
  }

  #scopes(): readonly StatGroup[] {
    return [
      { scope: 'cluster', label: 'envoy_cluster_name', stats: this.#clusters },
      { scope: 'http', label: 'envoy_http_conn_manager_prefix', stats: this.#http },
      { scope: 'tcp', label: 'envoy_tcp_prefix', stats: this.#tcp },
      { scope: 'listener', label: 'envoy_listener_address', stats: this.listeners },
      { scope: 'listener_manager', label: '', stats: new Map([['', this.listenerManager]]) },
      { scope: 'cluster_manager', label: '', stats: new Map([['', this.clusterManager]]) },
    ];
  }
}

function* allRows(
  groups: readonly StatGroup[],
  held: StatRegistry,
  logged: LoggedCounters,
): Generator<StatRow> {
  yield* groupRows(groups);
  yield* heldRows(held);
  for (const scope of logged.values()) yield* scope.rows();
}

function known<T>(map: Map<string, T>, name: string, make: () => T): T {
  let value = map.get(name);
  if (value === undefined) {
    value = make();
    map.set(name, value);
  }
  return value;
}
