import { Deadlines } from '../../../../lib/deadlines.ts';
import { IstioReporter } from '../../../observe/istio-reporter.ts';
import { FLAG } from '../../../observe/response-flags.ts';
import type { Downstream, FilterContext, TerminalFilter } from '../../../runtime.ts';
import { ConnectionView } from '../../../stream/connection-view.ts';
import type { TcpProxyConfig } from './config.ts';
import { TcpTunnel, type TunnelParts } from './tunnel.ts';
import { TunnelFacts } from './tunnel-facts.ts';

/** extensions.filters.network.tcp_proxy.v3.TcpProxy: each connection becomes one to an endpoint, bytes both ways. */
export class TcpProxyFilter implements TerminalFilter {
  /** A plain connection only: which cluster must not hang on a server name, and no tunnel is asked for in vain. */
  readonly racesUpstream: boolean;
  readonly routeNames: readonly string[] = [];
  readonly clusterNames: readonly string[];
  readonly #parts: TunnelParts;
  readonly #tunnels = new Set<TcpTunnel>();

  constructor(config: TcpProxyConfig, { runtime, direction }: FilterContext) {
    this.racesUpstream = !config.clusterFromServerName && config.tunneling === undefined;
    this.clusterNames = config.destinations.options.map(({ cluster }) => cluster);
    this.#parts = {
      config,
      runtime,
      deadlines: new Deadlines(runtime.clock),
      stats: runtime.metrics.tcp(config.statPrefix),
      istio: new IstioReporter(runtime.metrics, direction, (name) => runtime.cluster(name)),
    };
  }

  get openConnections(): number {
    return this.#tunnels.size;
  }

  onConnection(downstream: Downstream): void {
    const tunnel = new TcpTunnel(downstream, this.#parts, () => this.#tunnels.delete(tunnel));
    this.#tunnels.add(tunnel);
    void tunnel.start();
  }

  onRefused(downstream: Downstream, details: string): void {
    const { config, runtime } = this.#parts;
    if (config.accessLogs.length === 0 || downstream.withdrawn?.() === true) return;
    const facts = new TunnelFacts(new ConnectionView(downstream), runtime.clock);
    // Who was asked and said no has a flag (Envoy).
    const external = details.startsWith('ext_authz');
    if (!external) facts.connectionTerminationDetails = details;
    facts.finish(external ? FLAG.unauthorizedExternalService : 0);
    for (const log of config.accessLogs) log.log(facts);
  }

  /** Bytes of a protocol nobody here knows have no good place to end: tunnels go on until their ends do. */
  drain(): void {}
}
