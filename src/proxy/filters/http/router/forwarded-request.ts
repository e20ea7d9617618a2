import type { Deadlines } from '../../../../lib/deadlines.ts';
import { type Headers, removeHeader, setHeader } from '../../../../wire/headers.ts';
import type { Reply } from '../../../stream/http-filter.ts';
import type { ForwardAction, RouteLeaf } from '../../../stream/route-table.ts';
import type { RoutedStream } from '../../../stream/routed-stream.ts';
import type { Cluster } from '../../../upstream/cluster.ts';
import type { Endpoint } from '../../../upstream/endpoint.ts';
import { type AskedRetries, takeAskedRetries } from './asked-retries.ts';
import type { Attempt } from './attempt.ts';
import type { RouterConfig } from './config.ts';
import { type Failure, failureReply } from './failures.ts';
import { KeptBody } from './kept-body.ts';
import type { Mirror } from './mirror.ts';
import { rewriteRequest } from './request-head.ts';
import { hasEnvoyHeaders, type RequestTimes, requestTimes, tellTimes } from './request-times.ts';
import { isIdempotent } from './resend.ts';
import { TimeLimits } from './time-limits.ts';
import { tellUnreached } from './unreached.ts';

/** What the router has around it. One for all streams of a chain. */
export interface RouterEnvironment {
  readonly config: RouterConfig;
  readonly deadlines: Deadlines;
  readonly explains: boolean;
  readonly maxStreamMs: number;
  cluster(name: string): Cluster | undefined;
  /** Starts the copies of a request. */
  mirror(stream: RoutedStream, action: ForwardAction): readonly Mirror[];
  /** Tells the endpoint's proxy who calls. */
  introduce(headers: Headers, endpoint: Endpoint): void;
}

const NO_MIRRORS: readonly Mirror[] = [];
const NO_TIMES: RequestTimes = { totalMs: 0, perTryMs: 0, perTryIdleMs: 0, streamMs: undefined };

/** A request as it is forwarded, whichever try sends it: its head, its body, its times, and how it fails. */
export abstract class ForwardedRequest {
  protected readonly stream: RoutedStream;
  protected readonly action: ForwardAction;
  protected readonly leaf: RouteLeaf;
  protected readonly router: RouterEnvironment;
  protected cluster: Cluster | undefined;
  protected asked: AskedRetries | undefined;
  protected times = NO_TIMES;
  protected body: KeptBody | undefined;
  protected mirrors = NO_MIRRORS;
  protected limits: TimeLimits | undefined;
  /** How many tries there were. */
  protected attempts = 0;
  protected completeMs = 0;
  protected over = false;
  #alternative = false;

  constructor(stream: RoutedStream, action: ForwardAction, leaf: RouteLeaf, router: RouterEnvironment) {
    this.stream = stream;
    this.action = action;
    this.leaf = leaf;
    this.router = router;
  }

  /** The try under way, where there is one. */
  protected abstract get current(): Attempt | undefined;
  /** No try goes on. */
  protected abstract abortAll(): void;
  /** Nothing follows. */
  protected abstract end(): void;

  /** The head as all tries send it; headers in the order in which Envoy adds them. */
  protected prepare(headers: Headers): void {
    const { config } = this.router;
    const steered = hasEnvoyHeaders(headers);
    this.times = requestTimes(headers, this.action, config, steered);
    if (steered) {
      this.asked = takeAskedRetries(headers);
      this.#alternative = removeHeader(headers, 'x-envoy-upstream-rq-timeout-alt-response');
      // The name of statistics that are not kept.
      removeHeader(headers, 'x-envoy-upstream-alt-stat-name');
    }
    tellTimes(headers, this.times, this.action, config, this.hedges, 0);
    if (this.action.attemptCountInRequest) setHeader(headers, 'x-envoy-attempt-count', '1');
    rewriteRequest(this.stream, this.action, this.leaf, config);
  }

  protected get hedges(): boolean {
    return this.asked?.hedges ?? this.action.hedges;
  }

  /** Keeps what comes of the body as long as it may be sent again: by a retry, or because nobody saw it. */
  protected keepBody(): void {
    this.body = new KeptBody(this.action.bufferBytes);
    const { retry, internalRedirect } = this.action;
    if (retry !== undefined || this.asked !== undefined || internalRedirect !== undefined) return;
    if (isIdempotent(this.stream.request.method)) return;
    // Over HTTP/2 an endpoint can say that it did not look at a request.
    if (this.cluster?.config.http.protocol === 'http1') this.body.forget();
  }

  /** The time for the response counts from here. */
  protected requestComplete(): void {
    for (const mirror of this.mirrors) mirror.end();
    this.completeMs = this.stream.clock.monotonicMs();
    this.current?.requestComplete();
    const { totalMs } = this.times;
    if (totalMs > 0) this.timeLimits().limitResponse(totalMs);
  }

  protected timeLimits(): TimeLimits {
    this.limits ??= new TimeLimits(this.router.deadlines, (limit) => {
      if (limit === 'response') this.timedOut();
      else this.tooLong();
    });
    return this.limits;
  }

  protected tooLong(): void {
    const failure = { kind: 'max-duration', message: 'The request took longer than a stream may.' } as const;
    if (this.stream.responseStarted) this.cut(failure);
    else this.fail(failure);
  }

  protected timedOut(): void {
    if (this.over) return;
    const cluster = this.cluster!;
    cluster.stats.upstream_rq_timeout++;
    const { endpoint } = this.current ?? {};
    if (endpoint !== undefined) {
      endpoint.counts.rq_timeout++;
      cluster.report(endpoint, 'local-origin-failure');
    }
    const message = `${endpoint?.address ?? `Cluster ${cluster.name}`} did not answer within ${this.times.totalMs} ms.`;
    if (this.stream.responseStarted) this.cut({ kind: 'timeout', message });
    else this.fail({ kind: 'timeout', message });
  }

  /** The response had begun: the client sees it cut. */
  protected cut(failure: Failure): void {
    const reply = failureReply(failure, false, 503, 1);
    const details = reply.details.replace('before_response_started', 'after_response_started');
    this.end();
    this.abortAll();
    this.stream.fail({ ...reply, details });
  }

  protected fail(failure: Failure): void {
    if (this.over) return;
    this.end();
    this.abortAll();
    const reply = failureReply(
      failure,
      this.router.explains,
      this.action.clusterNotFoundStatus,
      this.attempts,
    );
    const told = tellUnreached(this.#otherStatus(reply, failure), failure, this.stream);
    this.#countReply(told.status);
    this.stream.fail(told);
  }

  /** An answer in the place of the cluster's counts as one of its. */
  #countReply(status: number): void {
    const { stats } = this.cluster ?? {};
    if (stats === undefined) return;
    stats.upstream_rq_completed++;
    stats.statuses.add(status);
  }

  /** Who waited too long for the rest of the request says so, who waited for the answer that. */
  #otherStatus(reply: Reply, { kind }: Failure): Reply {
    if (kind === 'max-duration' && this.stream.requestEnded) return { ...reply, status: 504 };
    return kind === 'timeout' && this.#alternative ? { ...reply, status: 204 } : reply;
  }
}
