import { Deadline, type Deadlines } from '../../../../lib/deadlines.ts';
import { xxHash64 } from '../../../../lib/xxhash64.ts';
import type { Connection, ConnectionHandlers, NetError } from '../../../../wire/connection.ts';
import { choose } from '../../../../xds/match/weighted.ts';
import type { TcpStats } from '../../../observe/envoy-stats.ts';
import type { IstioPair } from '../../../observe/istio-metrics.ts';
import type { IstioReporter } from '../../../observe/istio-reporter.ts';
import { FLAG } from '../../../observe/response-flags.ts';
import type { LogType } from '../../../observe/stream-facts.ts';
import type { Downstream, Runtime } from '../../../runtime.ts';
import { ConnectionView } from '../../../stream/connection-view.ts';
import type { Cluster } from '../../../upstream/cluster.ts';
import type { Endpoint } from '../../../upstream/endpoint.ts';
import type { MetadataMatch } from '../../../upstream/metadata-match.ts';
import type { PickContext } from '../../../upstream/pick-context.ts';
import type { TcpProxyConfig } from './config.ts';
import { HttpTunnel, type TunnelEnd, type TunnelFailure } from './http-tunnel.ts';
import { dial, openTunnel, type Reached } from './reach.ts';
import { TunnelFacts } from './tunnel-facts.ts';
import { tunnelRequest } from './tunneling.ts';

/** What the tunnels of one filter share. */
export interface TunnelParts {
  readonly config: TcpProxyConfig;
  readonly runtime: Runtime;
  readonly deadlines: Deadlines;
  readonly stats: TcpStats;
  readonly istio: IstioReporter;
}

/** One client's connection and the upstream's: each half closes the other's half, bytes flow as fast as they are taken. */
export class TcpTunnel {
  readonly facts: TunnelFacts;
  readonly #parts: TunnelParts;
  readonly #client: Connection;
  readonly #onGone: () => void;
  readonly #idle: Deadline;
  readonly #longest: Deadline;
  readonly #logging: Deadline;
  #upstream: TunnelEnd | undefined;
  /** A tunnel that is being asked for. */
  #opening: HttpTunnel | undefined;
  #endpoint: Endpoint | undefined;
  #pair: IstioPair | undefined;
  #over = false;
  /** Nothing of it ends with its endpoint any more. */
  #uncarry: () => void = () => {};
  /** What came, and whether the client half-closed, before there was an upstream. */
  readonly #early: Buffer[] = [];
  #clientEnded = false;
  #upstreamEnded = false;
  #closes = 0;

  constructor(downstream: Downstream, parts: TunnelParts, onGone: () => void) {
    this.#parts = parts;
    this.#client = downstream.connection;
    this.#onGone = onGone;
    this.facts = new TunnelFacts(new ConnectionView(downstream), parts.runtime.clock);
    this.#idle = new Deadline(() => {
      parts.stats.idle_timeout++;
      this.#end(FLAG.streamIdleTimeout);
    });
    this.#logging = new Deadline(() => {
      this.#log('TcpPeriodic');
      parts.deadlines.set(this.#logging, parts.config.logIntervalMs);
    });
    this.#longest = new Deadline(() => this.#end(FLAG.durationTimeout));
    if (downstream.firstBytes !== undefined) this.#early.push(downstream.firstBytes);
  }

  /** Connects, then lets bytes flow. */
  async start(): Promise<void> {
    const { stats, config, runtime, deadlines } = this.#parts;
    stats.downstream_cx_total++;
    stats.downstream_cx_active++;
    this.#client.pause();
    this.#client.handle(this.#clientHandlers());
    if (config.maxDurationMs > 0) deadlines.set(this.#longest, config.maxDurationMs);
    this.#touch();
    const destination = choose(config.destinations, runtime.random.uint32());
    const { requestedServerName } = this.facts.connection.downstream;
    const fromName = config.clusterFromServerName && requestedServerName !== '';
    const name = fromName ? requestedServerName : (destination?.cluster ?? '');
    this.facts.upstreamCluster = name;
    const cluster = runtime.cluster(name);
    if (cluster === undefined) {
      stats.downstream_cx_no_route++;
      this.#end(FLAG.noClusterFound);
      return;
    }
    await this.#connect(cluster, destination?.metadataMatch);
  }

  async #connect(cluster: Cluster, metadataMatch: MetadataMatch | undefined): Promise<void> {
    const { downstream } = this.facts.connection;
    const { hashesSource, connectAttempts } = this.#parts.config;
    const context: PickContext = {
      destination: downstream.local,
      header: () => undefined,
      metadataMatch,
      hash: () => (hashesSource ? xxHash64(downstream.remote.address) : undefined),
    };
    let flags = 0;
    for (let attempt = 1; attempt <= connectAttempts; attempt++) {
      const endpoint = cluster.pick(context);
      if (endpoint === undefined) {
        cluster.stats.upstream_cx_none_healthy++;
        this.#end(FLAG.noHealthyUpstream);
        return;
      }
      if (cluster.stats.upstream_cx_active >= cluster.config.limits.maxConnections) {
        cluster.stats.upstream_cx_overflow++;
        this.#end(FLAG.upstreamOverflow);
        return;
      }
      this.facts.upstreamHost = endpoint.address;
      this.facts.upstreamAttempts = attempt;
      const reached = await this.#reach(cluster, endpoint);
      if (this.#over) {
        if (!('flags' in reached)) reached.abandon();
        return;
      }
      if (!('flags' in reached)) {
        cluster.report(endpoint, 'served');
        this.#join(reached, endpoint);
        return;
      }
      cluster.report(endpoint, 'local-origin-failure');
      this.facts.upstreamTransportFailureReason = reached.message;
      flags = reached.flags;
    }
    this.#end(flags | FLAG.upstreamRetryLimitExceeded);
  }

  #reach(cluster: Cluster, endpoint: Endpoint): Promise<Reached | TunnelFailure> {
    const { tunneling } = this.#parts.config;
    if (tunneling === undefined) return dial(endpoint, this.facts.connection.downstream);
    const request = tunnelRequest(tunneling, this.facts, endpoint.tls !== undefined);
    const tunnel = new HttpTunnel(cluster, endpoint, request);
    this.#opening = tunnel;
    return openTunnel(tunnel);
  }

  /** The upstream's side stands: bytes flow. */
  #join(reached: Reached, endpoint: Endpoint): void {
    const upstream = reached.end;
    this.#opening = undefined;
    this.#upstream = upstream;
    this.#endpoint = endpoint;
    endpoint.active++;
    this.#uncarry = endpoint.onFailure(() => this.#end(FLAG.upstreamConnectionTermination));
    const { facts } = this;
    facts.upstreamLocalAddress = reached.localText;
    const { principal } = reached;
    const outcome = { endpoint, cluster: facts.upstreamCluster, principal };
    this.#pair = this.#parts.istio.pairOf(facts.connection, outcome, '');
    this.#pair.tcp(0).opened++;
    upstream.handle(this.#upstreamHandlers(upstream, reached));
    for (const bytes of this.#early.splice(0)) this.#toUpstream(bytes);
    if (this.#clientEnded) upstream.end();
    this.#client.resume();
    this.#touch();
    const { logsConnect, logIntervalMs } = this.#parts.config;
    if (logsConnect) this.#log('TcpUpstreamConnected');
    if (logIntervalMs > 0) this.#parts.deadlines.set(this.#logging, logIntervalMs);
  }

  #clientHandlers(): ConnectionHandlers {
    return {
      onData: (bytes) => {
        if (this.#upstream === undefined) this.#early.push(bytes);
        else this.#toUpstream(bytes);
      },
      onEnd: () => {
        this.#clientEnded = true;
        this.#upstream?.end();
      },
      onDrain: () => this.#upstream?.resume(),
      onClose: (error) => this.#closed(error, FLAG.downstreamConnectionTermination),
    };
  }

  #upstreamHandlers(upstream: TunnelEnd, reached: Reached): ConnectionHandlers {
    return {
      onData: (bytes) => {
        this.facts.bytesSent += bytes.length;
        this.#touch();
        if (!this.#client.write(bytes)) upstream.pause();
        this.#client.recycle?.(bytes);
      },
      onEnd: () => {
        this.#upstreamEnded = true;
        this.#client.end();
      },
      onDrain: () => this.#client.resume(),
      onClose: (error) => {
        reached.closed();
        this.#closed(error, FLAG.upstreamConnectionTermination);
      },
    };
  }

  #toUpstream(bytes: Buffer): void {
    this.facts.bytesReceived += bytes.length;
    this.#touch();
    if (!this.#upstream?.write(bytes)) this.#client.pause();
    this.#upstream?.recycle?.(bytes);
  }

  #touch(): void {
    const { idleMs } = this.#parts.config;
    if (idleMs > 0) this.#parts.deadlines.set(this.#idle, idleMs);
  }

  /**
   * One side is gone. Where both had ended the other follows by itself once what is queued for it is out; else it is
   * told by a cut.
   */
  #closed(error: NetError | undefined, flag: number): void {
    if (this.#over) return;
    const orderly = this.#clientEnded && this.#upstreamEnded && error === undefined;
    if (orderly && ++this.#closes < 2) return;
    if (error !== undefined) this.facts.connectionTerminationDetails = error.message;
    this.#end(orderly ? 0 : flag, error?.code === 'connection_reset');
  }

  #end(flags: number, reset = false): void {
    if (this.#over) return;
    this.#over = true;
    this.#uncarry();
    const { deadlines, stats } = this.#parts;
    deadlines.clear(this.#logging);
    deadlines.clear(this.#idle);
    deadlines.clear(this.#longest);
    stats.downstream_cx_active--;
    const { facts } = this;
    if (facts.connection.downstream.withdrawn?.() === true) {
      this.#withdraw();
      return;
    }
    stats.downstream_cx_rx_bytes_total += facts.bytesReceived;
    stats.downstream_cx_tx_bytes_total += facts.bytesSent;
    if (this.#endpoint !== undefined) this.#endpoint.active--;
    this.#opening?.destroy();
    facts.finish(flags);
    this.#count(flags);
    for (const connection of [this.#client, this.#upstream]) {
      if (reset) connection?.reset();
      else connection?.destroy();
    }
    this.#log('TcpConnectionEnd');
    this.#onGone();
  }

  #log(type: LogType): void {
    this.facts.logType = type;
    for (const log of this.#parts.config.accessLogs) log.log(this.facts);
  }

  /** It never was this tunnel's client: only the upstream knows. */
  #withdraw(): void {
    this.#parts.stats.downstream_cx_total--;
    if (this.#pair !== undefined) this.#pair.tcp(0).opened--;
    if (this.#endpoint !== undefined) this.#endpoint.active--;
    this.#opening?.destroy();
    this.#upstream?.destroy();
    this.#client.destroy();
    this.#onGone();
  }

  #count(flags: number): void {
    if (this.#pair === undefined) return;
    const series = this.#pair.tcp(flags);
    series.closed++;
    series.receivedBytes += this.facts.bytesReceived;
    series.sentBytes += this.facts.bytesSent;
  }
}
