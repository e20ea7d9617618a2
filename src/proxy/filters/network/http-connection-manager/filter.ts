import type { Clock } from '../../../../lib/clock.ts';
import { Deadlines } from '../../../../lib/deadlines.ts';
import type { Random } from '../../../../lib/random.ts';
import type { HttpStats } from '../../../observe/envoy-stats.ts';
import { IstioReporter } from '../../../observe/istio-reporter.ts';
import { introduction } from '../../../observe/peer-header.ts';
import { FLAG } from '../../../observe/response-flags.ts';
import { RouteCounts } from '../../../observe/route-stats.ts';
import type { StreamFacts } from '../../../observe/stream-facts.ts';
import type { Tracing } from '../../../observe/tracing/tracing.ts';
import type { Downstream, FilterContext, Runtime, TerminalFilter } from '../../../runtime.ts';
import { type CompiledChain, chainCache } from '../../../stream/filter-chain.ts';
import type { HttpManager, InterimLogSettings, ManagerSettings } from '../../../stream/manager.ts';
import { HostFinder } from '../../../stream/pick-route.ts';
import type { Route, RouteLeaf, RouteTable } from '../../../stream/route-table.ts';
import type { RoutedStream, Terminal } from '../../../stream/routed-stream.ts';
import { ClientConnection } from './client-connection.ts';
import type { ManagerConfig } from './config.ts';

/** An HTTP connection manager: turns connections into streams, and streams into log lines and numbers. */
export class ConnectionManager implements TerminalFilter, HttpManager {
  readonly settings: ManagerSettings;
  readonly stats: HttpStats;
  readonly tracing: Tracing | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly deadlines: Deadlines;
  readonly terminal: Terminal;
  readonly hosts = new HostFinder();
  readonly routeNames: readonly string[];
  readonly clusterNames: readonly string[];
  readonly chainOf: (leaf: RouteLeaf) => CompiledChain;
  readonly config: ManagerConfig;
  readonly interimLogs: InterimLogSettings | undefined;
  readonly #runtime: Runtime;
  readonly #istio: IstioReporter;
  readonly #connections = new Set<ClientConnection>();
  #routeCounts: RouteCounts | undefined;
  #draining = false;
  /** Whoever took over: connections that were on their way here go there. */
  #heir: ConnectionManager | undefined;

  constructor(config: ManagerConfig, context: FilterContext) {
    const { runtime } = context;
    this.config = config;
    this.interimLogs = config.interimLogs;
    this.settings = config.settings;
    this.tracing = config.tracing;
    this.#runtime = runtime;
    this.clock = runtime.clock;
    this.random = runtime.random;
    this.deadlines = new Deadlines(runtime.clock);
    this.stats = runtime.metrics.http(config.statPrefix);
    this.chainOf = chainCache(config.filters);
    const cluster = (name: string) => runtime.cluster(name);
    this.#istio = new IstioReporter(runtime.metrics, context.direction, cluster);
    const introduces = context.direction === 'outbound' ? introduction(runtime.node) : '';
    this.terminal = config.makeTerminal({
      deadlines: this.deadlines,
      explains: config.settings.explains,
      introduction: introduces,
      maxStreamMs: config.settings.maxStreamMs,
      cluster,
    });
    const { routes } = config;
    this.routeNames = 'rdsName' in routes ? [routes.rdsName] : [];
    this.clusterNames = 'table' in routes ? routes.table.clusterNames : [];
  }

  get openConnections(): number {
    return this.#connections.size;
  }

  onConnection(downstream: Downstream): void {
    if (this.#heir !== undefined) {
      this.#heir.onConnection(downstream);
      return;
    }
    const { stats } = this;
    stats.downstream_cx_total++;
    stats.downstream_cx_active++;
    if (downstream.tls !== undefined) {
      stats.downstream_cx_ssl_total++;
      stats.downstream_cx_ssl_active++;
    }
    const connection = new ClientConnection(downstream, this);
    this.#connections.add(connection);
    connection.start();
  }

  gone(connection: ClientConnection): void {
    this.#connections.delete(connection);
    this.stats.downstream_cx_active--;
    if (connection.isTls) this.stats.downstream_cx_ssl_active--;
    this.stats.downstream_cx_destroy++;
  }

  handOver(next: TerminalFilter): boolean {
    if (!(next instanceof ConnectionManager) || !servesAlike(this.config, next.config)) return false;
    this.#heir = next;
    next.#takeOver(this.#connections);
    this.stats.downstream_cx_active -= this.#connections.size;
    this.stats.downstream_cx_ssl_active -= withTls(this.#connections);
    this.#connections.clear();
    return true;
  }

  #takeOver(connections: ReadonlySet<ClientConnection>): void {
    this.stats.downstream_cx_active += connections.size;
    this.stats.downstream_cx_ssl_active += withTls(connections);
    for (const connection of connections) {
      this.#connections.add(connection);
      connection.moveTo(this);
    }
  }

  drain(gently?: boolean): void {
    this.#draining = true;
    for (const connection of this.#connections) connection.drain(gently);
  }

  closing(): boolean {
    return this.#draining || this.#runtime.draining();
  }

  routes(): RouteTable | undefined {
    const { routes } = this.config;
    return 'table' in routes ? routes.table : this.#runtime.routes(routes.rdsName);
  }

  finished(stream: RoutedStream): void {
    const { stats } = this;
    const { facts } = stream;
    stats.downstream_rq_active--;
    stats.downstream_rq_time.add(facts.durationMs);
    if ((facts.responseFlags & FLAG.noClusterFound) !== 0) stats.no_cluster++;
    if (facts.responseCode > 0) {
      stats.downstream_rq_completed++;
      stats.statuses.add(facts.responseCode);
    }
    // What was answered before there was a route has none.
    if ((stream.route as Route | undefined)?.statPrefix)
      (this.#routeCounts ??= new RouteCounts(this.#runtime.metrics)).add(stream.route, facts);
    this.#istio.requestFinished(stream);
    if (stream.span !== undefined) this.tracing?.finish(stream);
    this.log(facts);
  }

  log(facts: StreamFacts): void {
    const { accessLogs } = this.config;
    for (let i = 0; i < accessLogs.length; i++) accessLogs[i]?.log(facts);
  }
}

/** Whether connections that one of them has opened are as the other would open them. */
function servesAlike(a: ManagerConfig, b: ManagerConfig): boolean {
  const opened = ({ codec, times, limits, http2, settings }: ManagerConfig): string =>
    JSON.stringify([codec, times, limits, http2, settings.maxConnectionMs]);
  return opened(a) === opened(b);
}

function withTls(connections: ReadonlySet<ClientConnection>): number {
  let count = 0;
  for (const { isTls } of connections) if (isTls) count++;
  return count;
}
