import { type Headers, setHeader } from '../../../../wire/headers.ts';
import { refuseRest } from '../../../../xds/match/refuse.ts';
import type { Counter } from '../../../observe/stat-scope.ts';
import type { FilterStream, HttpFilter, HttpFilterKind, Reply } from '../../../stream/http-filter.ts';
import { CORS_MESSAGE, CORS_ROUTE_MESSAGE, type CorsConfig, lowerCorsPolicy } from './config.ts';

/** Cross-origin requests: preflights are answered here, other answers say which origins may read them. Only routes configure it. */
export const corsKind: HttpFilterKind = {
  message: CORS_MESSAGE,
  routeMessage: CORS_ROUTE_MESSAGE,
  lower({ '@type': _type, ...rest }, context) {
    refuseRest(context.refuse, context.field, rest);
    const valid = context.stats.counter('cors.origin_valid');
    const invalid = context.stats.counter('cors.origin_invalid');
    return {
      name: context.name,
      forRoute: (overrides) =>
        overrides[0] === undefined ? undefined : makeCors(overrides[0] as CorsConfig, valid, invalid),
    };
  },
  lowerRoute: lowerCorsPolicy,
};

function makeCors(config: CorsConfig, valid: Counter, invalid: Counter): HttpFilter {
  const key = {};
  return {
    requestHeaders(stream) {
      const origin = stream.request.header('origin');
      if (origin === undefined || origin === '') return undefined;
      const enabled = config.enabled(stream.random.uint32());
      if (!enabled && !config.counted(stream.random.uint32())) return undefined;
      const allowed = config.origins.some((test) => test(origin));
      (allowed ? valid : invalid).value++;
      if (!enabled) return undefined;
      if (isPreflight(stream)) {
        if (!allowed && config.forwardUnmatchedPreflights) return undefined;
        return preflightReply(config, allowed ? origin : undefined, stream);
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

/** `*` allows what is asked for, in the words of the question: with credentials browsers take `*` for a name. */
function echoed(allowed: string, asked: string | undefined): string {
  return allowed === '*' ? (asked ?? '') : allowed;
}

/** Without an origin the caller may do nothing, whatever the other headers say. */
function preflightReply(config: CorsConfig, origin: string | undefined, { request }: FilterStream): Reply {
  const headers: Headers = origin === undefined ? [] : ['access-control-allow-origin', origin];
  if (config.credentials) headers.push('access-control-allow-credentials', 'true');
  if (origin !== undefined && config.exposedHeaders !== '')
    headers.push('access-control-expose-headers', config.exposedHeaders);
  const methods = echoed(config.methods, request.header('access-control-request-method'));
  if (config.methods !== '') headers.push('access-control-allow-methods', methods);
  const allowed = echoed(config.allowedHeaders, request.header('access-control-request-headers'));
  if (config.allowedHeaders !== '') headers.push('access-control-allow-headers', allowed);
  if (config.maxAge !== '') headers.push('access-control-max-age', config.maxAge);
  if (config.privateNetwork && request.header('access-control-request-private-network') === 'true')
    headers.push('access-control-allow-private-network', 'true');
  return { status: 200, body: '', details: 'cors_response', headers };
}
