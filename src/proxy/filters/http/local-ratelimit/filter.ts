import type { Headers } from '../../../../wire/headers.ts';
import { isInShare } from '../../../../xds/match/fraction.ts';
import { FLAG } from '../../../observe/response-flags.ts';
import type { Counter, StatScope } from '../../../observe/stat-scope.ts';
import { applyOperations } from '../../../stream/header-operations.ts';
import type { FilterStream, HttpFilter, HttpFilterKind, Reply } from '../../../stream/http-filter.ts';
import { choosePolicies, type RateLimitPolicy } from '../../../stream/rate-limit-policy.ts';
import {
  descriptorKey,
  LOCAL_RATELIMIT_MESSAGE,
  type LocalRateLimitConfig,
  lowerLocalRateLimit,
  lowerRouteRateLimit,
} from './config.ts';
import type { TokenBucket } from './token-bucket.ts';

/** Limits how many requests come through this proxy. A route's own configuration, bucket and all, replaces the chain's. */
export const localRateLimitKind: HttpFilterKind = {
  message: LOCAL_RATELIMIT_MESSAGE,
  routeMessage: LOCAL_RATELIMIT_MESSAGE,
  lower(message, context) {
    const own = lowerLocalRateLimit(message, context);
    return {
      name: context.name,
      forRoute(overrides, leaf) {
        const config = (overrides[0] as LocalRateLimitConfig | undefined) ?? own;
        const stats = statsOf(context.runtime.metrics.scope(config.statPrefix));
        const policies =
          config.descriptors.size === 0
            ? []
            : choosePolicies(leaf.rateLimits, config.policies, config.hostPolicies, config.stage);
        return makeLimit(config, policies, stats, context.runtime.node.cluster);
      },
    };
  },
  lowerRoute: lowerRouteRateLimit,
};

/** `PREFIX.http_local_rate_limit.` */
interface LimitStats {
  readonly enabled: Counter;
  readonly enforced: Counter;
  readonly rate_limited: Counter;
  readonly ok: Counter;
}

function statsOf(scope: StatScope): LimitStats {
  return {
    enabled: scope.counter('enabled'),
    enforced: scope.counter('enforced'),
    rate_limited: scope.counter('rate_limited'),
    ok: scope.counter('ok'),
  };
}

function makeLimit(
  config: LocalRateLimitConfig,
  policies: readonly RateLimitPolicy[],
  stats: LimitStats,
  serviceCluster: string,
): HttpFilter | undefined {
  const { enabled, tellsLimits } = config;
  if ((config.bucket === undefined && policies.length === 0) || enabled === 0) return undefined;
  const counted = {};
  const requestHeaders = (stream: FilterStream): Reply | undefined => {
    if (!isInShare(enabled, stream.random.uint32())) return undefined;
    stats.enabled.value++;
    const buckets = policies.length === 0 ? NO_BUCKETS : bucketsOf(stream, config, policies, serviceCluster);
    const { allowed, by } = take(config, buckets, stream.clock.monotonicMs());
    if (tellsLimits && by !== undefined) stream.stateOf(counted, () => by);
    if (allowed) {
      stats.ok.value++;
      return undefined;
    }
    stats.rate_limited.value++;
    return limited(config, stream, stats);
  };
  if (!tellsLimits) return { requestHeaders };
  return {
    requestHeaders,
    responseHeaders(stream) {
      const by = stream.knownState<TokenBucket>(counted);
      if (by !== undefined) tellLimits(by, stream.response.headers);
      return undefined;
    },
  };
}

const NO_BUCKETS: readonly TokenBucket[] = [];

/** Those of what the request is counted as; the strictest first. */
function bucketsOf(
  stream: FilterStream,
  { descriptors }: LocalRateLimitConfig,
  policies: readonly RateLimitPolicy[],
  serviceCluster: string,
): readonly TokenBucket[] {
  const found = policies.flatMap((policy) => {
    const descriptor = policy.descriptor(stream, serviceCluster);
    return descriptor === undefined ? [] : (descriptors.get(descriptorKey(descriptor.entries)) ?? []);
  });
  return found.sort((a, b) => a.tokensPerMs - b.tokensPerMs);
}

/** Takes a token of every bucket that counts; `by` is the one that decided. */
function take(
  { bucket, alwaysDefault }: LocalRateLimitConfig,
  buckets: readonly TokenBucket[],
  nowMs: number,
): { readonly allowed: boolean; readonly by: TokenBucket | undefined } {
  for (const one of buckets) if (!one.take(nowMs)) return { allowed: false, by: one };
  const [first] = buckets;
  if (bucket === undefined || (first !== undefined && !alwaysDefault)) return { allowed: true, by: first };
  const allowed = bucket.take(nowMs);
  return { allowed, by: allowed ? (first ?? bucket) : bucket };
}

/** The answer where limits are enforced; else a mark on the request, which goes on. */
function limited(config: LocalRateLimitConfig, stream: FilterStream, stats: LimitStats): Reply | undefined {
  const { enforced, requestHeaders, responseHeaders, status, grpcStatus } = config;
  if (!isInShare(enforced, stream.random.uint32())) {
    applyOperations([requestHeaders], stream.request.headers, stream.facts);
    return undefined;
  }
  stats.enforced.value++;
  const headers: Headers = [];
  applyOperations([responseHeaders], headers, stream.facts);
  return {
    status,
    body: 'local_rate_limited',
    headers,
    details: 'local_rate_limited',
    flags: FLAG.rateLimited,
    ...(grpcStatus === undefined ? {} : { grpcStatus }),
  };
}

function tellLimits(bucket: TokenBucket, headers: Headers): void {
  headers.push('x-ratelimit-limit', String(bucket.maxTokens));
  headers.push('x-ratelimit-remaining', String(bucket.remaining));
  headers.push('x-ratelimit-reset', String(bucket.resetSeconds));
}
