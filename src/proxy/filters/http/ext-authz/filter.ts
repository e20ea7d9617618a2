import { type Headers, setHeader } from '../../../../wire/headers.ts';
import { isInShare } from '../../../../xds/match/fraction.ts';
import { FLAG } from '../../../observe/response-flags.ts';
import type { Runtime } from '../../../runtime.ts';
import type {
  FilterStream,
  HttpFilter,
  HttpFilterKind,
  Reply,
  Verdict,
} from '../../../stream/http-filter.ts';
import { type CallResult, callCluster } from '../cluster-call.ts';
import {
  EXT_AUTHZ_MESSAGE,
  EXT_AUTHZ_ROUTE_MESSAGE,
  type ExtAuthzConfig,
  type ExtAuthzRouteConfig,
  lowerExtAuthz,
  lowerExtAuthzRoute,
} from './config.ts';
import { denialOf, questionOf, takeOver } from './question.ts';

/**
 * Asks an HTTP service whether a request may go on. In: the request's head. Out: the request with the headers that the
 * service added, the service's own answer where it says no, or an error where it says nothing. Bodies are never told.
 */
export const extAuthzKind: HttpFilterKind = {
  message: EXT_AUTHZ_MESSAGE,
  routeMessage: EXT_AUTHZ_ROUTE_MESSAGE,
  lower(message, context) {
    const config = lowerExtAuthz(message, context);
    const filter = makeExtAuthz(config, context.runtime);
    return {
      name: context.name,
      forRoute: (overrides) =>
        (overrides[0] as ExtAuthzRouteConfig | undefined)?.disabled === true ? undefined : filter,
    };
  },
  lowerRoute: lowerExtAuthzRoute,
};

function makeExtAuthz(config: ExtAuthzConfig, { cluster }: Runtime): HttpFilter {
  const own = {};
  const toClient = (stream: FilterStream): Headers => stream.stateOf(own, (): Headers => []);
  const requestHeaders = (stream: FilterStream): Verdict => {
    if (!isAsked(config, stream))
      return config.deniesWhereDisabled ? errorReply(config, 'ext_authz_denied') : undefined;
    // The question has the request's method, and with this one it would open a tunnel to the service.
    if (stream.request.method === 'CONNECT') return errorReply(config, 'ext_authz_error');
    return callCluster(cluster(config.cluster), questionOf(stream, config), stream.clock).then((result) =>
      decide(stream, result, config, toClient),
    );
  };
  if (config.response.toClientOnSuccess === undefined) return { requestHeaders };
  return {
    requestHeaders,
    responseHeaders(stream) {
      stream.response.headers.push(...toClient(stream));
      return undefined;
    },
  };
}

function isAsked({ enabled, enabledBy }: ExtAuthzConfig, stream: FilterStream): boolean {
  if (enabledBy !== undefined && !enabledBy((filter) => stream.peer.metadata(filter))) return false;
  return isInShare(enabled, stream.random.uint32());
}

/** A service that fails (5xx) or is not there has not decided. */
function decide(
  stream: FilterStream,
  result: CallResult,
  config: ExtAuthzConfig,
  toClient: (stream: FilterStream) => Headers,
): Reply | undefined {
  if (stream.over) return undefined;
  if (result.ok && result.value.status === 200) {
    takeOver(stream, result.value, config, toClient(stream));
    return undefined;
  }
  if (result.ok && result.value.status < 500) return denialOf(result.value, config);
  if (!config.failureAllows) return errorReply(config, 'ext_authz_error');
  if (config.marksFailure) setHeader(stream.request.headers, 'x-envoy-auth-failure-mode-allowed', 'true');
  return undefined;
}

function errorReply({ statusOnError }: ExtAuthzConfig, details: string): Reply {
  return { status: statusOnError, body: '', details, flags: FLAG.unauthorizedExternalService };
}
