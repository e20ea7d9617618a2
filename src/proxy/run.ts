/**
 * The proxy, wired: this file reads top to bottom as what is made from what. It knows no flags and no signals (main.ts),
 * and everything it touches comes in by parameter. One data plane carries the traffic: in this process, or several
 * workers that look like one (workers/pool.ts). Around it: control plane, identity, the last good file, the admin port.
 */
import type { OpenedSocket } from '../wire/connection.ts';
import type { KeptLeaf } from '../wire/identity/keep-leaf.ts';
import type { MeshTrust } from '../xds/mesh-trust.ts';
import { typeUrls } from '../xds/resources.ts';
import { openAdmin } from './admin/admin.ts';
import { processRoutes } from './admin/process-routes.ts';
import type { ProxyBootstrap } from './configure/bootstrap.ts';
import type { NeededNames } from './configure/configuration.ts';
import { controlChannels } from './configure/control-channel.ts';
import { type ControlPlane, followControlPlane, type WantedNames } from './configure/control-plane.ts';
import { createLastGoodFile, type LastGoodFile } from './configure/last-good.ts';
import { newTicketSeed } from './configure/session-tickets.ts';
import {
  type DataPlane,
  type DataPlaneSettings,
  ownCertificate,
  startDataPlane,
  trustBundle,
} from './data-plane.ts';
import type { ProxyEnvironment } from './environment.ts';
import type { Credentials } from './identity/credentials.ts';
import { hearingRoots } from './identity/hearing-roots.ts';
import { keepIdentity } from './identity/identity.ts';
import { proofOf } from './identity/proof.ts';
import { openWorkloadApi } from './identity/workload-api.ts';
import { DEMAND_LIMITS } from './on-demand/limits.ts';
import type { ProxyOptions } from './options.ts';

export interface ProxySettings {
  readonly bootstrap: ProxyBootstrap;
  /** Where the last good configuration is kept; undefined: nowhere. */
  readonly cacheDirectory: string | undefined;
  /** Who we are, and the token that proves it; undefined: secrets come from the bootstrap or SDS. */
  readonly identity:
    | { readonly spiffeId: string; readonly tokenFile: string; readonly lifetimeSeconds: number }
    | undefined;
  /** Unix socket to offer the SPIFFE Workload API on; only with an identity. */
  readonly workloadApi?: string | undefined;
  readonly version: string;
  /** Processes that carry traffic; 1: this one does, alone. */
  readonly workers?: number;
  /** What the command line said, for /server_info. */
  readonly options?: Partial<ProxyOptions>;
  /** How many proxies this one has replaced in place. */
  readonly restartEpoch?: number;
  /** The admin socket of the proxy that this one replaces. */
  readonly adminSocket?: OpenedSocket;
  /** What its TLS session tickets were made from; a new one where it replaces none. */
  readonly ticketSeed?: string;
}

export interface RunningProxy {
  /** Everything it was told to run is running. */
  ready(): boolean;
  /** The admin port, 0 without one. */
  readonly adminPort: number;
  /** Listening sockets, the admin's among them, by a name that a successor looks them up with. */
  sockets(): readonly { readonly key: string; readonly fd: number }[];
  /** Secret, for a successor: TLS sessions go on with it. */
  readonly ticketSeed: string;
  /** Writes what a successor starts from. */
  flush(): void;
  /** Leaves the files, the control plane and new connections to a successor: stop() follows. */
  retire(): void;
  /** Takes nothing new, lets open streams finish for up to `graceMs`, closes. */
  stop(graceMs: number): Promise<void>;
  /** /quitquitquit was called. */
  readonly quit: Promise<void>;
}

/** Makes the data plane: in this process by default. */
export type StartDataPlane = (
  settings: DataPlaneSettings,
  environment: ProxyEnvironment,
) => Promise<DataPlane>;

/** The name of the admin port among a proxy's sockets. */
export const adminSocketKey = 'admin';

/** Starts a proxy. Resolves when its static listeners listen; throws an Error with every reason where it cannot. */
export async function startProxy(
  settings: ProxySettings,
  environment: ProxyEnvironment,
  startPlane: StartDataPlane = startDataPlane,
): Promise<RunningProxy> {
  const { bootstrap } = settings;
  const { clock, random, log } = environment;
  const { ticketSeed = newTicketSeed() } = settings;
  const plane = await startPlane(
    {
      bootstrap,
      spiffeId: settings.identity?.spiffeId,
      version: settings.version,
      workers: settings.workers ?? 1,
      ticketSeed,
    },
    environment,
  );

  let credentials: Credentials | undefined;
  let roots: string | undefined;
  let trusted: MeshTrust['domains'] = [];
  let retired = false;
  /** There is no second first certificate: what a one-time token gave is on disk before it is used up for nothing. */
  let keepsAtOnce = false;
  const lastGood = keep(
    settings,
    () => ({ resources: plane.accepted(), names: wantedNames(plane.needed()), credentials }),
    environment,
  );
  const kept = lastGood?.read();
  const changed = (): void => {
    if (!retired) lastGood?.changed();
  };
  const { identity: own, workloadApi } = settings;
  const api =
    workloadApi === undefined || own === undefined
      ? undefined
      : await openWorkloadApi(workloadApi, environment.network, clock);
  const tellWorkload = (): void => {
    if (own === undefined || credentials === undefined) return;
    const { chainPem, privateKeyPem, rootsPem } = credentials;
    api?.changed({ spiffeId: own.spiffeId, leaf: { chainPem, privateKeyPem }, rootsPem, trusted });
  };
  const takeCredentials = (fresh: Credentials): void => {
    // Roots that the control plane has told are newer than those that came with a certificate, or the same.
    credentials = { ...fresh, rootsPem: roots ?? fresh.rootsPem };
    plane.setCredentials(fresh);
    tellWorkload();
    changed();
    if (keepsAtOnce) lastGood?.flush();
  };
  /** A restart without a control plane begins with the roots as they are now, not as they came with the certificate. */
  const trustChanged =
    (leaf: KeptLeaf) =>
    ({ rootsPem, domains }: MeshTrust) => {
      roots = rootsPem;
      trusted = domains;
      if (credentials !== undefined) credentials = { ...credentials, rootsPem };
      tellWorkload();
      leaf.rootsChanged(rootsPem);
      changed();
    };
  const control = await connectControl();

  async function connectControl(): Promise<{ plane: ControlPlane; close: () => void } | undefined> {
    const { ads, dynamic } = bootstrap;
    const { identity } = settings;
    const good = (): Credentials | undefined =>
      credentials !== undefined && credentials.notAfterMs > clock.nowMs() ? credentials : undefined;
    const channels = controlChannels(bootstrap, environment, () => credentials?.rootsPem, good);
    if (ads === undefined && dynamic.listeners === undefined && dynamic.clusters === undefined) {
      if (plane.needed().elsewhere.length === 0) return undefined;
    }
    const metadata = ads?.metadata.flat() ?? [];
    const cluster = ads?.cluster.name ?? '';
    const proof =
      identity === undefined || ads === undefined
        ? undefined
        : proofOf({
            tokenFile: identity.tokenFile,
            readFile: environment.readFile,
            shared: () => channels.open(cluster),
            proving: () => channels.openProving(cluster),
            credentials: good,
            hasKept: kept?.credentials !== undefined,
            metadata,
          });
    if (proof?.joins && lastGood === undefined)
      log('warning', 'the certificate is kept nowhere (--cache-dir): after a restart a new token is needed');
    keepsAtOnce = proof?.joins === true;
    const client = proof?.client ?? (ads && channels.open(cluster));
    const callOptions = proof?.forStreams ?? (() => ({ metadata }));
    const leaf =
      identity === undefined || proof === undefined
        ? undefined
        : keepIdentity(
            {
              ...identity,
              client: proof.client,
              callOptions: proof.forCertificates,
              clock,
              random,
              onCredentials: takeCredentials,
              log,
            },
            kept?.credentials,
          );
    const followed = await followControlPlane({
      ads: client === undefined ? undefined : { client, callOptions, delta: ads?.delta === true },
      channel: (cluster, fixed) => ({
        client: channels.open(cluster),
        callOptions: () => ({ metadata: [...fixed] }),
      }),
      post: channels.post,
      node: { ...bootstrap.message.node, user_agent_name: 'weft', user_agent_version: settings.version },
      configuration: leaf === undefined ? plane : hearingRoots(plane, trustChanged(leaf)),
      dynamic,
      ownSecrets: identity === undefined ? [] : [ownCertificate],
      moreSecrets: identity === undefined ? [] : [trustBundle],
      restored: kept?.resources ?? [],
      restoredNames: kept?.names ?? [],
      readFile: environment.readFile,
      clock,
      random,
      onAccepted: changed,
      log,
    });
    plane.onNeeds(() => {
      followed.refresh();
      changed();
    });
    let closed = false;
    const sweep = (): void => {
      if (closed) return;
      if (followed.connected) plane.sweep();
      clock.setTimeout(sweep, DEMAND_LIMITS.sweepMs);
    };
    if (bootstrap.onDemand) clock.setTimeout(sweep, DEMAND_LIMITS.sweepMs);
    return {
      plane: followed,
      close() {
        closed = true;
        leaf?.stop();
        followed.close();
        channels.close();
      },
    };
  }

  let quit: () => void = () => {};
  const quitCalled = new Promise<void>((resolve) => (quit = resolve));
  let draining = false;
  const ready = (): boolean => !draining && (control === undefined || control.plane.configured);
  const routes = processRoutes(
    {
      bootstrap: bootstrap.message,
      version: settings.version,
      startedAtMs: clock.nowMs(),
      restartEpoch: settings.restartEpoch ?? 0,
      workers: settings.workers ?? 1,
      clock,
      ready,
      connected: () => control?.plane.connected ?? false,
      warming: plane.warming,
      quit,
      draining: () => draining,
      setHealthy: (healthy) => void (draining = !healthy),
      log: environment.leveled,
      options: settings.options,
    },
    plane.routes,
  );
  const admin =
    bootstrap.admin === undefined
      ? undefined
      : await openAdmin(bootstrap.admin, routes, settings.adminSocket);
  const retire = (): void => {
    if (retired) return;
    lastGood?.flush();
    retired = true;
    control?.close();
    void api?.close();
  };

  return {
    ready,
    adminPort: admin?.port ?? 0,
    quit: quitCalled,
    ticketSeed,
    sockets: () => [
      ...plane.sockets(),
      ...(admin === undefined ? [] : [{ key: adminSocketKey, fd: admin.fd }]),
    ],
    flush: () => lastGood?.flush(),
    retire,
    async stop(graceMs) {
      draining = true;
      // A successor answers on the admin port: this one must take no question from it any more.
      if (retired) await admin?.close();
      await plane.stop(graceMs, retired);
      retire();
      await Promise.all([admin?.close(), environment.logs.flush()]);
    },
  };
}

/** Names that have been asked for, those that do not exist among them: a proxy that starts again still knows. */
function wantedNames({ onDemand }: NeededNames): readonly WantedNames[] {
  if (onDemand === undefined) return [];
  return [
    [typeUrls.listener, onDemand.listeners],
    [typeUrls.virtualHost, onDemand.virtualHosts],
    [typeUrls.dnsTable, onDemand.dnsTables],
  ];
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
