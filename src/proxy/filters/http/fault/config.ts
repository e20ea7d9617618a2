import type { RequestFacts } from '../../../../xds/match/facts.ts';
import { perMillion } from '../../../../xds/match/fraction.ts';
import { compileHeaderMatchers } from '../../../../xds/match/header-matcher.ts';
import { fieldIn, refuseRest } from '../../../../xds/match/refuse.ts';
import type { AnyMessage } from '../../../../xds/resources.ts';
import { readDurationMs } from '../../../fields.ts';
import type { MessageContext } from '../../../stream/http-filter.ts';

/** extensions.filters.http.fault.v3.HTTPFault. Shares are in parts of a million. */
export interface FaultConfig {
  readonly delay: { readonly share: number; readonly ms: number; readonly byHeader: boolean } | undefined;
  readonly abort:
    | {
        readonly share: number;
        readonly status: number;
        readonly grpcStatus: number | undefined;
        readonly byHeader: boolean;
      }
    | undefined;
  /** How fast responses are; `kibPerSecond` 0: as a header says. */
  readonly rate: { readonly share: number; readonly kibPerSecond: number } | undefined;
  /** '' is any. */
  readonly upstreamCluster: string;
  readonly headers: readonly ((request: RequestFacts) => boolean)[];
  readonly maxActive: number;
}

export const FAULT_MESSAGE = 'envoy.extensions.filters.http.fault.v3.HTTPFault';

type Percent = Parameters<typeof perMillion>[0];
interface Message {
  readonly delay?: {
    readonly fixed_delay?: string;
    readonly percentage?: Percent;
    readonly header_delay?: object;
    readonly type?: string;
  };
  readonly abort?: {
    readonly http_status?: number;
    readonly grpc_status?: number;
    readonly header_abort?: object;
    readonly percentage?: Percent;
  };
  readonly response_rate_limit?: {
    readonly fixed_limit?: { readonly limit_kbps?: number | string };
    readonly header_limit?: object;
    readonly percentage?: Percent;
  };
  readonly upstream_cluster?: string;
  readonly headers?: Parameters<typeof compileHeaderMatchers>[0];
  readonly max_active_faults?: number;
}

export function lowerFault(message: AnyMessage, { refuse, field }: MessageContext): FaultConfig {
  const {
    '@type': _type,
    delay,
    abort,
    upstream_cluster = '',
    headers,
    max_active_faults,
    response_rate_limit,
    ...more
  } = message as AnyMessage & Message;
  const { disable_downstream_cluster_stats: _stats, ...rest } = more;
  refuseRest(refuse, field, rest);
  return {
    delay: delay && {
      share: perMillion(delay.percentage),
      ms: readDurationMs(delay.fixed_delay, 0, refuse, fieldIn(field, 'delay.fixed_delay')),
      byHeader: delay.header_delay !== undefined,
    },
    abort: abort && readAbort(abort, refuse, fieldIn(field, 'abort')),
    rate: response_rate_limit && readRate(response_rate_limit, refuse, fieldIn(field, 'response_rate_limit')),
    upstreamCluster: upstream_cluster,
    headers: compileHeaderMatchers(headers, refuse, fieldIn(field, 'headers')),
    maxActive: max_active_faults ?? Number.POSITIVE_INFINITY,
  };
}

function readAbort(
  abort: NonNullable<Message['abort']>,
  refuse: MessageContext['refuse'],
  field: string,
): NonNullable<FaultConfig['abort']> {
  const { http_status, grpc_status, header_abort, percentage, ...rest } = abort;
  refuseRest(refuse, field, rest);
  const byHeader = header_abort !== undefined;
  if (http_status !== undefined && (http_status < 200 || http_status > 599))
    refuse(fieldIn(field, 'http_status'), 'is no status between 200 and 599');
  if (http_status === undefined && grpc_status === undefined && !byHeader) refuse(field, 'says no status');
  return { share: perMillion(percentage), status: http_status ?? 200, grpcStatus: grpc_status, byHeader };
}

function readRate(
  message: NonNullable<Message['response_rate_limit']>,
  refuse: MessageContext['refuse'],
  field: string,
): NonNullable<FaultConfig['rate']> {
  const { fixed_limit, header_limit, percentage, ...rest } = message;
  refuseRest(refuse, field, rest);
  const kibPerSecond = Number(fixed_limit?.limit_kbps ?? 0);
  if (fixed_limit === undefined && header_limit === undefined) refuse(field, 'says no limit');
  else if (fixed_limit !== undefined && kibPerSecond < 1)
    refuse(fieldIn(field, 'fixed_limit.limit_kbps'), 'is less than 1');
  return { share: perMillion(percentage), kibPerSecond };
}
