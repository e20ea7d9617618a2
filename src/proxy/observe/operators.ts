import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { GRPC_STATUS_NAMES } from '../../lib/grpc-status-names.ts';
import { grpcStatusOfHttp } from '../../lib/grpc-status-of-http.ts';
import { getHeader } from '../../wire/headers.ts';
import { addressOf, type Command, type MakeCommand, type Operator, portOf } from './operator.ts';
import { METADATA_COMMANDS } from './operators-metadata.ts';
import {
  headerBytes,
  REQUEST_COMMANDS,
  requestHeaderBytes,
  responseHeaderBytes,
  WITHOUT_QUERY_COMMANDS,
} from './operators-request.ts';
import { TIME_COMMANDS, TIME_OPERATORS } from './operators-time.ts';
import { TLS_COMMANDS, TLS_OPERATORS } from './operators-tls.ts';
import { UPSTREAM_OPERATORS } from './operators-upstream.ts';
import { flagNames, flagText } from './response-flags.ts';
import type { StreamFacts } from './stream-facts.ts';

// The command operators of Envoy's formats (access log, "Command Operators"). Families of them have files of their own.

/** Operators without an argument. */
const PLAIN: Readonly<Record<string, Operator>> = {
  ...TIME_OPERATORS,
  ...UPSTREAM_OPERATORS,
  ...TLS_OPERATORS,
  PROTOCOL: (f) => f.protocol,
  RESPONSE_CODE: (f) => f.responseCode,
  RESPONSE_FLAGS: (f) => flagText(f.responseFlags),
  RESPONSE_FLAGS_LONG: (f) => flagNames(f.responseFlags),
  CONNECTION_TERMINATION_DETAILS: (f) => f.connectionTerminationDetails,
  BYTES_RECEIVED: (f) => f.bytesReceived,
  BYTES_SENT: (f) => f.bytesSent,
  // Of QUIC, which is not spoken.
  BYTES_RETRANSMITTED: () => 0,
  PACKETS_RETRANSMITTED: () => 0,
  REQUEST_HEADERS_BYTES: requestHeaderBytes,
  RESPONSE_HEADERS_BYTES: responseHeaderBytes,
  RESPONSE_TRAILERS_BYTES: (f) => headerBytes(f.responseTrailers),
  DOWNSTREAM_LOCAL_ADDRESS: (f) => f.downstreamLocal,
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: (f) => addressOf(f.downstreamLocal),
  DOWNSTREAM_LOCAL_PORT: (f) => f.downstreamLocalPort,
  DOWNSTREAM_LOCAL_ADDRESS_ENDPOINT_ID: () => '',
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS: directLocal,
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT: (f) => f.downstream.connection.localAddress,
  DOWNSTREAM_DIRECT_LOCAL_PORT: (f) => f.downstream.connection.localPort,
  DOWNSTREAM_DIRECT_LOCAL_ADDRESS_ENDPOINT_ID: () => '',
  DOWNSTREAM_REMOTE_ADDRESS: (f) => f.downstreamRemote,
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (f) => addressOf(f.downstreamRemote),
  DOWNSTREAM_REMOTE_PORT: (f) => portOf(f.downstreamRemote),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: (f) => f.downstreamDirectRemote,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: (f) => addressOf(f.downstreamDirectRemote),
  DOWNSTREAM_DIRECT_REMOTE_PORT: (f) => portOf(f.downstreamDirectRemote),
  ROUTE_NAME: (f) => f.routeName || undefined,
  VIRTUAL_HOST_NAME: (f) => f.virtualHost || undefined,
  // Virtual clusters are refused where routes are lowered.
  VIRTUAL_CLUSTER_NAME: () => undefined,
  FILTER_CHAIN_NAME: (f) => f.filterChain || undefined,
  LISTENER_NAME: (f) => f.downstream.listener || undefined,
  CONNECTION_ID: (f) => f.connectionId,
  STREAM_ID: (f) => f.streamId ?? getHeader(f.requestHeaders, 'x-request-id'),
  UNIQUE_ID: () => randomUUID(),
  TRACE_ID: (f) => f.traceId,
  SPAN_ID: (f) => f.spanId,
  ACCESS_LOG_TYPE: (f) => f.logType,
  HOSTNAME: () => HOST_NAME,
  GRPC_STATUS_NUMBER: grpcStatus,
  LOCAL_REPLY_BODY: (f) => f.localReplyBody ?? '',
  CUSTOM_FLAGS: () => '',
};

const HOST_NAME = hostname();

/** Operators with an argument in brackets, which most of them may go without. */
const COMMANDS: Readonly<Record<string, MakeCommand>> = {
  ...TIME_COMMANDS,
  ...TLS_COMMANDS,
  ...REQUEST_COMMANDS,
  ...METADATA_COMMANDS,
  RESPONSE_CODE_DETAILS: (argument) =>
    argument === 'ALLOW_WHITESPACES'
      ? { text: (f) => f.responseCodeDetails }
      : { text: (f) => withoutSpaces(f.responseCodeDetails) },
  ENVIRONMENT: (name) => {
    const value = process.env[name] ?? '-';
    return { text: () => value };
  },
  GRPC_STATUS: (format) => {
    if (format === 'NUMBER') return { text: grpcStatus };
    const isSnake = format === 'SNAKE_STRING';
    return { text: (facts) => grpcStatusName(grpcStatus(facts), isSnake) };
  },
};

/** Operators that a formatter extension brings, by its message. */
export const FORMATTERS: Readonly<Record<string, Readonly<Record<string, MakeCommand>>>> = {
  'envoy.extensions.formatter.req_without_query.v3.ReqWithoutQuery': WITHOUT_QUERY_COMMANDS,
  'envoy.extensions.formatter.metadata.v3.Metadata': METADATA_COMMANDS,
};

/**
 * `REQ`, `X-A?X-B` -> the operator; undefined where Envoy has it and this proxy does not, or nobody does; a text says
 * what is wrong with its argument. `extensions`: what formatters add.
 */
export function operatorOf(
  name: string,
  argument: string | undefined,
  extensions: Readonly<Record<string, MakeCommand>> = {},
): Command | string | undefined {
  const make = COMMANDS[name] ?? extensions[name];
  if (make !== undefined) return make(argument ?? '');
  const plain = argument === undefined ? PLAIN[name] : undefined;
  return plain === undefined ? undefined : { text: plain };
}

function withoutSpaces(details: string | undefined): string | undefined {
  return details?.includes(' ') ? details.replaceAll(' ', '_') : details;
}

function directLocal({ downstream }: StreamFacts): string {
  const { localAddress, localPort } = downstream.connection;
  return localAddress.includes(':') ? `[${localAddress}]:${localPort}` : `${localAddress}:${localPort}`;
}

/** The gRPC status a stream counts as: its own, or the one its HTTP status stands for. */
export function grpcStatusOf(facts: StreamFacts): number {
  const { responseTrailers, responseHeaders, responseCode } = facts;
  const text = getHeader(responseTrailers, 'grpc-status') ?? getHeader(responseHeaders, 'grpc-status');
  return text === undefined ? grpcStatusOfHttp(responseCode) : Number(text);
}

/** The status of a gRPC call: from trailers, headers, or the HTTP status; undefined for what is no gRPC. */
function grpcStatus(facts: StreamFacts): number | undefined {
  if (!getHeader(facts.requestHeaders, 'content-type')?.startsWith('application/grpc')) return undefined;
  const text =
    getHeader(facts.responseTrailers, 'grpc-status') ?? getHeader(facts.responseHeaders, 'grpc-status');
  if (text === undefined) return facts.responseCode === 0 ? undefined : grpcStatusOfHttp(facts.responseCode);
  const status = Number(text);
  return Number.isInteger(status) && text !== '' ? status : -1;
}

/** `Unavailable`, or `UNAVAILABLE`; a number that has no name stays one. */
function grpcStatusName(status: number | undefined, isSnake: boolean): string | undefined {
  if (status === undefined) return undefined;
  const snake = GRPC_STATUS_NAMES[status];
  if (snake === undefined) return String(status);
  if (isSnake) return snake;
  if (status === 1) return 'Canceled';
  return status === 0
    ? 'OK'
    : snake
        .split('_')
        .map((word) => word[0] + word.slice(1).toLowerCase())
        .join('');
}
