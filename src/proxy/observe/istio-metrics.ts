import { Histogram } from './histogram.ts';
import { flagText, type ResponseFlags } from './response-flags.ts';
import { escapeLabel } from './stat-rows.ts';

// Istio's standard metrics. The labels of caller and callee are joined once per pair of them; a request then finds its
// series by two numbers. Series are bounded: past the limit everything new goes into one series called `other`.

/** Most series of requests, and of TCP connections, that are kept. */
export const MAX_SERIES = 2000;

/** A workload as labels say it; 'unknown' where nobody knows. */
export interface WorkloadLabels {
  readonly workload: string;
  readonly namespace: string;
  readonly principal: string;
  readonly app: string;
  readonly version: string;
  readonly cluster: string;
  readonly canonicalService: string;
  readonly canonicalRevision: string;
}

/** Everything about a request that does not change from one to the next between the same two. */
export interface PairLabels {
  readonly reporter: 'source' | 'destination';
  readonly source: WorkloadLabels;
  readonly destination: WorkloadLabels;
  readonly service: string;
  readonly serviceName: string;
  readonly serviceNamespace: string;
  readonly security: 'mutual_tls' | 'none' | 'unknown';
}

export const UNKNOWN_WORKLOAD: WorkloadLabels = {
  workload: 'unknown',
  namespace: 'unknown',
  principal: 'unknown',
  app: 'unknown',
  version: 'unknown',
  cluster: 'unknown',
  canonicalService: 'unknown',
  canonicalRevision: 'latest',
};

class RequestSeries {
  requests = 0;
  readonly duration = new Histogram();
  readonly requestBytes = new Histogram();
  readonly responseBytes = new Histogram();
  readonly labels: string;

  constructor(labels: string) {
    this.labels = labels;
  }
}

class MessageSeries {
  requests = 0;
  responses = 0;
  readonly labels: string;

  constructor(labels: string) {
    this.labels = labels;
  }
}

class TcpSeries {
  opened = 0;
  closed = 0;
  sentBytes = 0;
  receivedBytes = 0;
  readonly labels: string;

  constructor(labels: string) {
    this.labels = labels;
  }
}

/** What one finished request adds. */
export interface RequestOutcome {
  readonly status: number;
  readonly flags: ResponseFlags;
  readonly grpcStatus: string | undefined;
  readonly durationMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  /** Of a gRPC call. */
  readonly messages: { readonly requests: number; readonly responses: number } | undefined;
}

/** Caller and callee with their series; held by whoever sees many requests between the two. */
export class IstioPair {
  readonly #labels: string;
  readonly #metrics: IstioMetrics;
  readonly #requests = new Map<number | string, RequestSeries>();
  readonly #tcp = new Map<ResponseFlags, TcpSeries>();
  #messages: MessageSeries | undefined;

  constructor(labels: PairLabels, metrics: IstioMetrics) {
    this.#labels = pairText(labels);
    this.#metrics = metrics;
  }

  addRequest(outcome: RequestOutcome): void {
    const { status, flags, grpcStatus } = outcome;
    const key = grpcStatus === undefined ? flags * 1024 + status : `${flags * 1024 + status}:${grpcStatus}`;
    let series = this.#requests.get(key);
    if (series === undefined) {
      series = this.#metrics.requestSeries(`${this.#labels}${requestText(outcome)}`);
      this.#requests.set(key, series);
    }
    series.requests++;
    series.duration.add(outcome.durationMs);
    series.requestBytes.add(outcome.requestBytes);
    series.responseBytes.add(outcome.responseBytes);
    if (outcome.messages !== undefined) this.#addMessages(outcome.messages);
  }

  /** Messages are counted by pair alone, as Istio counts them. */
  #addMessages({ requests, responses }: NonNullable<RequestOutcome['messages']>): void {
    this.#messages ??= this.#metrics.messageSeries(`${this.#labels},request_protocol="grpc"`);
    this.#messages.requests += requests;
    this.#messages.responses += responses;
  }

  tcp(flags: ResponseFlags): { opened: number; closed: number; sentBytes: number; receivedBytes: number } {
    let series = this.#tcp.get(flags);
    if (series === undefined) {
      series = this.#metrics.tcpSeries(
        `${this.#labels},request_protocol="tcp",response_flags="${flagText(flags)}"`,
      );
      this.#tcp.set(flags, series);
    }
    return series;
  }
}

/** All series of the proxy. */
export class IstioMetrics {
  readonly #messages = new Map<string, MessageSeries>();
  readonly #requests = new Map<string, RequestSeries>();
  readonly #tcp = new Map<string, TcpSeries>();

  messageSeries(labels: string): MessageSeries {
    return bounded(this.#messages, labels, (text) => new MessageSeries(text));
  }

  requestSeries(labels: string): RequestSeries {
    return bounded(this.#requests, labels, (text) => new RequestSeries(text));
  }

  tcpSeries(labels: string): TcpSeries {
    return bounded(this.#tcp, labels, (text) => new TcpSeries(text));
  }

  render(): string {
    const requests = [...this.#requests.values()];
    const tcp = [...this.#tcp.values()];
    const messages = [...this.#messages.values()];
    return [
      counter('istio_requests_total', requests, (series) => series.requests),
      histogram('istio_request_duration_milliseconds', requests, (series) => series.duration),
      histogram('istio_request_bytes', requests, (series) => series.requestBytes),
      histogram('istio_response_bytes', requests, (series) => series.responseBytes),
      counter('istio_request_messages_total', messages, (series) => series.requests),
      counter('istio_response_messages_total', messages, (series) => series.responses),
      counter('istio_tcp_connections_opened_total', tcp, (series) => series.opened),
      counter('istio_tcp_connections_closed_total', tcp, (series) => series.closed),
      counter('istio_tcp_sent_bytes_total', tcp, (series) => series.sentBytes),
      counter('istio_tcp_received_bytes_total', tcp, (series) => series.receivedBytes),
    ].join('');
  }
}

const OTHER = 'reporter="other"';

function bounded<T>(series: Map<string, T>, labels: string, make: (labels: string) => T): T {
  const key = series.has(labels) || series.size < MAX_SERIES ? labels : OTHER;
  const known = series.get(key);
  if (known !== undefined) return known;
  const made = make(key);
  series.set(key, made);
  return made;
}

function pairText(pair: PairLabels): string {
  const { source, destination } = pair;
  return [
    `reporter="${pair.reporter}"`,
    workloadText('source', source),
    workloadText('destination', destination),
    `destination_service="${escapeLabel(pair.service)}"`,
    `destination_service_name="${escapeLabel(pair.serviceName)}"`,
    `destination_service_namespace="${escapeLabel(pair.serviceNamespace)}"`,
    `connection_security_policy="${pair.security}"`,
  ].join(',');
}

function workloadText(end: 'source' | 'destination', workload: WorkloadLabels): string {
  return [
    `${end}_workload="${escapeLabel(workload.workload)}"`,
    `${end}_workload_namespace="${escapeLabel(workload.namespace)}"`,
    `${end}_principal="${escapeLabel(workload.principal)}"`,
    `${end}_app="${escapeLabel(workload.app)}"`,
    `${end}_version="${escapeLabel(workload.version)}"`,
    `${end}_cluster="${escapeLabel(workload.cluster)}"`,
    `${end}_canonical_service="${escapeLabel(workload.canonicalService)}"`,
    `${end}_canonical_revision="${escapeLabel(workload.canonicalRevision)}"`,
  ].join(',');
}

function requestText({ status, flags, grpcStatus }: RequestOutcome): string {
  const protocol = grpcStatus === undefined ? 'http' : 'grpc';
  const grpc = escapeLabel(grpcStatus ?? '');
  return `,request_protocol="${protocol}",response_code="${status}",grpc_response_status="${grpc}",response_flags="${flagText(flags)}"`;
}

function counter<T extends { readonly labels: string }>(
  name: string,
  list: readonly T[],
  value: (series: T) => number,
): string {
  if (list.length === 0) return '';
  const lines = list.map((series) => `${name}{${series.labels}} ${value(series)}\n`);
  return `# TYPE ${name} counter\n${lines.join('')}`;
}

function histogram<T extends { readonly labels: string }>(
  name: string,
  list: readonly T[],
  value: (series: T) => Histogram,
): string {
  if (list.length === 0) return '';
  return `# TYPE ${name} histogram\n${list.map((series) => value(series).lines(name, series.labels)).join('')}`;
}
