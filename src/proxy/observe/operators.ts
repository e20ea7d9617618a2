import { getHeader, getJoinedHeader } from '../../wire/headers.ts';
import { compileTime } from './format-time.ts';
import { flagText } from './response-flags.ts';
import type { StreamFacts } from './stream-facts.ts';

/** What an operator gives: undefined is printed as '-' (null in JSON). */
export type Operator = (facts: StreamFacts) => string | number | undefined;

/** Operators of Envoy's formats without an argument. */
const PLAIN: Readonly<Record<string, Operator>> = {
  PROTOCOL: (f) => f.protocol,
  RESPONSE_CODE: (f) => f.responseCode,
  RESPONSE_CODE_DETAILS: (f) => f.responseCodeDetails,
  RESPONSE_FLAGS: (f) => flagText(f.responseFlags),
  CONNECTION_TERMINATION_DETAILS: (f) => f.connectionTerminationDetails,
  UPSTREAM_TRANSPORT_FAILURE_REASON: (f) => f.upstreamTransportFailureReason,
  BYTES_RECEIVED: (f) => f.bytesReceived,
  BYTES_SENT: (f) => f.bytesSent,
  DURATION: (f) => Math.round(f.durationMs),
  REQUEST_DURATION: (f) => rounded(f.requestDurationMs),
  RESPONSE_DURATION: (f) => rounded(f.responseDurationMs),
  RESPONSE_TX_DURATION: (f) =>
    f.responseDurationMs === undefined ? undefined : Math.round(f.durationMs - f.responseDurationMs),
  UPSTREAM_HOST: (f) => f.upstreamHost,
  UPSTREAM_REMOTE_ADDRESS: (f) => f.upstreamHost,
  UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (f) => addressOf(f.upstreamHost),
  UPSTREAM_REMOTE_PORT: (f) => portOf(f.upstreamHost),
  UPSTREAM_LOCAL_ADDRESS: (f) => f.upstreamLocalAddress,
  UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: (f) => addressOf(f.upstreamLocalAddress),
  UPSTREAM_CLUSTER: (f) => f.upstreamCluster,
  UPSTREAM_CLUSTER_RAW: (f) => f.upstreamCluster,
  UPSTREAM_REQUEST_ATTEMPT_COUNT: (f) => f.upstreamAttempts,
  DOWNSTREAM_LOCAL_ADDRESS: (f) => f.downstreamLocal,
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: (f) => addressOf(f.downstreamLocal),
  DOWNSTREAM_LOCAL_PORT: (f) => f.downstreamLocalPort,
  DOWNSTREAM_REMOTE_ADDRESS: (f) => f.downstreamRemote,
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (f) => addressOf(f.downstreamRemote),
  DOWNSTREAM_REMOTE_PORT: (f) => portOf(f.downstreamRemote),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: (f) => f.downstreamDirectRemote,
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: (f) => addressOf(f.downstreamDirectRemote),
  REQUESTED_SERVER_NAME: (f) => f.peer.requestedServerName || undefined,
  ROUTE_NAME: (f) => f.routeName || undefined,
  VIRTUAL_HOST_NAME: (f) => f.virtualHost || undefined,
  FILTER_CHAIN_NAME: (f) => f.filterChain || undefined,
  CONNECTION_ID: (f) => f.connectionId,
  DOWNSTREAM_PEER_URI_SAN: (f) => f.peerCertificate?.uri,
  DOWNSTREAM_PEER_SUBJECT: (f) => f.peerCertificate?.subject,
  DOWNSTREAM_PEER_FINGERPRINT_256: (f) => f.peerCertificate?.hash,
  DOWNSTREAM_TLS_VERSION: (f) => f.tlsVersion,
};

/** Operators with an argument in brackets. */
const WITH_ARGUMENT: Readonly<Record<string, (argument: string) => Operator | undefined>> = {
  REQ: (argument) => {
    const [first, second] = argument.toLowerCase().split('?').map(requestHeader) as [
      Operator,
      Operator | undefined,
    ];
    return second === undefined ? first : (f) => first(f) ?? second(f);
  },
  RESP: (argument) => headerOf(argument, (f) => f.responseHeaders),
  TRAILER: (argument) => headerOf(argument, (f) => f.responseTrailers),
  START_TIME: (argument) => {
    const format = compileTime(argument);
    return (f) => format(f.startTimeMs);
  },
  ENVIRONMENT: () => undefined,
  DYNAMIC_METADATA: (argument) => {
    const [filter = '', ...path] = argument.split(':');
    return (f) => {
      let value: unknown = f.peer.metadata(filter);
      for (const key of path) value = (value as { readonly [key: string]: unknown } | undefined)?.[key];
      return typeof value === 'string' || value === undefined ? value : JSON.stringify(value);
    };
  },
};

/** `REQ`, `X-A?X-B` -> the operator; undefined where Envoy has it and this proxy does not, or nobody does. */
export function operatorOf(name: string, argument: string | undefined): Operator | undefined {
  if (name === 'START_TIME') return WITH_ARGUMENT['START_TIME']?.(argument ?? '');
  return argument === undefined ? PLAIN[name] : WITH_ARGUMENT[name]?.(argument);
}

/** The first value, as Envoy prints it; pseudo-headers are what routing made of them. */
function requestHeader(name: string): Operator {
  switch (name) {
    case ':method':
      return (f) => f.request?.method;
    case ':path':
      return (f) => f.request?.path;
    case ':authority':
    case 'host':
      return (f) => f.request?.authority || undefined;
    case ':scheme':
      return (f) => f.request?.scheme;
    default:
      return (f) => getHeader(f.requestHeaders, name);
  }
}

function headerOf(argument: string, headers: (facts: StreamFacts) => string[]): Operator {
  const [first = '', second] = argument.toLowerCase().split('?');
  if (first === ':status') return (f) => f.responseCode;
  return (f) =>
    getJoinedHeader(headers(f), first) ?? (second === undefined ? undefined : getHeader(headers(f), second));
}

function rounded(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms);
}

function addressOf(text: string | undefined): string | undefined {
  const colon = text?.lastIndexOf(':') ?? -1;
  return colon < 0 ? text : text?.slice(0, colon);
}

function portOf(text: string | undefined): number | undefined {
  const port = Number(text?.slice(text.lastIndexOf(':') + 1));
  return Number.isInteger(port) ? port : undefined;
}
