import { isGrpcType } from '../../../../wire/grpc/content-type.ts';
import { MessageCounter } from '../../../../wire/grpc/message-counter.ts';
import { getHeader } from '../../../../wire/headers.ts';
import { pathOnly } from '../../../../xds/match/facts.ts';
import { fieldIn, type Refuse, refuseRest } from '../../../../xds/match/refuse.ts';
import type { AnyMessage } from '../../../../xds/resources.ts';
import type {
  FilterStream,
  HttpFilter,
  HttpFilterKind,
  MessageContext,
} from '../../../stream/http-filter.ts';
import { type CallStats, type ClusterCalls, callsOf } from './stats.ts';

/** extensions.filters.http.grpc_stats.v3.FilterConfig */
interface GrpcStatsConfig {
  /** Which methods are counted by name: `/package.Service/Method`. */
  readonly named: (path: string) => boolean;
  readonly dotsReplaced: boolean;
  readonly timed: boolean;
}

/** Counts gRPC calls, their outcomes and their messages, per cluster and, where that is wanted, per method. */
export const grpcStatsKind: HttpFilterKind = {
  message: 'envoy.extensions.filters.http.grpc_stats.v3.FilterConfig',
  routeMessage: '',
  lower(message, context) {
    const config = lowerGrpcStats(message, context);
    const { metrics } = context.runtime;
    return {
      name: context.name,
      forRoute: (_, { cluster }) =>
        cluster === ''
          ? undefined
          : makeGrpcStats(config, callsOf(metrics.scope(`cluster.${cluster}.grpc.`), config.dotsReplaced)),
    };
  },
  lowerRoute: () => undefined,
};

interface Message {
  readonly stats_for_all_methods?: boolean;
  readonly individual_method_stats_allowlist?: {
    readonly services?: readonly { readonly name?: string; readonly method_names?: readonly string[] }[];
  };
  readonly enable_upstream_stats?: boolean;
  readonly replace_dots_in_grpc_service_name?: boolean;
  readonly emit_filter_state?: boolean;
}

function lowerGrpcStats(message: AnyMessage, { refuse, field }: MessageContext): GrpcStatsConfig {
  const { '@type': _type, ...fields } = message;
  const { stats_for_all_methods, individual_method_stats_allowlist: list, ...more } = fields as Message;
  // Filter state that nothing here reads: Istio's own metrics count messages of nobody.
  const {
    enable_upstream_stats,
    replace_dots_in_grpc_service_name,
    emit_filter_state: _state,
    ...rest
  } = more;
  refuseRest(refuse, field, rest);
  return {
    named: list === undefined ? () => stats_for_all_methods === true : readList(list, refuse, field),
    dotsReplaced: replace_dots_in_grpc_service_name === true,
    timed: enable_upstream_stats === true,
  };
}

function readList(
  { services = [], ...rest }: NonNullable<Message['individual_method_stats_allowlist']>,
  refuse: Refuse,
  field: string,
): (path: string) => boolean {
  refuseRest(refuse, fieldIn(field, 'individual_method_stats_allowlist'), rest);
  const paths = new Set(
    services.flatMap(({ name = '', method_names = [] }) =>
      method_names.map((method) => `/${name}/${method}`),
    ),
  );
  return (path) => paths.has(path);
}

/** A call under way. */
interface CountedCall {
  readonly stats: CallStats;
  readonly requests: MessageCounter;
  readonly responses: MessageCounter;
}

function makeGrpcStats(config: GrpcStatsConfig, calls: ClusterCalls): HttpFilter {
  const own = {};
  const known = (stream: FilterStream): CountedCall | undefined => stream.knownState(own);
  return {
    requestHeaders(stream) {
      const { request } = stream;
      if (!isGrpcType(request.header('content-type'))) return undefined;
      const path = pathOnly(request.path);
      const stats = config.named(path) ? calls.method(path) : calls.all;
      stream.stateOf(
        own,
        (): CountedCall => ({
          stats,
          requests: new MessageCounter(),
          responses: new MessageCounter(),
        }),
      );
      return undefined;
    },
    requestData(stream, bytes) {
      const call = known(stream);
      if (call !== undefined && bytes.length > 0) call.stats.requestMessages(call.requests.count(bytes));
      return bytes;
    },
    responseHeaders(stream) {
      const status = getHeader(stream.response.headers, 'grpc-status');
      if (status !== undefined) known(stream)?.stats.ended(status);
      return undefined;
    },
    responseData(stream, bytes) {
      const call = known(stream);
      if (call !== undefined && bytes.length > 0) call.stats.responseMessages(call.responses.count(bytes));
      return bytes;
    },
    responseTrailers(stream, trailers) {
      const status = getHeader(trailers, 'grpc-status');
      if (status !== undefined) known(stream)?.stats.ended(status);
      return undefined;
    },
    ...(config.timed && {
      close: (stream: FilterStream) => void known(stream)?.stats.took(stream.facts.durationMs),
    }),
  };
}
