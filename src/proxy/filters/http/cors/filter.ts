import { type Headers, setHeader } from '../../../../wire/headers.ts';
import { refuseRest } from '../../../../xds/match/refuse.ts';
import type { FilterStream, HttpFilter, HttpFilterKind, Reply } from '../../../stream/http-filter.ts';
import { CORS_MESSAGE, CORS_ROUTE_MESSAGE, type CorsConfig, lowerCorsPolicy } from './config.ts';

/** Cross-origin requests: preflights are answered here, other answers say which origins may read them. Only routes configure it. */
export const corsKind: HttpFilterKind = {
  message: CORS_MESSAGE,
  routeMessage: CORS_ROUTE_MESSAGE,
  lower({ '@type': _type, ...rest }, context) {
    refuseRest(context.refuse, context.field, rest);
    return {
      name: context.name,
      forRoute: (overrides) =>
        overrides[0] === undefined ? undefined : makeCors(overrides[0] as CorsConfig),
    };
  },
  lowerRoute: lowerCorsPolicy,
};

function makeCors(config: CorsConfig): HttpFilter {
  const key = {};
  return {
    requestHeaders(stream) {
      const origin = stream.request.header('origin');
      if (origin === undefined || origin === '' || !config.enabled(stream.random.uint32())) return undefined;
      const allowed = config.origins.some((test) => test(origin));
      if (isPreflight(stream)) {
        if (allowed) return preflightReply(config, origin, stream);
        return config.forwardUnmatchedPreflights
          ? undefined
          : { status: 200, body: '', details: 'cors_response' };
      }
      if (allowed) stream.stateOf(key, () => origin);
      return undefined;
    },
    responseHeaders(stream) {
      const origin = stream.stateOf(key, () => '');
      if (origin === '') return undefined;
      const { headers } = stream.response;
      setHeader(headers, 'access-control-allow-origin', origin);
      if (config.credentials) setHeader(headers, 'access-control-allow-credentials', 'true');
      if (config.exposedHeaders !== '')
        setHeader(headers, 'access-control-expose-headers', config.exposedHeaders);
      return undefined;
    },
  };
}

function isPreflight({ request }: FilterStream): boolean {
  return request.method === 'OPTIONS' && (request.header('access-control-request-method') ?? '') !== '';
}

function preflightReply(config: CorsConfig, origin: string, { request }: FilterStream): Reply {
  const headers: Headers = ['access-control-allow-origin', origin];
  if (config.credentials) headers.push('access-control-allow-credentials', 'true');
  if (config.methods !== '') headers.push('access-control-allow-methods', config.methods);
  if (config.allowedHeaders !== '') headers.push('access-control-allow-headers', config.allowedHeaders);
  if (config.maxAge !== '') headers.push('access-control-max-age', config.maxAge);
  if (config.privateNetwork && request.header('access-control-request-private-network') === 'true')
    headers.push('access-control-allow-private-network', 'true');
  return { status: 200, body: '', details: 'cors_response', headers };
}
