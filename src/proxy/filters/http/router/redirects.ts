import { getHeader, type Headers, removeHeader, setHeader } from '../../../../wire/headers.ts';
import type { UpstreamResponse } from '../../../stream/codec.ts';
import type { InternalRedirectPolicy } from '../../../stream/internal-redirect.ts';
import type { Route } from '../../../stream/route-table.ts';
import type { RedirectTarget, RoutedStream } from '../../../stream/routed-stream.ts';

// Redirects of upstreams that are followed here: the request goes through routes and filters once more, as if the
// client had asked for the new place.

/** Where the response redirects to, undefined where it is handed on to the client as it is. */
export function redirectTarget(
  { status, headers }: UpstreamResponse,
  policy: InternalRedirectPolicy,
  stream: RoutedStream,
): RedirectTarget | undefined {
  if (!policy.codes.has(status) || stream.upgrade !== '' || !stream.requestEnded) return undefined;
  if (stream.redirects.length >= policy.most) return undefined;
  const { request, route: current, redirects } = stream;
  const place = parsePlace(getHeader(headers, 'location') ?? '');
  if (place === undefined) return undefined;
  const from = stream.connection.downstream.tls === undefined ? 'http' : 'https';
  if (place.scheme !== from && !mayCross(policy, from)) return undefined;
  const toGet = status === 303 && request.method !== 'GET' && request.method !== 'HEAD';
  return {
    ...place,
    method: toGet ? 'GET' : request.method,
    withoutBody: toGet,
    headers: changedHeaders(request.headers, headers, policy, stream, toGet),
    accepts: (route) => mayVisit(current, route, redirects, policy),
  };
}

/** Safe is what does not pretend that a plain request came over TLS. */
function mayCross(policy: InternalRedirectPolicy, from: string): boolean {
  return policy.crossScheme && !(policy.safeCrossScheme && from === 'http');
}

/** No route leads to the same one twice. */
function mayVisit(
  from: Route,
  to: Route,
  redirects: RoutedStream['redirects'],
  policy: InternalRedirectPolicy,
): boolean {
  if (policy.onlyNewRoutes && redirects.some((one) => one.from === from && one.to === to)) return false;
  return policy.allowedRoutes?.has(to.name) ?? true;
}

/** An absolute URL; anything else is for the client. */
function parsePlace(
  location: string,
): { readonly scheme: string; readonly authority: string; readonly path: string } | undefined {
  const found = /^(https?):\/\/([^/?#@\s]+)([^#]*)/i.exec(location);
  if (found === null) return undefined;
  const [, to = '', host = '', path = ''] = found;
  return { scheme: to.toLowerCase(), authority: host, path: path.startsWith('/') ? path : `/${path}` };
}

function changedHeaders(
  before: Headers,
  response: Headers,
  policy: InternalRedirectPolicy,
  stream: RoutedStream,
  toGet: boolean,
): Headers {
  const headers = [...before];
  const { request } = stream;
  setHeader(headers, 'x-envoy-original-url', `${request.scheme}://${request.authority}${request.path}`);
  for (const name of policy.copied) {
    const value = getHeader(response, name);
    if (value === undefined) removeHeader(headers, name);
    else setHeader(headers, name, value);
  }
  if (toGet) for (const name of ['content-length', 'transfer-encoding']) removeHeader(headers, name);
  return headers;
}
