import type { Hash64 } from '../../../../lib/hash64.ts';
import { requestHash } from '../../../stream/request-hash.ts';
import type { ForwardAction, RouteLeaf } from '../../../stream/route-table.ts';
import type { RoutedStream } from '../../../stream/routed-stream.ts';
import type { Cluster } from '../../../upstream/cluster.ts';
import type { Endpoint } from '../../../upstream/endpoint.ts';
import { LB_NAMESPACE } from '../../../upstream/metadata-match.ts';
import type { PickContext } from '../../../upstream/pick-context.ts';
import { generatedCookies } from './hash-cookies.ts';

/**
 * Chooses the endpoints of a request's attempts: the cluster picks, and tries after the first are kept from the
 * endpoints and priorities that the retry policy does not want again.
 */
export class EndpointChoice implements PickContext {
  readonly metadataMatch: PickContext['metadataMatch'];
  avoidedPriorities: ReadonlySet<number> | undefined;
  readonly #stream: RoutedStream;
  readonly #action: ForwardAction;
  #tried: Endpoint[] | undefined;
  #retrying = false;

  constructor(stream: RoutedStream, action: ForwardAction, leaf: RouteLeaf) {
    this.#stream = stream;
    this.#action = action;
    this.metadataMatch = leaf.metadataMatch;
  }

  get destination(): PickContext['destination'] {
    return this.#stream.connection.downstream.local;
  }

  /** Only the first try goes where the session wants it: others are made because it failed. */
  get overrideHost(): PickContext['overrideHost'] {
    return this.#retrying ? undefined : this.#stream.overrideHost;
  }

  /** Only tries after the first are particular. */
  get redraws(): number {
    return this.#tried === undefined ? 0 : (this.#action.retry?.hostDraws ?? 0);
  }

  header(name: string): string | undefined {
    const { request } = this.#stream;
    return name === ':authority' ? request.authority : request.header(name);
  }

  metadata(namespace: string): { readonly [key: string]: unknown } | undefined {
    return this.#stream.peer.metadata(namespace);
  }

  hash(): Hash64 | undefined {
    const { hash } = this.#action;
    return requestHash(hash, this.#stream.request, this.#stream.peer, generatedCookies(this.#stream, hash));
  }

  excludes(candidate: unknown): boolean {
    const { retry } = this.#action;
    if (retry === undefined) return false;
    const endpoint = candidate as Endpoint;
    if (retry.avoidPreviousHosts && this.#tried?.includes(endpoint)) return true;
    const metadata = endpoint.placement.spec.metadata[LB_NAMESPACE];
    if (retry.omitCanaries && metadata?.['canary'] === true) return true;
    return (
      retry.omitMetadata?.criteria.every(
        ([name, value]) => JSON.stringify(metadata?.[name]) === JSON.stringify(value),
      ) ?? false
    );
  }

  /** For the next attempt; undefined where there is nobody. */
  next(cluster: Cluster): Endpoint | undefined {
    const { retry } = this.#action;
    const endpoint = cluster.pick(this);
    this.#retrying = true;
    if (endpoint === undefined || retry === undefined) return endpoint;
    if (retry.avoidPreviousHosts || retry.omitCanaries || retry.omitMetadata !== undefined) {
      this.#tried ??= [];
      this.#tried.push(endpoint);
    }
    if (retry.priorityUpdateFrequency > 0) this.#leavePriority(endpoint, retry.priorityUpdateFrequency);
    return endpoint;
  }

  /** Every so many tries the priorities that were tried are left. */
  #leavePriority(endpoint: Endpoint, every: number): void {
    this.#priorities ??= [];
    this.#priorities.push(endpoint.placement.locality.priority);
    if (this.#priorities.length % every === 0) this.avoidedPriorities = new Set(this.#priorities);
  }

  #priorities: number[] | undefined;
}
