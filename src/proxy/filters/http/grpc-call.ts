import type { Clock } from '../../../lib/clock.ts';
import type { Result } from '../../../lib/result.ts';
import { fail } from '../../../lib/result.ts';
import { frameMessage, MessageReader } from '../../../wire/grpc/framing.ts';
import { decodeGrpcMessage } from '../../../wire/grpc/grpc-message.ts';
import { getHeader, type Headers } from '../../../wire/headers.ts';
import { decode } from '../../../xds/decode.ts';
import { encode } from '../../../xds/encode.ts';
import { fieldIn, type Refuse, refuseRest } from '../../../xds/match/refuse.ts';
import { readDurationMs } from '../../fields.ts';
import type { Cluster } from '../../upstream/cluster.ts';
import { callCluster } from './cluster-call.ts';

/** A gRPC service that is reached through a cluster (config.core.v3.GrpcService with envoy_grpc). */
export interface GrpcServiceConfig {
  readonly cluster: string;
  readonly authority: string;
  readonly timeoutMs: number;
  readonly metadata: Headers;
  readonly maxBytes: number;
}

/** A unary method, with the names of its messages. */
export interface GrpcMethod {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly request: string;
  readonly response: string;
}

/** Why there is no answer: gRPC's status, or what kept it from being asked. */
export interface GrpcFailure {
  readonly message: string;
}

/** Longest answer where the configuration says nothing. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;

interface Message {
  readonly envoy_grpc?: {
    readonly cluster_name?: string;
    readonly authority?: string;
    readonly max_receive_message_length?: number;
    readonly skip_envoy_headers?: boolean;
  };
  readonly timeout?: string;
  readonly initial_metadata?: readonly { readonly key?: string; readonly value?: string }[];
}

/** Reads config.core.v3.GrpcService; the time limit is the caller's where the message has none. */
export function readGrpcService(
  message: object | undefined,
  defaultMs: number,
  refuse: Refuse,
  field: string,
): GrpcServiceConfig {
  const { envoy_grpc, timeout, initial_metadata = [], ...rest } = (message ?? {}) as Message;
  refuseRest(refuse, field, rest);
  const place = fieldIn(field, 'envoy_grpc');
  const { cluster_name = '', authority = '', max_receive_message_length, ...more } = envoy_grpc ?? {};
  // Headers that Envoy adds to its own calls, and this proxy does not.
  const { skip_envoy_headers: _skip, ...unknown } = more;
  refuseRest(refuse, place, unknown);
  if (cluster_name === '') refuse(fieldIn(place, 'cluster_name'), 'is missing');
  return {
    cluster: cluster_name,
    authority: authority || cluster_name,
    timeoutMs: readDurationMs(timeout, defaultMs, refuse, fieldIn(field, 'timeout')),
    metadata: initial_metadata.flatMap(({ key = '', value = '' }) => [key.toLowerCase(), value]),
    maxBytes: max_receive_message_length ?? MAX_ANSWER_BYTES,
  };
}

/** One message each way. Never rejects; the answer is a plain object in the shape of `method.response`. */
export async function callGrpc<T>(
  cluster: Cluster | undefined,
  service: GrpcServiceConfig,
  method: GrpcMethod,
  message: object,
  clock: Clock,
): Promise<Result<T, GrpcFailure>> {
  const { authority, timeoutMs, metadata, maxBytes } = service;
  const headers = ['host', authority, 'te', 'trailers', 'grpc-timeout', `${Math.ceil(timeoutMs)}m`];
  headers.push('content-type', 'application/grpc', ...metadata);
  const answer = await callCluster(
    cluster,
    {
      method: 'POST',
      target: method.path,
      headers,
      body: frameMessage(encode(method.request, message)),
      timeoutMs,
      maxBytes,
    },
    clock,
  );
  if (!answer.ok) return answer;
  return readAnswer(answer.value, method.response, maxBytes);
}

function readAnswer<T>(
  answer: {
    readonly status: number;
    readonly headers: Headers;
    readonly body: Buffer;
    readonly trailers: Headers;
  },
  message: string,
  maxBytes: number,
): Result<T, GrpcFailure> {
  if (answer.status !== 200) return fail({ message: `HTTP status ${answer.status}` });
  const said = (name: string): string | undefined =>
    getHeader(answer.trailers, name) ?? getHeader(answer.headers, name);
  const status = said('grpc-status') ?? '2';
  if (status !== '0')
    return fail({ message: `gRPC status ${status} ${decodeGrpcMessage(said('grpc-message') ?? '')}`.trim() });
  const reader = new MessageReader(maxBytes);
  reader.add(answer.body);
  const read = reader.read();
  if (read.kind !== 'message') return fail({ message: 'the answer is no gRPC message' });
  try {
    return { ok: true, value: decode(message, read.message) as T };
  } catch (error) {
    return fail({ message: (error as Error).message });
  }
}
