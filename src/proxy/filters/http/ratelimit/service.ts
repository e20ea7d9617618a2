import type { Headers } from '../../../../wire/headers.ts';
import type { Json } from '../../../../xds/resources.ts';
import type { GrpcMethod } from '../grpc-call.ts';

// What the rate limit service is asked and says (service.ratelimit.v3).

export const SHOULD_RATE_LIMIT: GrpcMethod = {
  path: '/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit',
  request: 'envoy.service.ratelimit.v3.RateLimitRequest',
  response: 'envoy.service.ratelimit.v3.RateLimitResponse',
};

export interface RateLimitAnswer {
  readonly overall_code?: string;
  readonly statuses?: readonly DescriptorStatus[];
  readonly response_headers_to_add?: readonly HeaderValue[];
  readonly request_headers_to_add?: readonly HeaderValue[];
  /** Base64. */
  readonly raw_body?: string;
  readonly dynamic_metadata?: { readonly [key: string]: Json };
}

interface HeaderValue {
  readonly key?: string;
  readonly value?: string;
}

interface DescriptorStatus {
  readonly current_limit?: {
    readonly name?: string;
    readonly requests_per_unit?: number;
    readonly unit?: string;
  };
  readonly limit_remaining?: number;
  /** `12s` */
  readonly duration_until_reset?: string;
}

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  SECOND: 1,
  MINUTE: 60,
  HOUR: 3600,
  DAY: 86_400,
  MONTH: 2_592_000,
  YEAR: 31_536_000,
};

/** x-ratelimit-* of draft 03: the limit that has least left, with the windows of all. Nothing where none has a limit. */
export function limitHeaders(statuses: readonly DescriptorStatus[]): Headers {
  let least: DescriptorStatus | undefined;
  let windows = '';
  for (const status of statuses) {
    const { current_limit } = status;
    if (current_limit === undefined) continue;
    if (least === undefined || (status.limit_remaining ?? 0) < (least.limit_remaining ?? 0)) least = status;
    const window = UNIT_SECONDS[current_limit.unit ?? ''];
    if (window === undefined) continue;
    windows += `, ${current_limit.requests_per_unit ?? 0};w=${window}`;
    if (current_limit.name) windows += `;name="${current_limit.name}"`;
  }
  if (least === undefined) return [];
  return [
    'x-ratelimit-limit',
    `${least.current_limit?.requests_per_unit ?? 0}${windows}`,
    'x-ratelimit-remaining',
    String(least.limit_remaining ?? 0),
    'x-ratelimit-reset',
    String(Math.trunc(Number.parseFloat(least.duration_until_reset ?? '0')) || 0),
  ];
}

/** HeaderValues as a flat list. */
export function headersOf(values: readonly HeaderValue[] | undefined): Headers {
  return (values ?? []).flatMap(({ key = '', value = '' }) => [key.toLowerCase(), value]);
}
