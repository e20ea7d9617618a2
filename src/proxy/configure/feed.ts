/** One source of resources: a gRPC stream (for all types, or for one), or a file. */
import { createHash } from 'node:crypto';
import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { CallOptions, GrpcClient } from '../../wire/grpc/client.ts';
import { createDeltaClient, type DeltaUpdate } from '../../xds/delta-client.ts';
import type { DeltaResource } from '../../xds/delta-messages.ts';
import { WILDCARD } from '../../xds/delta-messages.ts';
import { xdsPath } from '../../xds/paths.ts';
import { type Node, typeUrls } from '../../xds/resources.ts';
import { sotwProtocol } from '../../xds/sotw-client.ts';
import { deltaProtocol } from '../../xds/xds-protocol.ts';
import { followFile } from './file-source.ts';
import { followRest, type RestSourceOptions } from './rest-source.ts';
import type { Source } from './source.ts';
import { openXdsStream, type XdsStream } from './xds-stream.ts';

export interface Feed {
  /** Wants exactly these names of a type. */
  follow(typeUrl: string, names: readonly string[]): void;
  /** Has this resource from before. */
  restore(typeUrl: string, name: string, version: string): void;
  /** Begins; before, subscriptions are only noted. Feeds made later begin at once. */
  open(): void;
  readonly connected: boolean;
  close(): void;
}

export interface FeedEnvironment {
  readonly node: Node;
  readonly clock: Clock;
  readonly random: Random;
  readonly readFile: (path: string) => string;
  readonly apply: (
    typeUrl: string,
    resources: readonly DeltaResource[],
    removed: readonly string[],
  ) => Promise<readonly { readonly name: string; readonly reason: string }[]>;
  /** An update was answered: what is needed may have changed. */
  readonly applied: () => void;
  readonly log: (level: 'info' | 'warning', message: string) => void;
}

/** `typeUrl`: the one type of the stream, or `ads` for all. */
export function streamFeed(
  channel: {
    readonly client: GrpcClient;
    readonly callOptions: () => CallOptions;
    readonly delta: boolean;
  },
  typeUrl: string,
  environment: FeedEnvironment,
): Feed {
  const delta = createDeltaClient(environment.node);
  let stream: XdsStream | undefined;
  const receive = async (update: DeltaUpdate): Promise<readonly []> => {
    const refused = await environment.apply(update.typeUrl, update.resources, update.removed);
    const reasons = refused.map((r) => `${r.name}: ${r.reason}`).join('\n');
    const names = refused.map((r) => r.name);
    // The answer goes before what it makes us ask for.
    stream?.send(refused.length === 0 ? delta.accept(update) : delta.reject(update, reasons, names));
    environment.applied();
    return [];
  };
  const open = (): void => {
    stream ??= openXdsStream({
      ...environment,
      ...channel,
      delta,
      path: xdsPath(typeUrl === 'ads' ? 'ads' : 'single', channel.delta, typeUrl),
      protocol: channel.delta ? deltaProtocol : sotwProtocol(delta, digest),
      receive,
    });
  };
  return {
    follow(type, names) {
      const wanted = new Set(names);
      const gone = [...delta.subscriptions(type)].filter((name) => !wanted.has(name));
      const requests = [...delta.subscribe(type, names), ...delta.unsubscribe(type, gone)];
      stream?.send(requests);
      // A stream for one type begins with the first name of it.
      if (typeUrl !== 'ads' && names.length > 0 && !names.includes(WILDCARD)) open();
    },
    restore: (type, name, version) => delta.restore(type, name, version),
    open,
    get connected() {
      return stream?.connected ?? false;
    },
    close: () => stream?.close(),
  };
}

/** A file with resources of one type. */
export function fileFeed(
  { path, watched }: Extract<Source, { kind: 'file' }>,
  typeUrl: string,
  environment: FeedEnvironment,
): Feed {
  return documentFeed(typeUrl, environment, (receive) =>
    followFile({ ...environment, path, watched, typeUrl, digest, receive }),
  );
}

/** A server that is asked for resources of one type again and again. */
export function restFeed(
  source: Extract<Source, { kind: 'rest' }>,
  typeUrl: string,
  environment: FeedEnvironment & Pick<RestSourceOptions, 'post'>,
): Feed {
  return documentFeed(typeUrl, environment, (receive, names) =>
    followRest({ ...environment, ...source, typeUrl, digest, receive, names }),
  );
}

/** Follows documents with all resources of a type; `names`: what is wanted now, empty for everything. */
type Follow = (
  receive: (resources: readonly DeltaResource[]) => void,
  names: () => readonly string[],
) => () => void;

function documentFeed(typeUrl: string, environment: FeedEnvironment, follow: Follow): Feed {
  const held = new Map<string, string>();
  let wanted: ReadonlySet<string> = new Set();
  let latest: readonly DeltaResource[] = [];
  let end: (() => void) | undefined;
  const wants = (name: string): boolean => wanted.has(name) || wanted.has(WILDCARD);
  const put = async (): Promise<void> => {
    const resources = latest.filter(({ name }) => wants(name));
    const changed = resources.filter(({ name, version }) => held.get(name) !== version);
    const names = new Set(resources.map(({ name }) => name));
    const whole = typeUrl === typeUrls.listener || typeUrl === typeUrls.cluster;
    const removed = whole ? [...held.keys()].filter((name) => !names.has(name)) : [];
    for (const name of removed) held.delete(name);
    for (const { name, version } of changed) held.set(name, version);
    const refused = await environment.apply(typeUrl, changed, removed);
    for (const { name } of refused) held.delete(name);
    environment.applied();
  };
  const open = (): void => {
    end ??= follow(
      (resources) => {
        latest = resources;
        void put();
      },
      () => (wanted.has(WILDCARD) ? [] : [...wanted]),
    );
  };
  return {
    follow(type, names) {
      if (type !== typeUrl) return;
      const added = names.some((name) => !wanted.has(name));
      wanted = new Set(names);
      for (const name of held.keys()) if (!wants(name)) held.delete(name);
      if (names.length === 0 || names.includes(WILDCARD)) return;
      if (end === undefined) open();
      else if (added) void put();
    },
    restore: (_type, name, version) => void held.set(name, version),
    open,
    connected: true,
    close: () => end?.(),
  };
}

/** Tells contents apart; no security hangs on it. */
function digest(bytes: Uint8Array): string {
  return createHash('sha1').update(bytes).digest('base64url');
}
