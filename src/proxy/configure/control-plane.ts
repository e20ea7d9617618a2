/**
 * The proxy as a client of its configuration's sources: ADS, xDS services for single types, files. Subscribes to what
 * the configuration needs, answers each update, starts from the last good state.
 */
import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { CallOptions, GrpcClient } from '../../wire/grpc/client.ts';
import type { DeltaResource } from '../../xds/delta-messages.ts';
import { WILDCARD } from '../../xds/delta-messages.ts';
import { type Node, typeUrls } from '../../xds/resources.ts';
import type { Configuration } from './configuration.ts';
import { type Feed, fileFeed, restFeed, streamFeed } from './feed.ts';
import type { RestSourceOptions } from './rest-source.ts';
import { adsSource, readSource, type Source } from './source.ts';

/** A gRPC channel with what goes along with each call. */
export interface XdsChannel {
  readonly client: GrpcClient;
  readonly callOptions: () => CallOptions;
}

export interface ControlPlaneOptions {
  /** The stream that everything comes over that names no other source. */
  readonly ads: (XdsChannel & { readonly delta: boolean }) | undefined;
  /** A channel to a static cluster of the bootstrap. Throws an Error where there is none. */
  readonly channel: (cluster: string, metadata: readonly string[]) => XdsChannel;
  /** Posts to a static cluster of the bootstrap. */
  readonly post: RestSourceOptions['post'];
  readonly node: Node;
  readonly configuration: Pick<Configuration, 'apply' | 'needed' | 'warming'>;
  readonly dynamic: { readonly listeners: Source | undefined; readonly clusters: Source | undefined };
  /** Secrets that the proxy makes itself: never asked for. */
  readonly ownSecrets: readonly string[];
  /** Secrets that are asked for whether or not the configuration needs them. */
  readonly moreSecrets?: readonly string[];
  /** What was kept from an earlier run. */
  readonly restored: readonly DeltaResource[];
  /** Names by type that an earlier run had asked for. */
  readonly restoredNames: readonly WantedNames[];
  readonly readFile: (path: string) => string;
  readonly clock: Clock;
  readonly random: Random;
  /** Something was accepted: what is kept on disk is old. */
  readonly onAccepted: () => void;
  readonly log: (level: 'info' | 'warning', message: string) => void;
}

export type WantedNames = readonly [typeUrl: string, names: readonly string[]];

export interface ControlPlane {
  /** What is needed has changed, though no update came. */
  refresh(): void;
  readonly connected: boolean;
  /** The listeners have been received (or restored), and none waits for anything. */
  readonly configured: boolean;
  close(): void;
}

/** In which order kept resources are put to use: what is pointed at before what points. */
const restoreOrder = [
  typeUrls.secret,
  typeUrls.cluster,
  typeUrls.endpoint,
  typeUrls.route,
  typeUrls.virtualHost,
  typeUrls.dnsTable,
  typeUrls.listener,
];

/** Types that are subscribed to by what is needed. */
const byNeed = [typeUrls.endpoint, typeUrls.route, typeUrls.secret, typeUrls.virtualHost, typeUrls.dnsTable];

export async function followControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { configuration, dynamic, log, moreSecrets = [] } = options;
  const feeds = new Map<string, Feed>();
  let listenersKnown = dynamic.listeners === undefined;
  let applying: Promise<unknown> = Promise.resolve();

  /** One update after the other, from whichever source. */
  const apply = (
    typeUrl: string,
    resources: readonly DeltaResource[],
    removed: readonly string[],
  ): Promise<readonly { readonly name: string; readonly reason: string }[]> => {
    const next = applying.then(async () => {
      const refused = await configuration.apply(typeUrl, resources, removed);
      if (typeUrl === typeUrls.listener) listenersKnown = true;
      options.onAccepted();
      return refused;
    });
    applying = next.catch(() => {});
    return next;
  };

  const feedOf = (source: Source, typeUrl: string): Feed | undefined => {
    const key = source.kind === 'ads' ? source.key : `${source.key} ${typeUrl}`;
    const known = feeds.get(key);
    if (known !== undefined) return known;
    let made: Feed | undefined;
    try {
      made = makeFeed(source, typeUrl);
    } catch (error) {
      log('warning', (error as Error).message); // a source that a resource names: it waits, others go on
    }
    if (made !== undefined) feeds.set(key, made);
    return made;
  };
  const makeFeed = (source: Source, typeUrl: string): Feed | undefined => {
    const around = { ...options, apply, applied: refresh };
    if (source.kind === 'file') return fileFeed(source, typeUrl, around);
    if (source.kind === 'rest') return restFeed(source, typeUrl, around);
    if (source.kind === 'grpc') {
      const channel = options.channel(source.cluster, source.metadata);
      return streamFeed({ ...channel, delta: source.delta }, typeUrl, around);
    }
    return options.ads === undefined ? undefined : streamFeed(options.ads, 'ads', around);
  };

  /** Wants from each source what is needed of it now. */
  const refresh = (): void => {
    const { endpoints, routes, secrets, elsewhere, onDemand } = configuration.needed();
    const sources = new Map<string, Source>();
    for (const { typeUrl, name, source } of elsewhere)
      sources.set(`${typeUrl} ${name}`, readSource(source, refuseLate, name));
    const wanted = new Map<Feed, Map<string, string[]>>();
    const want = (typeUrl: string, names: readonly string[]): void => {
      for (const name of names) {
        const feed = feedOf(sources.get(`${typeUrl} ${name}`) ?? adsSource, typeUrl);
        if (feed === undefined) continue;
        let types = wanted.get(feed);
        if (types === undefined) wanted.set(feed, (types = new Map()));
        types.set(typeUrl, [...(types.get(typeUrl) ?? []), name]);
      }
    };
    want(typeUrls.endpoint, endpoints);
    want(typeUrls.route, routes);
    want(
      typeUrls.secret,
      [...new Set([...secrets, ...moreSecrets])].filter((name) => !options.ownSecrets.includes(name)),
    );
    if (onDemand !== undefined) {
      want(typeUrls.virtualHost, onDemand.virtualHosts);
      want(typeUrls.dnsTable, onDemand.dnsTables);
      const feed = feedOf(adsSource, typeUrls.listener);
      feed?.follow(typeUrls.cluster, [WILDCARD, ...onDemand.clusters]);
      feed?.follow(typeUrls.listener, [WILDCARD, ...onDemand.listeners]);
    }
    for (const feed of feeds.values())
      for (const typeUrl of byNeed) feed.follow(typeUrl, wanted.get(feed)?.get(typeUrl) ?? []);
  };
  const refuseLate = (field: string, message: string): void => log('warning', `${field}: ${message}`);

  const fixed = [
    [typeUrls.cluster, dynamic.clusters],
    [typeUrls.listener, dynamic.listeners],
  ] as const;
  // A version is only kept for names that are wanted: want them before anything is restored.
  for (const [typeUrl, source] of fixed)
    if (source !== undefined) feedOf(source, typeUrl)?.follow(typeUrl, [WILDCARD]);
  for (const typeUrl of restoreOrder) {
    const kept = options.restored.filter((r) => r.typeUrl === typeUrl);
    const wanted = options.restoredNames.find(([type]) => type === typeUrl)?.[1] ?? [];
    if (kept.length + wanted.length === 0) continue;
    const names = new Set(kept.map(({ name }) => name));
    const missing = wanted.filter((name) => !names.has(name));
    const refused = new Set((await configuration.apply(typeUrl, kept, missing)).map((r) => r.name));
    refresh();
    const source = fixed.find(([type]) => type === typeUrl)?.[1];
    for (const r of kept) {
      if (refused.has(r.name)) continue;
      const own = configuration.needed().elsewhere.find((n) => n.typeUrl === typeUrl && n.name === r.name);
      const from = source ?? (own === undefined ? adsSource : readSource(own.source, refuseLate, r.name));
      feedOf(from, typeUrl)?.restore(typeUrl, r.name, r.version);
    }
    if (typeUrl === typeUrls.listener && kept.length > 0) listenersKnown = true;
  }
  refresh();
  for (const feed of feeds.values()) feed.open();
  return {
    refresh,
    get connected() {
      return [...feeds.values()].every((feed) => feed.connected);
    },
    get configured() {
      return listenersKnown && configuration.warming().length === 0;
    },
    close() {
      for (const feed of feeds.values()) feed.close();
    },
  };
}
