import { refuseRest } from '../../../../xds/match/refuse.ts';
import type { AnyMessage } from '../../../../xds/resources.ts';
import type { HttpFilterContext } from '../../../stream/http-filter.ts';

/** extensions.filters.http.router.v3.Router. */
export interface RouterConfig {
  /** x-envoy-* headers that it would add are left out. */
  readonly suppressEnvoyHeaders: boolean;
  /** x-envoy-expected-rq-timeout-ms of a proxy before this one is this one's time-out. */
  readonly respectExpectedTimeout: boolean;
}

export const ROUTER_MESSAGE = 'envoy.extensions.filters.http.router.v3.Router';

export function lowerRouter(message: AnyMessage, context: HttpFilterContext): RouterConfig {
  const { '@type': _type, suppress_envoy_headers, respect_expected_rq_timeout, ...more } = message;
  // Statistics that cost or leave out what nobody can see here; spans are not made yet by anyone.
  const {
    dynamic_stats: _dynamic,
    start_child_span: _span,
    suppress_grpc_request_failure_code_stats: _grpc,
    ...rest
  } = more;
  refuseRest(context.refuse, context.field, rest);
  return {
    suppressEnvoyHeaders: suppress_envoy_headers === true,
    respectExpectedTimeout: respect_expected_rq_timeout === true,
  };
}
