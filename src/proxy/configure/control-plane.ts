/**
 * The proxy as a client of its control plane: subscribes to what its configuration needs, answers each update, keeps
 * the last good state on disk and starts from it.
 */
import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { CallOptions, GrpcClient } from '../../wire/grpc/client.ts';
import type { DeltaUpdate } from '../../xds/delta-client.ts';
import { createDeltaClient } from '../../xds/delta-client.ts';
import type { DeltaRequest, DeltaResource } from '../../xds/delta-messages.ts';
import { WILDCARD } from '../../xds/delta-messages.ts';
import { type Node, typeUrls } from '../../xds/resources.ts';
import type { Configuration } from './configuration.ts';
import type { XdsStream } from './xds-stream.ts';
import { openXdsStream } from './xds-stream.ts';

export interface ControlPlaneOptions {
  readonly client: GrpcClient;
  readonly node: Node;
  readonly callOptions: () => CallOptions;
  readonly configuration: Pick<Configuration, 'apply' | 'needed' | 'warming'>;
  readonly dynamic: { readonly listeners: boolean; readonly clusters: boolean };
  /** Secrets that the proxy makes itself: never asked for. */
  readonly ownSecrets: readonly string[];
  /** What was kept from an earlier run. */
  readonly restored: readonly DeltaResource[];
  readonly clock: Clock;
  readonly random: Random;
  /** Something was accepted: what is kept on disk is old. */
  readonly onAccepted: () => void;
  readonly log: (level: 'info' | 'warning', message: string) => void;
}

export interface ControlPlane {
  readonly connected: boolean;
  /** The listeners have been received (or restored), and none waits for anything. */
  readonly configured: boolean;
  /** Needed names may have changed for another reason than an update. */
  needsChanged(): void;
  close(): void;
}

/** In which order kept resources are put to use: what is pointed at before what points. */
const restoreOrder = [
  typeUrls.secret,
  typeUrls.cluster,
  typeUrls.endpoint,
  typeUrls.route,
  typeUrls.listener,
];

export async function followControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { configuration, dynamic } = options;
  const delta = createDeltaClient(options.node);
  let listenersKnown = !dynamic.listeners;

  for (const typeUrl of restoreOrder) {
    const kept = options.restored.filter((r) => r.typeUrl === typeUrl);
    if (kept.length === 0) continue;
    const refused = new Set((await configuration.apply(typeUrl, kept, [])).map((r) => r.name));
    for (const r of kept) if (!refused.has(r.name)) delta.restore(typeUrl, r.name, r.version);
    if (typeUrl === typeUrls.listener) listenersKnown = true;
  }
  // A version is only kept for names that are wanted: want them before the stream opens.
  if (dynamic.clusters) delta.subscribe(typeUrls.cluster, [WILDCARD]);
  if (dynamic.listeners) delta.subscribe(typeUrls.listener, [WILDCARD]);

  const subscribeToNeeded = (): readonly DeltaRequest[] => {
    const { endpoints, routes, secrets } = configuration.needed();
    const foreign = secrets.filter((name) => !options.ownSecrets.includes(name));
    return [
      ...follow(typeUrls.endpoint, endpoints),
      ...follow(typeUrls.route, routes),
      ...follow(typeUrls.secret, foreign),
    ];
  };
  const follow = (typeUrl: string, names: readonly string[]): readonly DeltaRequest[] => {
    const wanted = new Set(names);
    const gone = [...delta.subscriptions(typeUrl)].filter((name) => !wanted.has(name));
    return [...delta.subscribe(typeUrl, names), ...delta.unsubscribe(typeUrl, gone)];
  };
  const receive = async (update: DeltaUpdate): Promise<readonly DeltaRequest[]> => {
    const refused = await configuration.apply(update.typeUrl, update.resources, update.removed);
    if (update.typeUrl === typeUrls.listener) listenersKnown = true;
    const answer =
      refused.length === 0
        ? delta.accept(update)
        : delta.reject(
            update,
            refused.map((r) => `${r.name}: ${r.reason}`).join('\n'),
            refused.map((r) => r.name),
          );
    options.onAccepted();
    return [...answer, ...subscribeToNeeded()];
  };

  subscribeToNeeded();
  const stream: XdsStream = openXdsStream({ ...options, delta, receive });
  return {
    get connected() {
      return stream.connected;
    },
    get configured() {
      return listenersKnown && configuration.warming().length === 0;
    },
    needsChanged: () => stream.send(subscribeToNeeded()),
    close: () => stream.close(),
  };
}
