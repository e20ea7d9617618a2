import { FLAG } from '../../../observe/response-flags.ts';
import type { StreamReset } from '../../../stream/codec.ts';
import type { Reply } from '../../../stream/http-filter.ts';
import type { Cluster } from '../../../upstream/cluster.ts';
import type { PoolFailure } from '../../../upstream/http-pool.ts';

// What the router answers where no upstream did: Envoy's status, flag, details and text; then, where callers may know,
// a sentence of what happened and where.

const BEFORE_HEADERS = 'upstream connect error or disconnect/reset before headers. reset reason: ';

const DEADLINE_EXCEEDED = 4;

/** How an attempt ended without a response. */
export interface Failure {
  readonly kind:
    | 'no-cluster'
    | 'no-endpoint'
    | 'overflow'
    | 'connect-failure'
    | 'connect-timeout'
    | 'termination'
    | 'remote-reset'
    | 'stream-reset'
    | 'refused'
    | 'protocol-error'
    | 'per-try-timeout'
    | 'per-try-idle'
    | 'timeout'
    | 'max-duration'
    | 'dropped';
  /** A sentence for the person who reads it. */
  readonly message: string;
  /** What went wrong under HTTP, for %UPSTREAM_TRANSPORT_FAILURE_REASON%. */
  readonly transport?: string;
  /** It went wrong in TLS: Envoy's text says what, as it does not for TCP. */
  readonly tls?: boolean;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly details: string;
  readonly flags: number;
}

const ANSWERS: Readonly<Record<Failure['kind'], Answer>> = {
  'no-cluster': { status: 503, body: '', details: 'cluster_not_found', flags: FLAG.noClusterFound },
  'no-endpoint': {
    status: 503,
    body: 'no healthy upstream',
    details: 'no_healthy_upstream',
    flags: FLAG.noHealthyUpstream,
  },
  overflow: beforeHeaders('overflow', FLAG.upstreamOverflow),
  'connect-failure': beforeHeaders('remote connection failure', FLAG.upstreamConnectionFailure),
  'connect-timeout': beforeHeaders('connection timeout', FLAG.upstreamConnectionFailure),
  termination: beforeHeaders('connection termination', FLAG.upstreamConnectionTermination),
  'remote-reset': beforeHeaders('connection termination', FLAG.upstreamConnectionTermination),
  'stream-reset': beforeHeaders('remote reset', FLAG.upstreamRemoteReset),
  refused: beforeHeaders('remote refused stream reset', FLAG.upstreamRemoteReset),
  'protocol-error': { ...beforeHeaders('protocol error', FLAG.upstreamProtocolError), status: 502 },
  'per-try-timeout': {
    status: 504,
    body: 'upstream request timeout',
    details: 'upstream_per_try_timeout',
    flags: FLAG.upstreamRequestTimeout,
  },
  'per-try-idle': {
    status: 504,
    body: 'upstream request timeout',
    details: 'upstream_per_try_idle_timeout',
    flags: FLAG.streamIdleTimeout,
  },
  timeout: {
    status: 504,
    body: 'upstream request timeout',
    details: 'response_timeout',
    flags: FLAG.upstreamRequestTimeout,
  },
  'max-duration': {
    status: 408,
    body: 'downstream duration timeout',
    details: 'max_duration_timeout',
    flags: FLAG.durationTimeout,
  },
  dropped: { status: 503, body: 'drop overload', details: 'drop_overload', flags: FLAG.upstreamOverflow },
};

/** The answer for a failure; `explains` adds the sentence, `tries` is how often it was tried. */
export function failureReply(
  failure: Failure,
  explains: boolean,
  notFoundStatus: number,
  tries: number,
): Reply {
  const { body: first, status, details, flags } = ANSWERS[failure.kind];
  const body = tries > 1 ? first.replace(' reset reason: ', ' retried and the latest reset reason: ') : first;
  const text = failure.tls ? `${body}, transport failure reason: ${failure.transport}` : body;
  const overloaded = failure.kind === 'overflow' ? { headers: ['x-envoy-overloaded', 'true'] } : undefined;
  return {
    status: failure.kind === 'no-cluster' ? notFoundStatus : status,
    body: explains ? `${text}${text === '' ? '' : '\n'}${failure.message}` : text,
    details: failure.kind === 'connect-failure' ? withReason(details, failure.transport) : details,
    flags,
    applyRouteHeaders: failure.kind !== 'no-cluster' && failure.kind !== 'max-duration',
    ...(failure.kind === 'max-duration' ? { grpcStatus: DEADLINE_EXCEEDED } : {}),
    ...overloaded,
  };
}

/** `upstream_reset_before_response_started{remote_connection_failure|delayed_connect_error:_Connection_refused}` */
function withReason(details: string, transport: string | undefined): string {
  if (transport === undefined || !details.endsWith('}')) return details;
  return `${details.slice(0, -1)}|${transport.replaceAll(' ', '_')}}`;
}

/** Flags that say why, for an attempt that is not the last or cut a response that had begun. */
export function failureFlags(failure: Failure): number {
  return ANSWERS[failure.kind].flags;
}

export function fromPool(failure: PoolFailure, address: string): Failure {
  if (failure.reason === 'overflow')
    return { kind: 'overflow', message: `The limits of the cluster are reached: ${failure.message}.` };
  const kind = failure.reason === 'connect-timeout' ? 'connect-timeout' : 'connect-failure';
  return {
    kind,
    message: `Endpoint ${address}: ${failure.message}`,
    transport: transportText(failure),
    tls: failure.error?.code.startsWith('tls') ?? false,
  };
}

/** Envoy's words for the common ways a connection is not made; our own for others. */
function transportText({ error, message }: PoolFailure): string {
  switch (error?.code) {
    case 'connection_refused':
      return 'delayed connect error: Connection refused';
    case 'connection_reset':
      return 'delayed connect error: Connection reset by peer';
    case 'unreachable':
      return 'delayed connect error: No route to host';
    default:
      return message;
  }
}

export function fromReset(reset: StreamReset): Failure {
  return { kind: reset.reason, message: reset.message };
}

/** Why nobody could be picked, with numbers. */
export function noEndpoint(cluster: Cluster): Failure {
  const { endpoints } = cluster;
  const ejected = endpoints.filter(({ outlier }) => outlier.ejected).length;
  const healthy = endpoints.filter(({ health }) => health === 'healthy').length;
  const why = ejected > 0 ? ` (${ejected} ejected after failures)` : '';
  return {
    kind: 'no-endpoint',
    message: `Cluster ${cluster.name} has ${healthy} healthy of ${endpoints.length} endpoints${why}.`,
  };
}

function beforeHeaders(reason: string, flags: number): Answer {
  return {
    status: 503,
    body: BEFORE_HEADERS + reason,
    details: `upstream_reset_before_response_started{${reason.replaceAll(' ', '_')}}`,
    flags,
  };
}
