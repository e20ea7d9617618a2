/**
 * What policies denied, told by proxies as it happens, and why.
 *
 * In: entries of the access log that control/emit/listener/denial-log.ts has proxies write (Envoys and weft's own the
 * same), the mesh model. Out: for each denial the policy, the rule and the values that decided (`DenialReport`), kept in a
 * bounded ring for `weft why`. Called by serve/grpc-server.ts and serve/api-answers.ts. What never happens here: a
 * decision (proxies decide), a request's query string, or the value of a header or claim that did not decide.
 *
 * entry.ts reads what a proxy says, judge.ts finds the reasons (pure), tests.ts one test of a rule, denial-ring.ts keeps,
 * report-call.ts is the gRPC call.
 */
import type { PeerFacts, RequestFacts } from '../../xds/match/facts.ts';
import { pathOnly } from '../../xds/match/facts.ts';
import type { Json } from '../../xds/resources.ts';

/** A request or connection that a proxy tells of. */
export interface LoggedCall {
  /** x-request-id of a request, the id of a connection in logs; '' where there is none. */
  readonly id: string;
  readonly atMs: number;
  /** Envoy's %RESPONSE_CODE_DETAILS%, of a connection %CONNECTION_TERMINATION_DETAILS%. */
  readonly details: string;
  /** 0 of a connection. */
  readonly status: number;
  /** Undefined of a connection. */
  readonly request: RequestFacts | undefined;
  readonly peer: PeerFacts;
}

type Struct = { readonly [key: string]: Json };

interface Address {
  readonly socket_address?: { readonly address?: string; readonly port_value?: number };
}

interface CommonProperties {
  readonly downstream_remote_address?: Address;
  readonly downstream_direct_remote_address?: Address;
  readonly downstream_local_address?: Address;
  readonly tls_properties?: {
    readonly tls_sni_hostname?: string;
    readonly peer_certificate_properties?: {
      readonly subject_alt_name?: readonly { readonly uri?: string; readonly dns?: string }[];
      readonly subject?: string;
    };
  };
  readonly start_time?: string;
  readonly metadata?: { readonly filter_metadata?: { readonly [filter: string]: Struct } };
  readonly stream_id?: string;
  readonly connection_termination_details?: string;
  readonly response_flags?: { readonly unauthorized_details?: object };
}

/** data.accesslog.v3.HTTPAccessLogEntry or TCPAccessLogEntry, as far as it is read here. */
export interface LogEntry {
  readonly common_properties?: CommonProperties;
  readonly request?: {
    readonly request_method?: string;
    readonly scheme?: string;
    readonly authority?: string;
    readonly path?: string;
    readonly request_id?: string;
    readonly request_headers?: Readonly<Record<string, string>>;
  };
  readonly response?: { readonly response_code?: number; readonly response_code_details?: string };
}

/** Longest text of a proxy that is kept, in characters. */
export const MAX_TEXT = 256;

/** As much of a text as is kept. What callers wrote is shown on terminals: it controls none. */
export function cut(text: string): string {
  const plain = text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '?');
  return plain.length <= MAX_TEXT ? plain : `${plain.slice(0, MAX_TEXT)}...`;
}

/** An entry as the facts that policies ask about. */
export function callOf(entry: LogEntry, nowMs: number): LoggedCall {
  const { common_properties: common = {}, request, response } = entry;
  const startMs = Date.parse(common.start_time ?? '');
  return {
    id: cut(request?.request_id || common.stream_id || ''),
    atMs: Number.isNaN(startMs) ? nowMs : startMs,
    details: response?.response_code_details || common.connection_termination_details || byFlag(common),
    status: response?.response_code ?? 0,
    request: request && requestFacts(request),
    peer: peerFacts(common),
  };
}

/** Of a connection only the flag says that somebody was asked and said no. */
function byFlag({ response_flags: flags }: CommonProperties): string {
  return flags?.unauthorized_details === undefined ? '' : 'ext_authz_denied';
}

function requestFacts(request: NonNullable<LogEntry['request']>): RequestFacts {
  const { request_method = '', path = '', authority = '', scheme = '', request_headers = {} } = request;
  return {
    method: request_method === 'METHOD_UNSPECIFIED' ? '' : request_method,
    path: pathOnly(path),
    authority,
    scheme,
    header: (name) => request_headers[name],
  };
}

function peerFacts(common: CommonProperties): PeerFacts {
  const direct = common.downstream_direct_remote_address?.socket_address?.address ?? '';
  const { address = '', port_value = 0 } = common.downstream_local_address?.socket_address ?? {};
  const tls = common.tls_properties;
  const metadata = common.metadata?.filter_metadata ?? {};
  const principals = principalsOf(tls?.peer_certificate_properties);
  return {
    directRemoteAddress: direct,
    remoteAddress: common.downstream_remote_address?.socket_address?.address ?? direct,
    destinationAddress: address,
    destinationPort: port_value,
    requestedServerName: tls?.tls_sni_hostname ?? '',
    principals,
    // Records do not say which: policies do not ask.
    presented: principals.length > 0,
    validated: principals.length > 0,
    metadata: (filter) => metadata[filter],
  };
}

type Certificate = NonNullable<CommonProperties['tls_properties']>['peer_certificate_properties'];

/** As rules ask: URI names, or else DNS names, or else the subject. */
function principalsOf({ subject_alt_name = [], subject = '' }: Certificate = {}): readonly string[] {
  const uris = subject_alt_name.flatMap(({ uri }) => uri || []);
  if (uris.length > 0) return uris;
  const names = subject_alt_name.flatMap(({ dns }) => dns || []);
  return names.length > 0 || subject === '' ? names : [subject];
}
