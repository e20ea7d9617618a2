import type { Headers } from '../../../../wire/headers.ts';
import { isInShare } from '../../../../xds/match/fraction.ts';
import { FLAG } from '../../../observe/response-flags.ts';
import { applyOperations } from '../../../stream/header-operations.ts';
import type { FilterStream, HttpFilter, HttpFilterKind, Reply } from '../../../stream/http-filter.ts';
import {
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
      forRoute: (overrides) => makeLimit((overrides[0] as LocalRateLimitConfig | undefined) ?? own),
    };
  },
  lowerRoute: lowerRouteRateLimit,
};

function makeLimit(config: LocalRateLimitConfig): HttpFilter | undefined {
  const { bucket, enabled, tellsLimits } = config;
  if (bucket === undefined || enabled === 0) return undefined;
  const counted = {};
  const requestHeaders = (stream: FilterStream): Reply | undefined => {
    if (!isInShare(enabled, stream.random.uint32())) return undefined;
    if (tellsLimits) stream.stateOf(counted, () => ({ counted: false })).counted = true;
    return bucket.take(stream.clock.monotonicMs()) ? undefined : limited(config, stream);
  };
  if (!tellsLimits) return { requestHeaders };
  return {
    requestHeaders,
    responseHeaders(stream) {
      if (stream.stateOf(counted, () => ({ counted: false })).counted)
        tellLimits(bucket, stream.response.headers);
      return undefined;
    },
  };
}

/** The answer where limits are enforced; else a mark on the request, which goes on. */
function limited(config: LocalRateLimitConfig, stream: FilterStream): Reply | undefined {
  const { enforced, requestHeaders, responseHeaders, status, grpcStatus } = config;
  if (!isInShare(enforced, stream.random.uint32())) {
    applyOperations([requestHeaders], stream.request.headers, stream.facts);
    return undefined;
  }
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
