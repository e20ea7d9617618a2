import type { Buffer } from 'node:buffer';
import type {
  StreamReset,
  UpstreamEvents,
  UpstreamResponse,
  UpstreamStream,
  UpstreamTransport,
} from '../../stream/codec.ts';
import type { Cluster } from '../../upstream/cluster.ts';
import type { Endpoint } from '../../upstream/endpoint.ts';
import type { PoolFailure, PoolWaiter } from '../../upstream/http-pool.ts';
import type { GrpcTarget } from '../export-call.ts';

/** One long gRPC call on which only we send: messages go out until either side ends it. */
export class LogStream implements PoolWaiter, UpstreamEvents {
  /** True once messages can be sent, false where that will never be. */
  readonly opened: Promise<boolean>;
  readonly #cluster: Cluster;
  readonly #endpoint: Endpoint;
  readonly #target: GrpcTarget;
  readonly #path: string;
  #resolve: (opened: boolean) => void = () => {};
  #upstream: UpstreamStream | undefined;
  #over = false;

  /** `path`: `/package.Service/Method` */
  constructor(cluster: Cluster, endpoint: Endpoint, target: GrpcTarget, path: string) {
    this.#cluster = cluster;
    this.#endpoint = endpoint;
    this.#target = target;
    this.#path = path;
    this.opened = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    cluster.stats.upstream_rq_total++;
    cluster.stats.upstream_rq_active++;
    endpoint.active++;
    endpoint.pool.acquire(this, 'any');
  }

  get over(): boolean {
    return this.#over;
  }

  /** Sends one framed message. */
  send(message: Buffer): void {
    this.#upstream?.sendData(message);
    this.#upstream?.flush();
  }

  onTransport(transport: UpstreamTransport): void {
    const { authority, metadata } = this.#target;
    const headers = ['host', authority, 'te', 'trailers', 'content-type', 'application/grpc', ...metadata];
    const scheme = this.#endpoint.tls === undefined ? 'http' : 'https';
    this.#upstream = transport.open(
      { method: 'POST', target: this.#path, scheme, headers, body: 'stream', upgrade: '' },
      this,
    );
    this.#upstream.flush();
    this.#resolve(true);
  }

  onNoTransport({ reason }: PoolFailure): void {
    if (reason !== 'overflow') this.#cluster.report(this.#endpoint, 'local-origin-failure');
    this.#end();
  }

  onInformational(): void {}
  onResponse(response: UpstreamResponse): void {
    this.#cluster.report(this.#endpoint, response);
  }
  onResponseData(): void {}
  onResponseFlush(): void {}
  onRequestDrain(): void {}

  /** The service has heard enough. */
  onResponseEnd(): void {
    const upstream = this.#upstream;
    this.#end();
    upstream?.cancel();
  }

  onReset(_reset: StreamReset): void {
    this.#cluster.stats.upstream_rq_rx_reset++;
    this.#end();
  }

  #end(): void {
    if (this.#over) return;
    this.#over = true;
    this.#upstream = undefined;
    this.#cluster.stats.upstream_rq_active--;
    this.#endpoint.active--;
    this.#resolve(false);
  }
}
