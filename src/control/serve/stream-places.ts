import { GRPC_CODE } from '../../wire/grpc/status.ts';
import { workloadSpiffeId } from '../../wire/identity/spiffe.ts';
import type { Compiled } from '../compile.ts';
import type { AdsStream } from './ads-stream.ts';

/** Bounds of one client. */
export interface StreamLimits {
  /** Streams of one proxy: where there are more the oldest is ended, since it is most likely dead. */
  readonly maxStreamsPerProxy: number;
  /** Streams under one identity of proxies that nothing is known of (their Pods may not have been seen yet). */
  readonly maxUnknownPerIdentity: number;
}

/** How many streams each client has. A client is what it proved to be, and which of its proxies it says it is. */
export class StreamPlaces {
  readonly #limits: StreamLimits;
  readonly #byProxy = new Map<string, Set<AdsStream>>();
  readonly #unknown = new Map<string, Set<AdsStream>>();

  constructor(limits: StreamLimits) {
    this.#limits = limits;
  }

  /** A stream has said whose it is. A sentence where there is no place for it. */
  take(stream: AdsStream, compiled: Compiled): string | undefined {
    const { peer, proxy } = stream;
    if (proxy === undefined) return undefined;
    const { namespace, name } = proxy.id;
    if (peer !== undefined && compiled.workload(namespace, name) === undefined) {
      const identity = workloadSpiffeId(peer.identity);
      if ((this.#unknown.get(identity)?.size ?? 0) >= this.#limits.maxUnknownPerIdentity)
        return `too many proxies of ${identity} that nothing is known of`;
      add(this.#unknown, identity, stream);
    }
    const mine = add(this.#byProxy, proxyKey(stream), stream);
    const [oldest] = mine;
    if (mine.size > this.#limits.maxStreamsPerProxy)
      oldest?.end(GRPC_CODE.RESOURCE_EXHAUSTED, 'a newer stream of this proxy took its place');
    return undefined;
  }

  /** Its call is over. */
  leave(stream: AdsStream): void {
    remove(this.#byProxy, proxyKey(stream), stream);
    if (stream.peer !== undefined) remove(this.#unknown, workloadSpiffeId(stream.peer.identity), stream);
  }
}

function proxyKey({ peer, proxy }: AdsStream): string {
  const identity = peer === undefined ? '' : workloadSpiffeId(peer.identity);
  return `${identity} ${proxy?.id.namespace ?? ''}/${proxy?.id.name ?? ''}`;
}

function add(map: Map<string, Set<AdsStream>>, key: string, stream: AdsStream): Set<AdsStream> {
  const set = map.get(key) ?? new Set();
  map.set(key, set.add(stream));
  return set;
}

function remove(map: Map<string, Set<AdsStream>>, key: string, stream: AdsStream): void {
  const set = map.get(key);
  set?.delete(stream);
  if (set?.size === 0) map.delete(key);
}
