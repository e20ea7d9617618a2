import { getHeader, type Headers } from '../../../wire/headers.ts';
import { flagText } from '../response-flags.ts';
import type { Span } from './span.ts';
import type { CustomTag, TracedStream } from './traced-stream.ts';

// What a finished span says, under Envoy's names (Tracing::HttpTracerUtility).

export interface TagSettings {
  readonly verbose: boolean;
  readonly maxPathLength: number;
  readonly customTags: readonly CustomTag[];
  readonly nodeId: string;
  readonly zone: string;
}

/** Of the request as the client sent it. */
export function finishDownstream(span: Span, stream: TracedStream, settings: TagSettings): void {
  const { request, facts } = stream;
  const { headers } = request;
  span.durationMs = facts.durationMs;
  span.tag('node_id', settings.nodeId);
  if (settings.zone !== '') span.tag('zone', settings.zone);
  tagIfPresent(span, 'guid:x-request-id', getHeader(headers, 'x-request-id'));
  span.tag('http.url', originalUrl(request, settings.maxPathLength));
  span.tag('http.method', request.method);
  span.tag('downstream_cluster', getHeader(headers, 'x-envoy-downstream-service-cluster') || '-');
  span.tag('user_agent', getHeader(headers, 'user-agent') || '-');
  span.tag('http.protocol', facts.protocol ?? '-');
  span.tag('peer.address', hostOf(facts.downstreamDirectRemote));
  tagIfPresent(span, 'guid:x-client-trace-id', getHeader(headers, 'x-client-trace-id'));
  if (getHeader(headers, 'content-type')?.startsWith('application/grpc')) tagGrpcRequest(span, request);
  span.tag('request_size', String(facts.bytesReceived));
  span.tag('response_size', String(facts.bytesSent));
  tagCommon(span, stream, facts.responseCode, settings);
  if (settings.verbose) span.events = eventsOf(span, stream);
}

/** Of one attempt. */
export function finishUpstream(
  span: Span,
  stream: TracedStream,
  status: number,
  address: string,
  settings: TagSettings,
): void {
  const { facts } = stream;
  span.durationMs = Math.max(0, facts.startTimeMs + facts.durationMs - span.startMs);
  span.tag('http.protocol', facts.protocol ?? '-');
  span.tag('upstream_address', address);
  span.tag('peer.address', address);
  tagCommon(span, stream, status, settings);
}

function tagCommon(span: Span, stream: TracedStream, status: number, settings: TagSettings): void {
  const { facts } = stream;
  span.tag('component', 'proxy');
  if (facts.upstreamCluster !== undefined) {
    span.tag('upstream_cluster', facts.upstreamCluster);
    span.tag('upstream_cluster.name', facts.upstreamCluster);
  }
  span.tag('http.status_code', String(status));
  span.tag('response_flags', flagText(facts.responseFlags));
  if (status === 0 || status >= 500) span.tag('error', 'true');
  for (const custom of settings.customTags) tagCustom(span, custom, stream);
  for (const custom of stream.route?.tracing?.customTags ?? []) tagCustom(span, custom, stream);
  tagGrpcResponse(span, facts.responseHeaders);
  tagGrpcResponse(span, facts.responseTrailers);
}

function tagCustom(span: Span, custom: CustomTag, stream: TracedStream): void {
  const value = custom.value(stream);
  if (value !== undefined && value !== '') span.tag(custom.name, value);
}

function tagGrpcRequest(span: Span, request: TracedStream['request']): void {
  span.tag('grpc.path', request.path);
  span.tag('grpc.authority', request.authority);
  tagIfPresent(span, 'grpc.content_type', getHeader(request.headers, 'content-type'));
  tagIfPresent(span, 'grpc.timeout', getHeader(request.headers, 'grpc-timeout'));
}

/** Statuses that are the server's fault. */
const SERVER_ERRORS: ReadonlySet<string> = new Set(['2', '4', '12', '13', '14', '15']);

function tagGrpcResponse(span: Span, headers: Headers): void {
  const status = getHeader(headers, 'grpc-status');
  if (status === undefined) return;
  span.tag('grpc.status_code', status);
  tagIfPresent(span, 'grpc.message', getHeader(headers, 'grpc-message'));
  if (SERVER_ERRORS.has(status)) span.tag('error', 'true');
}

function originalUrl(request: TracedStream['request'], maxPathLength: number): string {
  const { headers, authority, scheme } = request;
  const path = getHeader(headers, 'x-envoy-original-path') ?? request.path;
  const proto = getHeader(headers, 'x-forwarded-proto') ?? scheme;
  return `${proto}://${authority}${path.slice(0, maxPathLength)}`;
}

function eventsOf(span: Span, { facts }: TracedStream): (string | number)[] {
  const events: (string | number)[] = [];
  const add = (name: string, afterMs: number | undefined): void => {
    if (afterMs !== undefined) events.push(name, span.startMs + afterMs);
  };
  add('last_downstream_rx_byte_received', facts.requestDurationMs);
  add('first_upstream_rx_byte_received', facts.responseDurationMs);
  add('last_downstream_tx_byte_sent', facts.durationMs);
  return events;
}

function tagIfPresent(span: Span, name: string, value: string | undefined): void {
  if (value !== undefined) span.tag(name, value);
}

/** `10.0.0.1:80` -> `10.0.0.1`, `[::1]:80` -> `::1` */
function hostOf(text: string): string {
  const colon = text.lastIndexOf(':');
  const host = colon < 0 ? text : text.slice(0, colon);
  return host.startsWith('[') ? host.slice(1, -1) : host;
}
