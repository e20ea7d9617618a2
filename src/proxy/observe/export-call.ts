import { Buffer } from 'node:buffer';
import { frameMessage } from '../../wire/grpc/framing.ts';
import { getHeader, type Headers } from '../../wire/headers.ts';
import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type * as resources from '../../xds/resources.ts';
import { readDurationMs } from '../fields.ts';
import { callCluster } from '../filters/http/cluster-call.ts';
import type { Runtime } from '../runtime.ts';

// How spans and entries reach a collector: one call through a cluster of the proxy per batch, over HTTP or as a unary
// gRPC call.

/** How a call ended. `absent`: there is no such cluster. */
export type ExportResult = 'accepted' | 'refused' | 'failed' | 'absent';

/** Sends one batch. Never rejects. */
export type SendBatch = (body: Uint8Array) => Promise<ExportResult>;

/** Answers of collectors are short, and nobody reads them. */
const MAX_ANSWER_BYTES = 64 * 1024;

export interface HttpTarget {
  readonly cluster: string;
  readonly path: string;
  readonly host: string;
  readonly contentType: string;
  readonly headers: Headers;
  readonly timeoutMs: number;
}

/** POST; every 2xx is taken for a yes. */
export function httpSender(target: HttpTarget, runtime: Runtime): SendBatch {
  return async (body) => {
    const cluster = runtime.cluster(target.cluster);
    if (cluster === undefined) return 'absent';
    const headers = ['host', target.host, 'content-type', target.contentType, ...target.headers];
    headers.push('content-length', String(body.length));
    const { timeoutMs, path } = target;
    const result = await callCluster(
      cluster,
      { method: 'POST', target: path, headers, body: asBuffer(body), timeoutMs, maxBytes: MAX_ANSWER_BYTES },
      runtime.clock,
    );
    if (!result.ok) return 'failed';
    return result.value.status >= 200 && result.value.status < 300 ? 'accepted' : 'refused';
  };
}

export interface GrpcTarget {
  readonly cluster: string;
  readonly authority: string;
  readonly metadata: Headers;
  readonly timeoutMs: number;
}

/** `path` is `/package.Service/Method`. */
export function grpcSender(target: GrpcTarget, path: string, runtime: Runtime): SendBatch {
  return async (body) => {
    const cluster = runtime.cluster(target.cluster);
    if (cluster === undefined) return 'absent';
    const headers = ['host', target.authority, 'te', 'trailers', 'content-type', 'application/grpc'];
    headers.push(...target.metadata);
    const { timeoutMs } = target;
    const result = await callCluster(
      cluster,
      {
        method: 'POST',
        target: path,
        headers,
        body: frameMessage(body),
        timeoutMs,
        maxBytes: MAX_ANSWER_BYTES,
      },
      runtime.clock,
    );
    if (!result.ok) return 'failed';
    const { trailers, headers: head, status } = result.value;
    const code = getHeader(trailers, 'grpc-status') ?? getHeader(head, 'grpc-status');
    return status === 200 && code === '0' ? 'accepted' : 'refused';
  };
}

/** config.core.v3.GrpcService with a cluster; undefined after a refusal. */
export function readGrpcService(
  message: resources.GrpcService,
  defaultTimeoutMs: number,
  refuse: Refuse,
  field: string,
): GrpcTarget {
  const { envoy_grpc = {}, google_grpc, timeout, initial_metadata = [], retry_policy, ...rest } = message;
  refuseRest(refuse, field, rest);
  if (google_grpc !== undefined)
    refuse(fieldIn(field, 'google_grpc'), 'is not supported by this proxy: use envoy_grpc');
  if (retry_policy !== undefined)
    refuse(fieldIn(field, 'retry_policy'), 'is not supported by this proxy here');
  const { cluster_name: cluster = '', authority, retry_policy: retry, ...grpc } = envoy_grpc;
  const { max_receive_message_length: _limit, skip_envoy_headers: _skip, ...unknown } = grpc;
  refuseRest(refuse, fieldIn(field, 'envoy_grpc'), unknown);
  if (retry !== undefined)
    refuse(fieldIn(field, 'envoy_grpc.retry_policy'), 'is not supported by this proxy here');
  if (cluster === '') refuse(fieldIn(field, 'envoy_grpc.cluster_name'), 'is missing');
  return {
    cluster,
    authority: authority || cluster,
    metadata: initial_metadata.flatMap(({ key = '', value = '' }) => [key.toLowerCase(), value]),
    timeoutMs: readDurationMs(timeout, defaultTimeoutMs, refuse, fieldIn(field, 'timeout')),
  };
}

/** config.core.v3.HttpService. */
export function readHttpService(
  message: resources.HttpService,
  contentType: string,
  refuse: Refuse,
  field: string,
): HttpTarget {
  const { http_uri = {}, request_headers_to_add = [], ...rest } = message;
  refuseRest(refuse, field, rest);
  const { uri = '', cluster = '', timeout, ...unknown } = http_uri;
  refuseRest(refuse, fieldIn(field, 'http_uri'), unknown);
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (url === undefined) refuse(fieldIn(field, 'http_uri.uri'), `'${uri}' is no address of a service`);
  if (cluster === '') refuse(fieldIn(field, 'http_uri.cluster'), 'is missing');
  return {
    cluster,
    path: `${url?.pathname ?? '/'}${url?.search ?? ''}`,
    host: url?.host ?? '',
    contentType,
    headers: request_headers_to_add.flatMap(({ header = {} }) => [header.key ?? '', header.value ?? '']),
    timeoutMs: readDurationMs(timeout, 0, refuse, fieldIn(field, 'http_uri.timeout')),
  };
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
