import type { Result } from '../../../../lib/result.ts';
import type { Headers } from '../../../../wire/headers.ts';
import { FLAG } from '../../../observe/response-flags.ts';
import type { Counter, StatScope } from '../../../observe/stat-scope.ts';
import { applyOperations } from '../../../stream/header-operations.ts';
import type {
  FilterStream,
  HttpFilter,
  HttpFilterContext,
  HttpFilterKind,
  Reply,
  Verdict,
} from '../../../stream/http-filter.ts';
import { choosePolicies, type Descriptor, type RateLimitPolicy } from '../../../stream/rate-limit-policy.ts';
import type { RouteLeaf } from '../../../stream/route-table.ts';
import { callGrpc, type GrpcFailure } from '../grpc-call.ts';
import {
  lowerRateLimit,
  lowerRateLimitRoute,
  RATELIMIT_MESSAGE,
  RATELIMIT_ROUTE_MESSAGE,
  type RateLimitConfig,
  type RateLimitRouteConfig,
} from './config.ts';
import { headersOf, limitHeaders, type RateLimitAnswer, SHOULD_RATE_LIMIT } from './service.ts';

/**
 * Asks a service that counts for many proxies whether a request is one too many. In: what the route's rate_limits make
 * of the request. Out: the request, or 429. Where the service does not answer the request goes on, unless told otherwise.
 */
export const rateLimitKind: HttpFilterKind = {
  message: RATELIMIT_MESSAGE,
  routeMessage: RATELIMIT_ROUTE_MESSAGE,
  lower(message, context) {
    const config = lowerRateLimit(message, context);
    return {
      name: context.name,
      forRoute(overrides, leaf) {
        const route = overrides[0] as RateLimitRouteConfig | undefined;
        const option = route?.virtualHost ?? 'OVERRIDE';
        const policies = choosePolicies(leaf.rateLimits, route?.policies ?? [], option, config.stage);
        if (policies.length === 0) return undefined;
        return makeRateLimit({ ...config, domain: route?.domain || config.domain }, policies, leaf, context);
      },
    };
  },
  lowerRoute: lowerRateLimitRoute,
};

/** `cluster.NAME.ratelimit.` */
interface RateLimitStats {
  readonly ok: Counter;
  readonly over_limit: Counter;
  readonly error: Counter;
  readonly failure_mode_allowed: Counter;
}

function statsOf(scope: StatScope): RateLimitStats {
  return {
    ok: scope.counter('ok'),
    over_limit: scope.counter('over_limit'),
    error: scope.counter('error'),
    failure_mode_allowed: scope.counter('failure_mode_allowed'),
  };
}

function makeRateLimit(
  config: RateLimitConfig,
  policies: readonly RateLimitPolicy[],
  leaf: RouteLeaf,
  { runtime }: HttpFilterContext,
): HttpFilter {
  const own = {};
  const toClient = (stream: FilterStream): Headers => stream.stateOf(own, (): Headers => []);
  const stats = statsOf(runtime.metrics.scope(`cluster.${leaf.cluster}.ratelimit.${config.statPrefix}`));
  const { domain, requestType } = config;
  return {
    requestHeaders(stream): Verdict {
      if (requestType !== 'both' && isInternal(stream) !== (requestType === 'internal')) return undefined;
      const descriptors: Descriptor[] = [];
      for (const policy of policies) {
        const descriptor = policy.descriptor(stream, runtime.node.cluster);
        if (descriptor !== undefined) descriptors.push(descriptor);
      }
      if (descriptors.length === 0) return undefined;
      const cluster = runtime.cluster(config.service.cluster);
      const question = { domain, descriptors };
      return callGrpc<RateLimitAnswer>(
        cluster,
        config.service,
        SHOULD_RATE_LIMIT,
        question,
        stream.clock,
      ).then((answer) => (stream.over ? undefined : decide(stream, answer, config, stats, toClient(stream))));
    },
    responseHeaders(stream) {
      stream.response.headers.push(...toClient(stream));
      return undefined;
    },
  };
}

function isInternal({ request }: FilterStream): boolean {
  return request.header('x-envoy-internal') === 'true';
}

function decide(
  stream: FilterStream,
  answer: Result<RateLimitAnswer, GrpcFailure>,
  config: RateLimitConfig,
  stats: RateLimitStats,
  toClient: Headers,
): Reply | undefined {
  if (!answer.ok) return unanswered(config, stats);
  const { overall_code, statuses = [], dynamic_metadata } = answer.value;
  if (dynamic_metadata !== undefined) stream.setMetadata('envoy.filters.http.ratelimit', dynamic_metadata);
  if (config.tellsLimits) toClient.push(...limitHeaders(statuses));
  toClient.push(...headersOf(answer.value.response_headers_to_add));
  if (overall_code === 'OVER_LIMIT') {
    stats.over_limit.value++;
    return overLimit(stream, answer.value, config);
  }
  if (overall_code !== 'OK') return unanswered(config, stats);
  stats.ok.value++;
  stream.request.headers.push(...headersOf(answer.value.request_headers_to_add));
  return undefined;
}

/** What the service wants told of it is added by the response hook, as to every answer. */
function overLimit(stream: FilterStream, answer: RateLimitAnswer, config: RateLimitConfig): Reply {
  const headers: Headers = config.marks ? ['x-envoy-ratelimited', 'true'] : [];
  applyOperations([config.responseHeaders], headers, stream.facts);
  return {
    status: config.limitedStatus,
    body: answer.raw_body === undefined ? '' : atob(answer.raw_body),
    headers,
    details: 'request_rate_limited',
    flags: FLAG.rateLimited,
    ...(config.grpcStatus === undefined ? {} : { grpcStatus: config.grpcStatus }),
  };
}

function unanswered(config: RateLimitConfig, stats: RateLimitStats): Reply | undefined {
  stats.error.value++;
  if (config.failureDenies)
    return {
      status: config.statusOnError,
      body: '',
      details: 'rate_limiter_error',
      flags: FLAG.rateLimitServiceError,
    };
  stats.failure_mode_allowed.value++;
  return undefined;
}
