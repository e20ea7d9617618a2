import type { Random } from '../../../../lib/random.ts';
import { getHeader, type Headers } from '../../../../wire/headers.ts';
import { joined, type RequestState } from '../../../stream/request-state.ts';
import { type RetryCondition, type RetryPolicy, readRetryPolicy } from '../../../stream/retry-policy.ts';
import type { Breaker } from '../../../upstream/breaker.ts';
import type { Cluster } from '../../../upstream/cluster.ts';
import type { AskedRetries } from './asked-retries.ts';
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
  'per-try-idle': ['5xx', 'gateway-error', 'reset'],
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
  readonly #asked: AskedRetries | undefined;
  readonly #random: Random;
  #left: number;
  #backOffMs: number;

  constructor(
    policy: RetryPolicy,
    on: ReadonlySet<RetryCondition>,
    asked: AskedRetries | undefined,
    random: Random,
  ) {
    this.policy = policy;
    this.#on = on;
    this.#asked = asked;
    this.#random = random;
    this.#left = asked?.retries ?? policy.retries;
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
    // Who limits rates is not asked again, but where the policy says so.
    if (getHeader(headers, 'x-envoy-ratelimited') !== undefined) return on.has('envoy-ratelimited');
    if (on.has('5xx') && status >= 500) return true;
    if (on.has('gateway-error') && status >= 502 && status <= 504) return true;
    if (on.has('retriable-4xx') && status === 409) return true;
    if (on.has('retriable-status-codes') && this.#hasCode(status)) return true;
    const grpc = GRPC[getHeader(headers, 'grpc-status') ?? ''];
    if (grpc !== undefined && on.has(grpc)) return true;
    return on.has('retriable-headers') && this.#headersMatch(status, headers);
  }

  /** Takes one of the tries: how long to wait first, undefined where there is none or the cluster retries too much. `nowMs` is wall time. */
  take(
    cluster: Cluster,
    breaker: Breaker,
    responseHeaders: Headers | undefined,
    nowMs: number,
  ): number | undefined {
    if (this.#left <= 0) return undefined;
    if (!breaker.mayRetry()) {
      cluster.stats.upstream_rq_retry_overflow++;
      return undefined;
    }
    this.#left--;
    const asked = this.#askedMs(responseHeaders, nowMs);
    if (asked !== undefined) {
      cluster.stats.upstream_rq_retry_backoff_ratelimited++;
      return asked;
    }
    cluster.stats.upstream_rq_retry_backoff_exponential++;
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
      // Not all who were told the same come back at once.
      if (ms >= 0 && ms <= rateLimited.maxMs) return ms + this.#random.next() * (ms / 2);
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
    if (this.#asked?.responseHeaders.some((name) => getHeader(headers, name) !== undefined)) return true;
    return this.policy.retriableHeaders.some((matches) => matches(facts));
  }

  #hasCode(status: number): boolean {
    return this.policy.statusCodes.includes(status) || (this.#asked?.statusCodes.includes(status) ?? false);
  }
}

/** False where the policy surely has nothing to say about a response: nearly every response. */
export function mayWant(
  policy: RetryPolicy | undefined,
  asked: AskedRetries | undefined,
  { status, headers }: { readonly status: number; readonly headers: Headers },
): boolean {
  if (asked !== undefined) return true;
  if (policy === undefined) return false;
  if (status >= 400 || policy.statusCodes.length > 0 || policy.retriableHeaders.length > 0) return true;
  return policy.on.has('envoy-ratelimited') || getHeader(headers, 'grpc-status') !== undefined;
}

/** The state for a request, undefined where it is never tried again. */
export function retryStateOf(
  route: RetryPolicy | undefined,
  asked: AskedRetries | undefined,
  request: RequestState,
  random: Random,
): RetryState | undefined {
  const policy = route ?? NO_POLICY;
  const { requestHeaders } = policy;
  const applies = requestHeaders.length === 0 || requestHeaders.some((matches) => matches(request));
  const own = applies ? policy.on : NO_CONDITIONS;
  const on = asked === undefined || asked.on.size === 0 ? own : new Set([...own, ...asked.on]);
  return on.size === 0 ? undefined : new RetryState(policy, on, asked, random);
}

const NO_CONDITIONS: ReadonlySet<RetryCondition> = new Set();
/** What holds where only the caller asks for retries. */
const NO_POLICY = readRetryPolicy({}, () => {}, '');

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,12}$/.test(text) ? Number(text) : undefined;
}
