import { setHeader } from '../../../../wire/headers.ts';
import { isInShare } from '../../../../xds/match/fraction.ts';
import { FLAG } from '../../../observe/response-flags.ts';
import type {
  FilterStream,
  HttpFilter,
  HttpFilterContext,
  HttpFilterKind,
  Reply,
  Verdict,
} from '../../../stream/http-filter.ts';
import { REPLIES } from '../../../stream/replies.ts';
import type { RouteLeaf } from '../../../stream/route-table.ts';
import { CHECK } from '../authorization-check.ts';
import { callCluster } from '../cluster-call.ts';
import { callGrpc } from '../grpc-call.ts';
import {
  EXT_AUTHZ_MESSAGE,
  EXT_AUTHZ_ROUTE_MESSAGE,
  type ExtAuthzConfig,
  type ExtAuthzRouteConfig,
  lowerExtAuthz,
  lowerExtAuthzRoute,
  type ToldBody,
} from './config.ts';
import {
  applyOk,
  type CheckResponse,
  changeHeaders,
  checkRequestOf,
  denialOfCheck,
} from './grpc-question.ts';
import { denialOf, type HeaderChange, questionOf, type Told, takeOver } from './question.ts';
import { type AuthzStats, countAuthz } from './stats.ts';

/**
 * Asks a service, over HTTP or gRPC, whether a request may go on. In: the request's head, and the beginning of its body
 * where that is configured. Out: the request with what the service changed, the service's own answer where it says no,
 * or an error where it says nothing.
 */
export const extAuthzKind: HttpFilterKind = {
  message: EXT_AUTHZ_MESSAGE,
  routeMessage: EXT_AUTHZ_ROUTE_MESSAGE,
  lower(message, context) {
    const config = lowerExtAuthz(message, context);
    return {
      name: context.name,
      forRoute(overrides, leaf) {
        const route = overrides[0] as ExtAuthzRouteConfig | undefined;
        return route?.disabled === true ? undefined : makeExtAuthz(config, route, leaf, context);
      },
    };
  },
  lowerRoute: lowerExtAuthzRoute,
};

/** What the service says of a request; undefined where it fails or is not there, and has not decided. */
type Decision = { readonly yes: (toClient: HeaderChange[]) => void } | { readonly no: Reply } | undefined;
type Ask = (stream: FilterStream, body: Told | undefined) => Promise<Decision>;

function makeExtAuthz(
  config: ExtAuthzConfig,
  route: ExtAuthzRouteConfig | undefined,
  leaf: RouteLeaf,
  context: HttpFilterContext,
): HttpFilter {
  const own = {};
  const toClient = (stream: FilterStream): HeaderChange[] => stream.stateOf(own, (): HeaderChange[] => []);
  const stats = countAuthz(context, leaf, config.statPrefix);
  const toldBody = route?.body === 'none' ? undefined : (route?.body ?? config.body);
  const ask = askOf(config, route?.contextExtensions ?? {}, context);
  const decide = (stream: FilterStream, decision: Decision): Reply | undefined => {
    if (stream.over) return undefined;
    if (decision === undefined) return undecided(stream, config, stats);
    if ('no' in decision) {
      stats.count('denied');
      return decision.no;
    }
    stats.count('ok');
    decision.yes(toClient(stream));
    if (config.clearsRoute) stream.clearRoute();
    return undefined;
  };
  return {
    requestHeaders(stream): Verdict {
      if (!isAsked(config, stream)) {
        stats.count('disabled');
        return config.deniesWhereDisabled ? errorReply(config) : undefined;
      }
      // The question has the request's method, and with this one it would open a tunnel to the service.
      if (stream.request.method === 'CONNECT' && config.service.kind === 'http') return errorReply(config);
      if (toldBody === undefined || stream.requestBody === 'none')
        return ask(stream, undefined).then((decision) => decide(stream, decision));
      return readTold(stream, toldBody).then((body) =>
        body === undefined
          ? REPLIES.tooLarge
          : ask(stream, body).then((decision) => decide(stream, decision)),
      );
    },
    responseHeaders(stream) {
      for (const change of toClient(stream)) changeHeaders(stream.response.headers, change);
      return undefined;
    },
  };
}

/** The body as the service gets it, undefined where it is too long. */
async function readTold(stream: FilterStream, { maxBytes, partial }: ToldBody): Promise<Told | undefined> {
  const { bytes, complete } = await stream.readBody(partial ? maxBytes - 1 : maxBytes);
  if (!complete && !partial) return undefined;
  return { bytes: bytes.subarray(0, maxBytes), partial: bytes.length > maxBytes };
}

function askOf(
  config: ExtAuthzConfig,
  contextExtensions: { readonly [key: string]: string },
  { runtime }: HttpFilterContext,
): Ask {
  const { service } = config;
  if (service.kind === 'http')
    return async (stream, body) => {
      const { http } = service;
      const question = questionOf(stream, config, http, body);
      const answer = await callCluster(runtime.cluster(http.cluster), question, stream.clock);
      if (!answer.ok || answer.value.status >= 500) return undefined;
      const { value } = answer;
      if (value.status !== 200) return { no: denialOf(value, http) };
      return { yes: (toClient) => takeOver(stream, value, http, toClient) };
    };
  return async (stream, body) => {
    const { grpc } = service;
    const question = checkRequestOf(stream, config, contextExtensions, body);
    const cluster = runtime.cluster(grpc.cluster);
    const answer = await callGrpc<CheckResponse>(cluster, grpc, CHECK, question, stream.clock);
    if (!answer.ok) return undefined;
    const { value } = answer;
    if ((value.status?.code ?? 0) !== 0) return { no: denialOfCheck(stream, value) };
    return { yes: (toClient) => applyOk(stream, value, toClient) };
  };
}

function isAsked({ enabled, enabledBy }: ExtAuthzConfig, stream: FilterStream): boolean {
  if (enabledBy !== undefined && !enabledBy((filter) => stream.peer.metadata(filter))) return false;
  return isInShare(enabled, stream.random.uint32());
}

function undecided(stream: FilterStream, config: ExtAuthzConfig, stats: AuthzStats): Reply | undefined {
  stats.count('error');
  if (!config.failureAllows) return errorReply(config);
  stats.count('failure_mode_allowed');
  if (config.marksFailure) setHeader(stream.request.headers, 'x-envoy-auth-failure-mode-allowed', 'true');
  return undefined;
}

function errorReply({ statusOnError }: ExtAuthzConfig): Reply {
  return {
    status: statusOnError,
    body: '',
    details: 'ext_authz_error',
    flags: FLAG.unauthorizedExternalService,
  };
}
