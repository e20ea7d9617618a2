import { refuseRest } from '../../../../xds/match/refuse.ts';
import type { HttpFilterKind } from '../../../stream/http-filter.ts';

/** Statistics of gRPC: Istio's metrics have the status of every call already; messages in streams are not counted yet. */
export const grpcStatsKind: HttpFilterKind = {
  message: 'envoy.extensions.filters.http.grpc_stats.v3.FilterConfig',
  routeMessage: '',
  lower(message, { name, refuse, field }) {
    const {
      '@type': _type,
      emit_filter_state: _emit,
      stats_for_all_methods: _all,
      enable_upstream_stats: _up,
      ...rest
    } = message;
    const {
      individual_method_stats_allowlist: _list,
      replace_dots_in_grpc_service_name: _dots,
      ...unknown
    } = rest;
    refuseRest(refuse, field, unknown);
    return { name, forRoute: () => undefined };
  },
  lowerRoute: () => undefined,
};
