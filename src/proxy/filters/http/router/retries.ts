import type { Timer } from '../../../../lib/clock.ts';
import type { Headers } from '../../../../wire/headers.ts';
import { FLAG } from '../../../observe/response-flags.ts';
import type { RoutedStream } from '../../../stream/routed-stream.ts';
import type { Breaker } from '../../../upstream/breaker.ts';
import type { Cluster } from '../../../upstream/cluster.ts';
import type { Failure } from './failures.ts';
import type { RetryState } from './retry-state.ts';

/** The tries of a request after its first: the pauses between them, and what the cluster counts of them. */
export class Retries {
  readonly #state: RetryState;
  readonly #cluster: Cluster;
  readonly #breaker: Breaker;
  readonly #stream: RoutedStream;
  #pause: Timer | undefined;
  #counted = false;

  constructor(state: RetryState, cluster: Cluster, highPriority: boolean, stream: RoutedStream) {
    this.#state = state;
    this.#cluster = cluster;
    this.#breaker = cluster.breakers.of(highPriority);
    this.#stream = stream;
  }

  /** Another try is waited for. */
  get pending(): boolean {
    return this.#pause !== undefined;
  }

  /** `sent`: bytes of the request may have reached the upstream. */
  wantsFailure(failure: Failure, sent: boolean): boolean {
    return this.#state.wantsFailure(failure, sent);
  }

  wantsResponse(status: number, headers: Headers): boolean {
    return this.#state.wantsResponse(status, headers);
  }

  /** Another try after a pause; false where there is none. */
  again(responseHeaders: Headers | undefined, start: () => void): boolean {
    const { clock } = this.#stream;
    const { stats } = this.#cluster;
    // The try that is over makes room for the next.
    this.#uncount();
    const waitMs = this.#state.take(this.#cluster, this.#breaker, responseHeaders, clock.nowMs());
    if (waitMs === undefined) {
      if (this.#state.exhausted) this.#limitReached();
      else if (!this.#breaker.mayRetry()) this.#stream.addFlags(FLAG.upstreamOverflow);
      return false;
    }
    stats.upstream_rq_retry++;
    this.#breaker.retries++;
    this.#counted = true;
    this.#pause = clock.setTimeout(() => {
      this.#pause = undefined;
      start();
    }, waitMs);
    return true;
  }

  /** A response goes to the client. */
  answered(status: number): void {
    if (this.#counted && status < 500) this.#cluster.stats.upstream_rq_retry_success++;
    this.end();
  }

  /** There will be no further try. */
  end(): void {
    this.#pause?.cancel();
    this.#pause = undefined;
    this.#uncount();
  }

  #uncount(): void {
    if (this.#counted) this.#breaker.retries--;
    this.#counted = false;
  }

  #limitReached(): void {
    this.#cluster.stats.upstream_rq_retry_limit_exceeded++;
    this.#stream.addFlags(FLAG.upstreamRetryLimitExceeded);
  }
}
