/**
 * The proxy, wired: this file reads top to bottom as what is made from what. It knows no flags and no signals (main.ts),
 * and everything it touches comes in by parameter.
 */
import type { Clock } from '../lib/clock.ts';
import type { Random } from '../lib/random.ts';
import type { Network } from '../wire/connection.ts';
import type { Bootstrap } from '../xds/resources.ts';
import { createAcceptCounts } from './accept/accept-counts.ts';
import { createAcceptor } from './accept/acceptor.ts';
import type { AcceptEnvironment } from './accept/take.ts';
import { type AdminRoute, openAdmin } from './admin/admin.ts';
import { adminRoutes } from './admin/routes.ts';
import type { ProxyBootstrap } from './configure/bootstrap.ts';
import { createConfiguration } from './configure/configuration.ts';
import { openControlChannel } from './configure/control-channel.ts';
import { type ControlPlane, followControlPlane } from './configure/control-plane.ts';
import { createLastGoodFile, type LastGoodFile } from './configure/last-good.ts';
import { chainsOf } from './configure/listener.ts';
import type { TlsEnvironment } from './configure/lower-tls.ts';
import { createSecrets } from './configure/secrets.ts';
import { createDnsServer } from './dns/dns-server.ts';
import { lowerNetworkFilters } from './filters/network/lower.ts';
import type { Credentials } from './identity/credentials.ts';
import { keepIdentity } from './identity/identity.ts';
import type { LogSinks } from './observe/log-sinks.ts';
import { Metrics } from './observe/metrics.ts';
import type { ProcessLog } from './process-log.ts';
import type { Runtime } from './runtime.ts';
import { Clusters } from './upstream/clusters.ts';
import type { ResolveName } from './upstream/resolve-name.ts';

export interface ProxyEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly resolveName: ResolveName;
  readonly originalDestination: AcceptEnvironment['originalDestination'];
  readonly readFile: (path: string) => string;
  readonly logs: LogSinks;
  readonly log: ProcessLog;
}

export interface ProxySettings {
  readonly bootstrap: ProxyBootstrap;
  /** Where the last good configuration is kept; undefined: nowhere. */
  readonly cacheDirectory: string | undefined;
  /** Who we are, and the token that proves it; undefined: secrets come from the bootstrap or SDS. */
  readonly identity:
    | { readonly spiffeId: string; readonly tokenFile: string; readonly lifetimeSeconds: number }
    | undefined;
  readonly version: string;
}

export interface RunningProxy {
  /** Everything it was told to run is running. */
  ready(): boolean;
  /** The admin port, 0 without one. */
  readonly adminPort: number;
  /** Takes nothing new, lets open streams finish for up to `graceMs`, closes. */
  stop(graceMs: number): Promise<void>;
  /** /quitquitquit was called. */
  readonly quit: Promise<void>;
}

/** The SDS names of the proxy's own certificate and of the trust bundle that came with it. */
const ownCertificate = 'default';
const ownRoots = 'ROOTCA';

/** Starts a proxy. Resolves when its static listeners listen; throws an Error with every reason where it cannot. */
export async function startProxy(
  settings: ProxySettings,
  environment: ProxyEnvironment,
): Promise<RunningProxy> {
  const { bootstrap } = settings;
  const { clock, random, log } = environment;
  const secrets = createSecrets();
  const tls: TlsEnvironment = {
    secrets,
    createContext: environment.network.createTlsContext,
    readFile: environment.readFile,
    nowMs: clock.nowMs,
  };
  const metrics = new Metrics(bootstrap.node);
  const clusters = new Clusters({
    ...environment,
    network: bindSource(environment.network, bootstrap.sourceAddress),
    metrics,
  });
  let draining = false;
  const runtime: Runtime = {
    clock,
    random,
    node: bootstrap.node,
    metrics,
    logs: environment.logs,
    readFile: environment.readFile,
    routes: (name) => configuration.routes(name),
    cluster: (name) => clusters.get(name),
    draining: () => draining,
  };
  const counts = createAcceptCounts();
  let connections = 0;
  const dns = createDnsServer({
    network: environment.network,
    clock,
    sourceAddress: bootstrap.sourceAddress,
  });
  const acceptor = createAcceptor(
    {
      ...environment,
      counts,
      nextId: () => ++connections,
      localUri: () => settings.identity?.spiffeId ?? '',
    },
    dns,
  );
  const configuration = createConfiguration({
    clock,
    clusters,
    acceptor,
    runtime,
    listeners: { tls, lowerNetworkFilters },
    log,
  });
  clusters.onReady = () => void configuration.settle();

  const reasons = await configuration.applyStatic(withoutControlChannel(bootstrap));
  if (reasons.length > 0) throw new Error(reasons.join('\n'));

  let credentials: Credentials | undefined;
  const lastGood = keep(
    settings,
    () => ({ resources: configuration.accepted.all(), credentials }),
    environment,
  );
  const kept = lastGood?.read();
  secrets.subscribe(() => {
    clusters.secretsChanged();
    void configuration.settle();
  });
  const takeCredentials = (fresh: Credentials): void => {
    credentials = fresh;
    secrets.setValidation(ownRoots, { trustedCaPem: fresh.rootsPem });
    secrets.setCertificate(ownCertificate, { chainPem: fresh.chainPem, privateKeyPem: fresh.privateKeyPem });
    lastGood?.changed();
  };
  const control = await connectControl();

  async function connectControl(): Promise<{ plane: ControlPlane; close: () => void } | undefined> {
    if (bootstrap.ads === undefined) return undefined;
    const { identity } = settings;
    const channel = openControlChannel(bootstrap.ads.cluster, environment.network, tls, clock);
    if (!channel.ok) throw new Error(channel.refusals.map((r) => `${r.field}: ${r.message}`).join('\n'));
    const fixed = bootstrap.ads.metadata.flat();
    const callOptions = () => ({
      metadata:
        identity === undefined
          ? fixed
          : [...fixed, 'authorization', `Bearer ${environment.readFile(identity.tokenFile).trim()}`],
    });
    const endIdentity =
      identity === undefined
        ? () => {}
        : keepIdentity(
            {
              ...identity,
              client: channel.value,
              callOptions,
              clock,
              random,
              onCredentials: takeCredentials,
              log,
            },
            kept?.credentials,
          );
    const plane = await followControlPlane({
      client: channel.value,
      node: { ...bootstrap.message.node, user_agent_name: 'weft', user_agent_version: settings.version },
      callOptions,
      configuration,
      dynamic: bootstrap.dynamic,
      ownSecrets: identity === undefined ? [] : [ownCertificate],
      restored: kept?.resources ?? [],
      clock,
      random,
      onAccepted: () => lastGood?.changed(),
      log,
    });
    return {
      plane,
      close() {
        endIdentity();
        plane.close();
        channel.value.close();
      },
    };
  }

  let quit: () => void = () => {};
  const quitCalled = new Promise<void>((resolve) => (quit = resolve));
  const ready = (): boolean => control === undefined || (control.plane.configured && !draining);
  const routes: ReadonlyMap<string, AdminRoute> = adminRoutes({
    bootstrap: bootstrap.message,
    accepted: configuration.accepted,
    secrets,
    clusters,
    acceptor,
    counts,
    metrics,
    version: settings.version,
    startedAtMs: clock.nowMs(),
    clock,
    ready,
    connected: () => control?.plane.connected ?? false,
    warming: configuration.warming,
    quit,
    drain: () => void acceptor.drain(),
  });
  const admin = bootstrap.admin === undefined ? undefined : await openAdmin(bootstrap.admin, routes);

  return {
    ready,
    adminPort: admin?.port ?? 0,
    quit: quitCalled,
    async stop(graceMs) {
      draining = true;
      await acceptor.drain();
      await idle(graceMs);
      lastGood?.flush();
      control?.close();
      clusters.close();
      await Promise.all([admin?.close(), environment.logs.flush()]);
    },
  };

  /** Resolves when no connection is open any more, or the time is up. */
  async function idle(graceMs: number): Promise<void> {
    const untilMs = clock.monotonicMs() + graceMs;
    const open = (): number =>
      acceptor
        .current()
        .all.flatMap(chainsOf)
        .reduce((sum, chain) => sum + chain.terminal.openConnections, 0);
    while (open() > 0 && clock.monotonicMs() < untilMs)
      await new Promise<void>((r) => void clock.setTimeout(r, 20));
  }
}

function keep(
  settings: ProxySettings,
  current: Parameters<typeof createLastGoodFile>[2],
  environment: ProxyEnvironment,
): LastGoodFile | undefined {
  if (settings.cacheDirectory === undefined) return undefined;
  return createLastGoodFile(
    settings.cacheDirectory,
    settings.bootstrap.node.id,
    current,
    environment.clock,
    environment.log,
  );
}

/** The bootstrap's resources that carry traffic: the cluster of ADS is a channel of our own (control-channel.ts). */
function withoutControlChannel({ message, ads }: ProxyBootstrap): Bootstrap {
  const fixed = message.static_resources;
  const clusters = fixed?.clusters?.filter((cluster) => cluster.name !== ads?.cluster.name) ?? [];
  return { ...message, static_resources: { ...fixed, clusters } };
}

/** The network with a source address for every upstream connection (cluster_manager.upstream_bind_config). */
function bindSource(network: Network, sourceAddress: string | undefined): Network {
  if (sourceAddress === undefined) return network;
  return { ...network, connect: (options) => network.connect({ localAddress: sourceAddress, ...options }) };
}
