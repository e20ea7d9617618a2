import { isGrpcType } from '../../wire/grpc/content-type.ts';
import { getHeader } from '../../wire/headers.ts';
import type { NodeInfo } from '../node-info.ts';
import type { ConnectionView } from '../stream/connection-view.ts';
import type { OutcomeEndpoint, RoutedStream } from '../stream/routed-stream.ts';
import type { Metadata } from '../upstream/endpoint-set.ts';
import { type IstioPair, UNKNOWN_WORKLOAD, type WorkloadLabels } from './istio-metrics.ts';
import type { Metrics } from './metrics.ts';
import { endpointLabels, ownLabels, parseIntroduction } from './peer-header.ts';

/** What is known of the cluster a stream went to. */
export interface ClusterFacts {
  readonly config: { readonly metadata: Metadata };
}

/**
 * Counts finished streams in Istio's metrics: outbound ones as their source, inbound ones as their destination. What
 * comes in by a listener without a direction is the proxy's own (metrics, readiness) and no traffic of the mesh.
 */
export class IstioReporter {
  readonly #metrics: Metrics;
  readonly #own: WorkloadLabels;
  readonly #principal: string;
  readonly #isSource: boolean;
  readonly #isOwn: boolean;
  readonly #cluster: (name: string) => ClusterFacts | undefined;
  /** Outbound pairs by endpoint; they go with it. */
  readonly #byEndpoint = new WeakMap<OutcomeEndpoint, IstioPair>();
  /** Of requests that reached no endpoint, by cluster; as many as routes lead to. */
  readonly #byCluster = new Map<string, IstioPair>();

  constructor(
    metrics: Metrics,
    direction: 'inbound' | 'outbound' | 'unspecified',
    cluster: (name: string) => ClusterFacts | undefined,
  ) {
    this.#metrics = metrics;
    this.#own = ownLabels(metrics.node);
    this.#principal = principalOf(metrics.node);
    this.#isSource = direction === 'outbound';
    this.#isOwn = direction === 'unspecified';
    this.#cluster = cluster;
  }

  requestFinished(stream: RoutedStream): void {
    if (this.#isOwn) return;
    const { facts, request } = stream;
    const isGrpc = isGrpcType(getHeader(request.headers, 'content-type'));
    this.pairOf(stream.connection, stream.outcome, stream.request.authority).addRequest({
      status: facts.responseCode,
      flags: facts.responseFlags,
      grpcStatus: isGrpc
        ? (getHeader(facts.responseTrailers, 'grpc-status') ??
          getHeader(facts.responseHeaders, 'grpc-status') ??
          '')
        : undefined,
      durationMs: facts.durationMs,
      requestBytes: facts.bytesReceived,
      responseBytes: facts.bytesSent,
      messages: stream.messages,
    });
  }

  /** The series between the two ends of a stream or connection. */
  pairOf(connection: ConnectionView, outcome: Outcome, authority: string): IstioPair {
    return this.#isSource
      ? this.#outboundPair(outcome, authority)
      : this.#inboundPair(connection, outcome, authority);
  }

  #outboundPair(outcome: Outcome, authority: string): IstioPair {
    const { endpoint } = outcome;
    const cluster = outcome.cluster ?? '';
    const known = endpoint === undefined ? this.#byCluster.get(cluster) : this.#byEndpoint.get(endpoint);
    if (known !== undefined) return known;
    const workload = endpoint?.placement.spec.metadata['istio']?.['workload'];
    const destination =
      endpoint === undefined ? UNKNOWN_WORKLOAD : endpointLabels(workload, outcome.principal);
    const source = { ...this.#own, principal: outcome.principal === '' ? 'unknown' : this.#principal };
    const pair = this.#metrics.pair({
      reporter: 'source',
      source,
      destination,
      security: 'unknown',
      ...this.#service(cluster, authority),
    });
    if (endpoint === undefined) this.#byCluster.set(cluster, pair);
    else this.#byEndpoint.set(endpoint, pair);
    return pair;
  }

  #inboundPair(connection: ConnectionView, outcome: Outcome, authority: string): IstioPair {
    const cluster = outcome.cluster ?? '';
    if (connection.pair !== undefined && connection.pairCluster === cluster) return connection.pair;
    const uri = connection.downstream.tls?.peer?.uri ?? '';
    const pair = this.#metrics.pair({
      reporter: 'destination',
      source: parseIntroduction(uri === '' ? undefined : connection.introduction, uri),
      destination: { ...this.#own, principal: uri === '' ? 'unknown' : this.#principal },
      security: uri === '' ? 'none' : 'mutual_tls',
      ...this.#service(cluster, authority),
    });
    connection.pair = pair;
    connection.pairCluster = cluster;
    return pair;
  }

  /** Istio's control plane writes the service into the cluster's metadata; else it is what the caller asked for. */
  #service(
    cluster: string,
    authority: string,
  ): { service: string; serviceName: string; serviceNamespace: string } {
    const services = this.#cluster(cluster)?.config.metadata['istio']?.['services'];
    const first = (Array.isArray(services) ? services[0] : undefined) as
      | { readonly host?: string; readonly name?: string; readonly namespace?: string }
      | undefined;
    return {
      service: first?.host ?? (authority || 'unknown'),
      serviceName: first?.name ?? (cluster || 'unknown'),
      serviceNamespace: first?.namespace ?? 'unknown',
    };
  }
}

type Outcome = Pick<RoutedStream['outcome'], 'endpoint' | 'cluster' | 'principal'>;

function principalOf(node: NodeInfo): string {
  if (node.namespace === '' || node.serviceAccount === '') return 'unknown';
  const trustDomain = node.metadata['TRUST_DOMAIN'];
  const domain = typeof trustDomain === 'string' ? trustDomain : 'cluster.local';
  return `spiffe://${domain}/ns/${node.namespace}/sa/${node.serviceAccount}`;
}
