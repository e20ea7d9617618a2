import type { Clock } from '../../../../lib/clock.ts';
import { Deadline, Deadlines } from '../../../../lib/deadlines.ts';
import type { Random } from '../../../../lib/random.ts';
import { getHeader, removeHeader } from '../../../../wire/headers.ts';
import type { Http1Error } from '../../../../wire/http1/error.ts';
import type { RequestHead } from '../../../../wire/http1/message.ts';
import type { HttpStats } from '../../../observe/envoy-stats.ts';
import { IstioReporter } from '../../../observe/istio-reporter.ts';
import { introduction, PEER_HEADER } from '../../../observe/peer-header.ts';
import type { Downstream, FilterContext, Runtime, TerminalFilter } from '../../../runtime.ts';
import type { DownstreamEvents } from '../../../stream/codec.ts';
import { ConnectionView } from '../../../stream/connection-view.ts';
import { Exchange } from '../../../stream/exchange.ts';
import { type CompiledChain, chainCache } from '../../../stream/filter-chain.ts';
import { Http1Server, type RequestAcceptor } from '../../../stream/http1-server.ts';
import type { HttpManager, ManagerSettings } from '../../../stream/manager.ts';
import { HostFinder } from '../../../stream/pick-route.ts';
import type { RouteLeaf, RouteTable } from '../../../stream/route-table.ts';
import type { RoutedStream, Terminal } from '../../../stream/routed-stream.ts';
import type { ManagerConfig } from './config.ts';

/** An HTTP connection manager: turns connections into streams, and streams into log lines and numbers. */
export class ConnectionManager implements TerminalFilter, HttpManager {
  readonly settings: ManagerSettings;
  readonly stats: HttpStats;
  readonly clock: Clock;
  readonly random: Random;
  readonly deadlines: Deadlines;
  readonly terminal: Terminal;
  readonly hosts = new HostFinder();
  readonly routeNames: readonly string[];
  readonly clusterNames: readonly string[];
  readonly chainOf: (leaf: RouteLeaf) => CompiledChain;
  readonly config: ManagerConfig;
  readonly #runtime: Runtime;
  readonly #istio: IstioReporter;
  readonly #connections = new Set<ClientConnection>();
  #draining = false;

  constructor(config: ManagerConfig, context: FilterContext) {
    const { runtime } = context;
    this.config = config;
    this.settings = config.settings;
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
    const { stats } = this;
    stats.downstream_cx_total++;
    stats.downstream_cx_active++;
    stats.downstream_cx_http1_total++;
    if (downstream.tls !== undefined) stats.downstream_cx_ssl_total++;
    const connection = new ClientConnection(downstream, this, () => {
      this.#connections.delete(connection);
      stats.downstream_cx_active--;
      stats.downstream_cx_destroy++;
    });
    this.#connections.add(connection);
    connection.start();
  }

  drain(): void {
    this.#draining = true;
    for (const connection of this.#connections) connection.drain();
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
    stats.downstream_rq_completed++;
    stats.downstream_rq_time.add(facts.durationMs);
    if (facts.responseCode > 0) stats.statuses.add(facts.responseCode);
    this.#istio.requestFinished(stream);
    const { accessLogs } = this.config;
    for (let i = 0; i < accessLogs.length; i++) accessLogs[i]?.log(facts);
  }
}

/** One client's connection: its codec, and what its streams share. */
class ClientConnection implements RequestAcceptor {
  readonly #view: ConnectionView;
  readonly #manager: ConnectionManager;
  readonly #server: Http1Server;
  readonly #onGone: () => void;
  readonly #age: Deadline | undefined;
  /** For the stream that is open: one at a time, so one deadline does for all. */
  readonly #idle = new Deadline(() => this.#open?.idleExpired());
  #open: Exchange | undefined;
  #requests = 0;

  constructor(downstream: Downstream, manager: ConnectionManager, onGone: () => void) {
    this.#view = new ConnectionView(downstream);
    this.#manager = manager;
    this.#onGone = onGone;
    const { times, limits, settings } = manager.config;
    this.#server = new Http1Server(downstream.connection, this, {
      times,
      limits,
      deadlines: manager.deadlines,
    });
    if (settings.maxConnectionMs === 0) return;
    this.#age = new Deadline(() => this.#server.drain());
    manager.deadlines.set(this.#age, settings.maxConnectionMs);
  }

  start(): void {
    this.#server.start(this.#view.downstream.firstBytes);
  }

  drain(): void {
    this.#manager.stats.downstream_cx_drain_close++;
    this.#server.drain();
  }

  onRequest(head: RequestHead, server: Http1Server): DownstreamEvents {
    const manager = this.#manager;
    const { stats } = manager;
    stats.downstream_rq_total++;
    stats.downstream_rq_http1_total++;
    stats.downstream_rq_active++;
    const { maxRequestsPerConnection } = manager.settings;
    if (++this.#requests === maxRequestsPerConnection) server.drain();
    this.#learnPeer(head);
    const exchange = new Exchange(manager, this.#view, head, server, this.#idle);
    this.#open = exchange;
    exchange.start();
    return exchange;
  }

  onBadRequest(error: Http1Error): void {
    const { stats } = this.#manager;
    stats.downstream_cx_protocol_error++;
    if (error.status === 431) stats.downstream_rq_too_large++;
    stats.statuses.add(error.status);
  }

  onClosed(midRequest: boolean): void {
    if (midRequest) this.#manager.stats.downstream_cx_destroy_active_rq++;
    const { connection } = this.#view.downstream;
    this.#manager.stats.downstream_cx_rx_bytes_total += connection.bytesRead;
    this.#manager.stats.downstream_cx_tx_bytes_total += connection.bytesWritten;
    if (this.#age !== undefined) this.#manager.deadlines.clear(this.#age);
    this.#onGone();
  }

  /** What the caller's proxy says of it is for us, not for the application, and the same on every request. */
  #learnPeer(head: RequestHead): void {
    const said = getHeader(head.headers, PEER_HEADER);
    if (said === undefined) return;
    if (this.#view.introduction !== said) {
      this.#view.introduction = said;
      this.#view.pair = undefined;
    }
    removeHeader(head.headers, PEER_HEADER);
  }
}
