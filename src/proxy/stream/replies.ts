import type { HttpStats } from '../observe/envoy-stats.ts';
import { FLAG } from '../observe/response-flags.ts';
import type { Reply } from './http-filter.ts';
import type { RequestState } from './request-state.ts';
import type { RouteAction, RouteLeaf } from './route-table.ts';

/** The leaf of requests that no route takes: filters run on them too, so that policy answers before 404 does. */
export const NO_ROUTE: RouteLeaf = {
  route: '',
  cluster: '',
  clusterHeader: '',
  requestHeaders: undefined,
  responseHeaders: undefined,
  overrides: new Map(),
  disabledFilters: new Set(),
  rateLimits: undefined,
  hostRewrite: undefined,
  metadataMatch: undefined,
};

/** Answers of the engine itself: status, text and details as Envoy's. */
export const REPLIES = {
  streamIdle: {
    status: 408,
    body: 'stream timeout',
    details: 'stream_idle_timeout',
    flags: FLAG.streamIdleTimeout,
  },
  requestTime: { status: 408, body: 'request timeout', details: 'request_overall_timeout' },
  tooLarge: { status: 413, body: 'Payload Too Large', details: 'request_payload_too_large' },
  /** Virtual hosts that come on demand: nobody has said yet what answers for this one. */
  hostUnknown: {
    status: 503,
    body: 'The control plane has not said where this host leads, and it was never called before.',
    details: 'on_demand_host_unknown',
    flags: FLAG.noClusterFound,
  },
  noHost: { status: 400, body: '', details: 'missing_host_header' },
  upgrade: { status: 403, body: '', details: 'upgrade_failed' },
  filterFailed: (error: Error): Reply => ({
    status: 500,
    body: `A filter failed: ${error.message}`,
    details: 'filter_chain_failed',
  }),
} as const;

/** 404, with a sentence where callers may know. */
export function noRoute(reason: string, explains: boolean): Reply {
  return {
    status: 404,
    body: explains ? sentence(reason) : '',
    details: 'route_not_found',
    flags: FLAG.noRouteFound,
  };
}

/** A redirect to the same place over TLS. */
export function tlsRequired(request: RequestState): Reply {
  const location = `https://${request.authority}${request.path}`;
  return { status: 301, body: '', details: 'redirect', headers: ['location', location] };
}

/** What routes answer by themselves. */
export function routeReply(
  action: Exclude<RouteAction, { kind: 'forward' }>,
  request: RequestState,
  stats: HttpStats,
): Reply {
  switch (action.kind) {
    case 'redirect':
      stats.rq_redirect++;
      stats.rq_direct_response++;
      return {
        status: action.status,
        body: '',
        details: 'direct_response',
        headers: ['location', action.location(request)],
        applyRouteHeaders: true,
      };
    case 'direct':
      stats.rq_direct_response++;
      return {
        status: action.status,
        body: action.body,
        details: 'direct_response',
        ...(action.location && { headers: ['location', action.location(request)] }),
        applyRouteHeaders: true,
      };
    case 'none':
      return { ...noRoute('the route is only for filters and forwards nothing', true), status: 503 };
  }
}

/** A sentence has a capital and an end. */
function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}
