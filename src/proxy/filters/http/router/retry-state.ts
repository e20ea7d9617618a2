import type { Random } from '../../../../lib/random.ts';
import { getHeader, type Headers } from '../../../../wire/headers.ts';
import { joined, type RequestState } from '../../../stream/request-state.ts';
import { parseConditions, type RetryCondition, type RetryPolicy } from '../../../stream/retry-policy.ts';
import type { Cluster } from '../../../upstream/cluster.ts';
import type { Failure } from './failures.ts';

/** Conditions that a failure without response meets. */
const MEETS: Readonly<Partial<Record<Failure['kind'], readonly RetryCondition[]>>> = {
  'connect-failure': ['connect-failure', '5xx', 'gateway-error', 'reset', 'reset-before-request'],
  'connect-timeout': ['connect-failure', '5xx', 'gateway-error', 'reset', 'reset-before-request'],
  termination: ['5xx', 'gateway-error', 'reset'],
  'remote-reset': ['5xx', 'gateway-error', 'reset'],
  'stream-reset': ['5xx', 'gateway-error', 'reset'],
  'protocol-error': ['5xx', 'gateway-error', 'reset'],
  refused: ['refused-stream', '5xx', 'gateway-error', 'reset'],
  'per-try-timeout': ['5xx', 'gateway-error', 'reset'],
};

/** gRPC statuses by their condition. */
const GRPC: Readonly<Record<string, RetryCondition>> = {
  '1': 'cancelled',
  '4': 'deadline-exceeded',
  '8': 'resource-exhausted',
  '13': 'internal',
  '14': 'unavailable',
};

/** A request's tries: what may still be tried, and how long to wait before. */
export class RetryState {
  readonly policy: RetryPolicy;
  readonly #on: ReadonlySet<RetryCondition>;
  readonly #statusCodes: readonly number[];
  readonly #random: Random;
  #left: number;
  #backOffMs: number;

  constructor(policy: RetryPolicy, request: RequestState, random: Random) {
    this.policy = policy;
    this.#random = random;
    const asked = request.header('x-envoy-retry-on') ?? request.header('x-envoy-retry-grpc-on');
    this.#on = asked === undefined ? policy.on : new Set([...policy.on, ...parseConditions(asked, () => {})]);
    this.#left = wholeNumber(request.header('x-envoy-max-retries')) ?? policy.retries;
    const codes = request.header('x-envoy-retriable-status-codes');
    this.#statusCodes =
      codes === undefined ? policy.statusCodes : [...policy.statusCodes, ...codes.split(',').map(Number)];
    this.#backOffMs = policy.baseMs;
  }

  /** Whether anything is left to retry with. */
  get exhausted(): boolean {
    return this.#left <= 0;
  }

  /** `sent`: bytes of the request may have reached the upstream. */
  wantsFailure(failure: Failure, sent: boolean): boolean {
    const met = MEETS[failure.kind];
    if (met === undefined) return false;
    if (!sent && this.#on.has('reset-before-request')) return true;
    return met.some((condition) => this.#on.has(condition));
  }

  wantsResponse(status: number, headers: Headers): boolean {
    const on = this.#on;
    if (on.has('5xx') && status >= 500) return true;
    if (on.has('gateway-error') && status >= 502 && status <= 504) return true;
    if (on.has('retriable-4xx') && status === 409) return true;
    if (on.has('retriable-status-codes') && this.#statusCodes.includes(status)) return true;
    if (on.has('envoy-ratelimited') && getHeader(headers, 'x-envoy-ratelimited') !== undefined) return true;
    const grpc = GRPC[getHeader(headers, 'grpc-status') ?? ''];
    if (grpc !== undefined && on.has(grpc)) return true;
    return on.has('retriable-headers') && this.#headersMatch(status, headers);
  }

  /** Takes one of the tries: how long to wait first, undefined where there is none or the cluster retries too much. `nowMs` is wall time. */
  take(cluster: Cluster, responseHeaders: Headers | undefined, nowMs: number): number | undefined {
    if (this.#left <= 0) return undefined;
    if (!mayRetry(cluster)) {
      cluster.stats.upstream_rq_retry_overflow++;
      return undefined;
    }
    this.#left--;
    const asked = this.#askedMs(responseHeaders, nowMs);
    if (asked !== undefined) return asked;
    const waitMs = this.#random.next() * this.#backOffMs;
    this.#backOffMs = Math.min(this.policy.maxMs, this.#backOffMs * 2);
    return waitMs;
  }

  /** How long the response asks to wait (rate_limited_retry_back_off). */
  #askedMs(headers: Headers | undefined, nowMs: number): number | undefined {
    const { rateLimited } = this.policy;
    if (rateLimited === undefined || headers === undefined) return undefined;
    for (const { name, format } of rateLimited.headers) {
      const value = wholeNumber(getHeader(headers, name));
      if (value === undefined) continue;
      const ms = format === 'seconds' ? value * 1000 : value * 1000 - nowMs;
      if (ms >= 0 && ms <= rateLimited.maxMs) return ms;
    }
    return undefined;
  }

  #headersMatch(status: number, headers: Headers): boolean {
    const facts = {
      method: '',
      path: '',
      authority: '',
      scheme: '',
      header: (name: string) => (name === ':status' ? String(status) : joined(headers, name)),
    };
    return this.policy.retriableHeaders.some((matches) => matches(facts));
  }
}

/** False where the policy surely has nothing to say about a response: nearly every response. */
export function mayWant(
  policy: RetryPolicy | undefined,
  { status, headers }: { readonly status: number; readonly headers: Headers },
): boolean {
  if (policy === undefined) return false;
  if (status >= 400 || policy.statusCodes.length > 0 || policy.retriableHeaders.length > 0) return true;
  return policy.on.has('envoy-ratelimited') || getHeader(headers, 'grpc-status') !== undefined;
}

/** The state for a request, undefined where it is never tried again. */
export function retryStateOf(
  policy: RetryPolicy | undefined,
  request: RequestState,
  random: Random,
): RetryState | undefined {
  if (policy === undefined) return undefined;
  if (policy.requestHeaders.length > 0 && !policy.requestHeaders.some((matches) => matches(request)))
    return undefined;
  return new RetryState(policy, request, random);
}

/** The circuit breaker of retries: a number, or a share of the requests under way. */
function mayRetry(cluster: Cluster): boolean {
  const { maxRetries, retryBudget } = cluster.config.limits;
  if (retryBudget === undefined) return cluster.activeRetries < maxRetries;
  const allowed = Math.max(
    retryBudget.minConcurrency,
    (retryBudget.percent / 100) * cluster.stats.upstream_rq_active,
  );
  return cluster.activeRetries < allowed;
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : undefined;
}
