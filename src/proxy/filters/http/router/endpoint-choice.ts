import type { RetryPolicy } from '../../../stream/retry-policy.ts';
import type { RoutedStream } from '../../../stream/routed-stream.ts';
import type { Cluster, PickContext } from '../../../upstream/cluster.ts';
import type { Endpoint } from '../../../upstream/endpoint.ts';

/** Chooses the endpoints of a request's attempts: the cluster picks, and where the policy says so nobody twice. */
export class EndpointChoice implements PickContext {
  readonly #stream: RoutedStream;
  readonly #policy: RetryPolicy | undefined;
  #tried: Set<Endpoint> | undefined;

  constructor(stream: RoutedStream, policy: RetryPolicy | undefined) {
    this.#stream = stream;
    this.#policy = policy;
  }

  get destination(): PickContext['destination'] {
    return this.#stream.connection.downstream.local;
  }

  header(name: string): string | undefined {
    return this.#stream.request.header(name);
  }

  /** For the next attempt; undefined where there is nobody. Another draw is made only as often as the policy allows. */
  next(cluster: Cluster): Endpoint | undefined {
    let endpoint = cluster.pick(this);
    if (this.#policy === undefined || !this.#policy.avoidPreviousHosts) return endpoint;
    for (let draw = 0; draw < this.#policy.hostDraws && endpoint !== undefined; draw++) {
      if (!this.#tried?.has(endpoint)) break;
      endpoint = cluster.pick(this);
    }
    if (endpoint !== undefined) this.#tried = (this.#tried ?? new Set()).add(endpoint);
    return endpoint;
  }
}
