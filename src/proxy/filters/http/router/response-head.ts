import { setHeader } from '../../../../wire/headers.ts';
import { removeHopByHop } from '../../../../wire/http1/hop-by-hop.ts';
import type { UpstreamResponse } from '../../../stream/codec.ts';
import type { ForwardAction } from '../../../stream/route-table.ts';
import type { RoutedStream } from '../../../stream/routed-stream.ts';
import type { RouterConfig } from './config.ts';
import { cookiesToSet } from './hash-cookies.ts';

/** The head of a response as the router hands it on, changed in place. `serviceMs` is how long the upstream took. */
export function completeResponse(
  { headers }: UpstreamResponse,
  stream: RoutedStream,
  action: ForwardAction,
  config: RouterConfig,
  serviceMs: number,
): void {
  removeHopByHop(headers);
  if (!config.suppressEnvoyHeaders)
    setHeader(headers, 'x-envoy-upstream-service-time', String(Math.round(serviceMs)));
  if (action.makesCookies) for (const cookie of cookiesToSet(stream)) headers.push('set-cookie', cookie);
}
