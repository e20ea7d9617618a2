import type { Hash64 } from '../../../../lib/hash64.ts';
import { requestHash } from '../../../stream/request-hash.ts';
import type { ForwardAction, RouteLeaf } from '../../../stream/route-table.ts';
import type { RoutedStream } from '../../../stream/routed-stream.ts';
import type { Cluster } from '../../../upstream/cluster.ts';
import type { Endpoint } from '../../../upstream/endpoint.ts';
import type { PickContext } from '../../../upstream/pick-context.ts';

/** Chooses the endpoints of a request's attempts: the cluster picks, and where the policy says so nobody twice. */
export class EndpointChoice implements PickContext {
  readonly metadataMatch: PickContext['metadataMatch'];
  readonly redraws: number;
  readonly #stream: RoutedStream;
  readonly #action: ForwardAction;
  #tried: Set<unknown> | undefined;

  constructor(stream: RoutedStream, action: ForwardAction, leaf: RouteLeaf) {
    const { retry } = action;
    this.#stream = stream;
    this.#action = action;
    this.metadataMatch = leaf.metadataMatch;
    this.redraws = retry?.avoidPreviousHosts ? retry.hostDraws : 0;
  }

  get destination(): PickContext['destination'] {
    return this.#stream.connection.downstream.local;
  }

  header(name: string): string | undefined {
    const { request } = this.#stream;
    return name === ':authority' ? request.authority : request.header(name);
  }

  metadata(namespace: string): { readonly [key: string]: unknown } | undefined {
    return this.#stream.peer.metadata(namespace);
  }

  hash(): Hash64 | undefined {
    return requestHash(this.#action.hash, this.#stream.request, this.#stream.peer);
  }

  excludes(endpoint: unknown): boolean {
    return this.#tried?.has(endpoint) ?? false;
  }

  /** For the next attempt; undefined where there is nobody. */
  next(cluster: Cluster): Endpoint | undefined {
    const endpoint = cluster.pick(this);
    if (endpoint !== undefined && this.#action.retry?.avoidPreviousHosts)
      this.#tried = (this.#tried ?? new Set()).add(endpoint);
    return endpoint;
  }
}
