import { refuseRest } from '../../../../xds/match/refuse.ts';
import type { FilterStream, HttpFilter, HttpFilterKind, Reply } from '../../../stream/http-filter.ts';
import type { HostVerdict } from '../../../upstream/dynamic-endpoints.ts';

const MESSAGE = 'envoy.extensions.filters.http.dynamic_forward_proxy.v3.FilterConfig';
const ROUTE_MESSAGE = 'envoy.extensions.filters.http.dynamic_forward_proxy.v3.PerRouteConfig';

/** What a route says: the host in place of the request's. */
interface HostOverride {
  readonly literal: string;
  /** Lower case, '' for none. */
  readonly header: string;
}

/** What is asked of a cluster. */
type PrepareHost = (cluster: string, authority: string) => HostVerdict | Promise<HostVerdict>;

/**
 * Waits until the host of a request is resolved, where its cluster finds endpoints by that; passes all other requests.
 * Which cache of answers the configuration names does not matter: each cluster has its own.
 */
export const dynamicForwardProxyKind: HttpFilterKind = {
  message: MESSAGE,
  routeMessage: ROUTE_MESSAGE,
  lower({ '@type': _type, dns_cache_config: _cache, ...rest }, { name, runtime, refuse, field }) {
    refuseRest(refuse, field, rest);
    const prepare: PrepareHost = (cluster, authority) => runtime.cluster(cluster)?.prepareHost(authority);
    return { name, forRoute: (overrides) => makeFilter(prepare, overrides[0] as HostOverride | undefined) };
  },
  lowerRoute({ '@type': _type, ...message }, { refuse, field }) {
    const {
      host_rewrite_literal = '',
      host_rewrite_header = '',
      ...rest
    } = message as {
      readonly host_rewrite_literal?: string;
      readonly host_rewrite_header?: string;
    };
    refuseRest(refuse, field, rest);
    return {
      literal: host_rewrite_literal,
      header: host_rewrite_header.toLowerCase(),
    } satisfies HostOverride;
  },
};

function makeFilter(prepare: PrepareHost, override: HostOverride | undefined): HttpFilter {
  return {
    requestHeaders(stream) {
      if (override !== undefined) rewriteHost(stream, override);
      const verdict = prepare(stream.routeCluster, stream.request.authority);
      return verdict instanceof Promise ? verdict.then(replyTo) : replyTo(verdict);
    },
  };
}

function rewriteHost({ request }: FilterStream, { literal, header }: HostOverride): void {
  const host = literal || (header === '' ? '' : (request.header(header) ?? ''));
  // The Host header follows when the request is sent.
  if (host !== '') request.authority = host;
}

function replyTo(verdict: HostVerdict): Reply | undefined {
  if (verdict === undefined) return undefined;
  if (verdict === 'overflow')
    return { status: 503, body: 'DNS cache overflow', details: 'dns_cache_overflow' };
  return { status: 503, body: 'DNS resolution failure', details: 'dns_resolution_failure' };
}
