/**
 * The half of the proxy that carries traffic: clusters, listeners, routes and secrets in use, and what can be seen of
 * them. In: resources and credentials, whoever brings them. Called by run.ts, which is the other half (control plane,
 * identity, files, admin port): in the same process, or one per worker with a channel between (workers/).
 */
import { sleep } from '../lib/clock.ts';
import type { DeltaResource } from '../xds/delta-messages.ts';
import type { Bootstrap } from '../xds/resources.ts';
import { typeUrls } from '../xds/resources.ts';
import { AcceptCounts } from './accept/accept-counts.ts';
import { createAcceptor } from './accept/acceptor.ts';
import type { AdminRoute } from './admin/admin.ts';
import { dataPlaneRoutes } from './admin/routes.ts';
import type { ProxyBootstrap } from './configure/bootstrap.ts';
import type { NeededNames, RefusedResource } from './configure/configuration.ts';
import { createConfiguration } from './configure/configuration.ts';
import { chainsOf } from './configure/listener.ts';
import type { TlsEnvironment } from './configure/lower-tls.ts';
import { createSecrets } from './configure/secrets.ts';
import { ticketKeys } from './configure/session-tickets.ts';
import { createDnsServer } from './dns/dns-server.ts';
import type { ProxyEnvironment } from './environment.ts';
import { bindSource } from './environment.ts';
import { lowerNetworkFilters } from './filters/network/lower.ts';
import type { Credentials } from './identity/credentials.ts';
import { Exporters } from './observe/exporters.ts';
import { Metrics } from './observe/metrics.ts';
import { readStatsConfig } from './observe/stats-config.ts';
import { OnDemand } from './on-demand/on-demand.ts';
import type { Runtime } from './runtime.ts';
import { Clusters } from './upstream/clusters.ts';

export interface DataPlaneSettings {
  readonly bootstrap: ProxyBootstrap;
  /** The SPIFFE id that this proxy shows; undefined while it makes no identity of its own. */
  readonly spiffeId: string | undefined;
  readonly version: string;
  /** How many workers there are: limits of the whole proxy are shared out among them. */
  readonly workers: number;
  /** Secret that the keys of TLS session tickets are made from: the same for all workers, and for who follows in place. */
  readonly ticketSeed: string;
}

export interface DataPlane {
  /** Puts an update to use; the resources that are refused. */
  apply(
    typeUrl: string,
    resources: readonly DeltaResource[],
    removed: readonly string[],
  ): Promise<readonly RefusedResource[]>;
  needed(): NeededNames;
  warming(): readonly string[];
  /** Calls back when what is needed changes though no update came (on demand). One listener. */
  onNeeds(changed: () => void): void;
  /** On demand: gives back what nobody used for a while. Not while the control plane is away: it could not come back. */
  sweep(): void;
  /** What is in use, as it came over ADS. */
  accepted(): readonly DeltaResource[];
  setCredentials(credentials: Credentials): void;
  /** The admin end points that tell about traffic. */
  readonly routes: ReadonlyMap<string, AdminRoute>;
  /** Open listening sockets by `bindKey`, with file descriptors. */
  sockets(): readonly { readonly key: string; readonly fd: number }[];
  /**
   * Takes nothing new, lets open streams finish for up to `graceMs`, closes. `gently`: idle connections too, each until
   * its next request is answered (a successor listens where this one did).
   */
  stop(graceMs: number, gently?: boolean): Promise<void>;
}

/** The SDS names of the proxy's own certificate and of the trust bundle that came with it. */
export const ownCertificate = 'default';
export const trustBundle = 'ROOTCA';

/** How long the end waits for collectors to take what was gathered for them. */
const EXPORT_GRACE_MS = 1000;

/** Starts it. Resolves when its static listeners listen; throws an Error with every reason where it cannot. */
export async function startDataPlane(
  settings: DataPlaneSettings,
  environment: ProxyEnvironment,
  onSettled: () => void = () => {},
): Promise<DataPlane> {
  const { bootstrap } = settings;
  const { clock, random, log } = environment;
  const secrets = createSecrets();
  const tls: TlsEnvironment = {
    secrets,
    createContext: environment.network.createTlsContext,
    readFile: environment.readFile,
    nowMs: clock.nowMs,
    tickets: ticketKeys(settings.ticketSeed),
  };
  const { stats_config } = bootstrap.message;
  // Read before, with refusals (configure/bootstrap.ts).
  const metrics = new Metrics(
    bootstrap.node,
    stats_config && readStatsConfig(stats_config, () => {}, 'stats_config'),
  );
  const clusters = new Clusters({
    ...environment,
    network: bindSource(environment.network, bootstrap.sourceAddress),
    metrics,
    fleet: bootstrap.fleet,
  });
  let draining = false;
  let rootsAreGiven = false;
  const onDemand = bootstrap.onDemand
    ? new OnDemand(clock, {
        listeners: () => acceptor.current(),
        host: (name) => configuration.demanded.host(name),
        record: (name) => configuration.demanded.record(name),
      })
    : undefined;
  const runtime: Runtime = {
    clock,
    random,
    node: bootstrap.node,
    metrics,
    logs: environment.logs,
    exporters: new Exporters(),
    readFile: environment.readFile,
    routes: (name) => configuration.routes(name),
    cluster: (name) => clusters.get(name) ?? onDemand?.missed(name),
    draining: () => draining,
  };
  const counts = new AcceptCounts((address) => metrics.listener(address));
  let connections = 0;
  const dns = createDnsServer({
    network: environment.network,
    clock,
    sourceAddress: bootstrap.sourceAddress,
    onDemand: onDemand?.names,
  });
  const acceptor = createAcceptor(
    {
      ...environment,
      counts,
      onDemand: onDemand?.listeners,
      ...connectionLimit(settings),
      nextId: () => ++connections,
      localUri: () => settings.spiffeId ?? '',
    },
    dns,
  );
  const configuration = createConfiguration({
    clock,
    clusters,
    acceptor,
    runtime,
    listeners: { tls, lowerNetworkFilters },
    workers: settings.workers,
    onDemand,
    onSettled,
    log,
  });
  clusters.onReady = () => void configuration.settle();

  const reasons = await configuration.applyStatic(withoutControlChannel(bootstrap));
  if (reasons.length > 0) throw new Error(reasons.join('\n'));
  secrets.subscribe(() => {
    clusters.secretsChanged();
    void configuration.settle();
  });
  return {
    apply(typeUrl, resources, removed) {
      if (typeUrl !== typeUrls.secret) return configuration.apply(typeUrl, resources, removed);
      rootsAreGiven ||= resources.some(({ name }) => name === trustBundle);
      // A control plane that has no bundle says so; the one that came with our certificate stays.
      const gone = settings.spiffeId === undefined ? removed : removed.filter((name) => name !== trustBundle);
      return configuration.apply(typeUrl, resources, gone);
    },
    needed: configuration.needed,
    warming: configuration.warming,
    onNeeds(changed) {
      if (onDemand !== undefined) onDemand.onNeeds = changed;
    },
    sweep: configuration.sweep,
    accepted: () => configuration.accepted.all(),
    setCredentials(fresh) {
      // Roots that the control plane delivers are newer than those that a certificate came with, or the same.
      if (!rootsAreGiven) secrets.setValidation(trustBundle, { trustedCaPem: fresh.rootsPem });
      secrets.setCertificate(ownCertificate, {
        chainPem: fresh.chainPem,
        privateKeyPem: fresh.privateKeyPem,
      });
      clusters.secretsChanged();
    },
    routes: dataPlaneRoutes({
      bootstrap: bootstrap.message,
      accepted: configuration.accepted,
      secrets,
      clusters,
      acceptor,
      warming: configuration.warming,
      metrics,
      drain: (gently, inboundOnly) => void acceptor.drain(gently, inboundOnly),
      setHealthy: (healthy) => void (draining = !healthy),
      reopenLogs: () => environment.logs.reopen(),
      log: environment.leveled,
    }),
    sockets: acceptor.sockets,
    async stop(graceMs, gently = false) {
      draining = true;
      await acceptor.drain(gently);
      await idle(graceMs);
      await Promise.race([runtime.exporters.flush(), sleep(clock, EXPORT_GRACE_MS)]);
      clusters.close();
      await environment.logs.flush();
    },
  };

  /** Resolves when no connection is open any more, or the time is up. */
  async function idle(graceMs: number): Promise<void> {
    const untilMs = clock.monotonicMs() + graceMs;
    while (open() > 0 && clock.monotonicMs() < untilMs)
      await new Promise<void>((r) => void clock.setTimeout(r, 20));
  }

  function open(): number {
    const chains = acceptor.current().all.flatMap(chainsOf);
    return chains.reduce((sum, chain) => sum + chain.terminal.openConnections, counts.pending);
  }
}

/** This worker's share of it, rounded up. */
function connectionLimit({ bootstrap, workers }: DataPlaneSettings): { readonly maxConnections?: number } {
  const { maxDownstreamConnections: limit } = bootstrap.limits;
  return limit === undefined ? {} : { maxConnections: Math.ceil(limit / workers) };
}

/** The bootstrap's resources that carry traffic: the cluster of ADS is a channel of our own (control-channel.ts). */
function withoutControlChannel({ message, ads }: ProxyBootstrap): Bootstrap {
  const fixed = message.static_resources;
  const clusters = fixed?.clusters?.filter((cluster) => cluster.name !== ads?.cluster.name) ?? [];
  return { ...message, static_resources: { ...fixed, clusters } };
}
