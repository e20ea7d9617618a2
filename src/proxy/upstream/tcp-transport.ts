import { hostPort } from '../../lib/host-port.ts';
import type { Connection, ConnectionHandlers, NetError } from '../../wire/connection.ts';
import type { Headers } from '../../wire/headers.ts';
import { encodeProxyV1, encodeProxyV2, type ProxiedConnection } from '../../wire/proxy-protocol/encode.ts';
import type {
  StreamReset,
  UpstreamEvents,
  UpstreamRequest,
  UpstreamStream,
  UpstreamTransport,
} from '../stream/codec.ts';
import type { Cluster } from './cluster.ts';
import type { ProxyProtocolVersion } from './cluster-config.ts';
import type { Endpoint } from './endpoint.ts';
import type { HttpPool, PoolWaiter } from './http-pool.ts';

/**
 * The receiving end of a tunnel: a CONNECT request becomes a TCP connection of its own, its stream's bytes that
 * connection's bytes. The connection stands before the request is answered with 200; either side may end its direction.
 */
export class TcpTransport
  implements Pick<HttpPool, 'acquire' | 'cancel'>, UpstreamTransport, UpstreamStream, ConnectionHandlers
{
  readonly protocol = undefined;
  readonly #endpoint: Endpoint;
  readonly #cluster: Cluster;
  readonly #proxied: ProxiedConnection;
  readonly #header: ProxyProtocolVersion | undefined;
  #connection: Connection | undefined;
  #events: UpstreamEvents | undefined;
  #cancelled = false;
  /** CONNECT; a POST in its place is a request and an answer, each as long as it takes. */
  #raw = true;
  #room = true;
  #requestEnded = false;
  #responseEnded = false;
  #uncarry: () => void = () => {};

  /** `header`: the PROXY protocol's, before the tunnel's own bytes. */
  constructor(
    endpoint: Endpoint,
    cluster: Cluster,
    proxied: ProxiedConnection,
    header: ProxyProtocolVersion | undefined,
  ) {
    this.#header = header;
    this.#endpoint = endpoint;
    this.#cluster = cluster;
    this.#proxied = proxied;
  }

  get connection(): Connection {
    return this.#connection as Connection;
  }

  get localText(): string {
    return hostPort(this.connection.localAddress, this.connection.localPort);
  }

  acquire(waiter: PoolWaiter): void {
    const { stats, config } = this.#cluster;
    if (stats.upstream_cx_active >= config.limits.maxConnections) {
      stats.upstream_cx_overflow++;
      const message = `Cluster ${this.#cluster.name} has ${config.limits.maxConnections} connections already.`;
      waiter.onNoTransport({ reason: 'overflow', error: undefined, message });
    } else void this.#connect(waiter);
  }

  cancel(): void {
    this.#cancelled = true;
    this.#events = undefined;
    this.#connection?.destroy();
  }

  open({ method }: UpstreamRequest, events: UpstreamEvents): UpstreamStream {
    this.#events = events;
    this.#raw = method === 'CONNECT';
    // Who opens a stream is told of its answer after it has the stream.
    queueMicrotask(() => {
      const body = this.#raw ? 'raw' : 'stream';
      this.#events?.onResponse({ status: 200, reason: '', headers: [], body });
      this.#events?.onResponseFlush();
      this.connection.handle(this);
    });
    return this;
  }

  sendData(bytes: Buffer): boolean {
    this.#room = this.connection.write(bytes);
    return this.#room;
  }

  sendEnd(_trailers: Headers | undefined): void {
    this.#requestEnded = true;
    this.connection.end();
  }

  flush(): boolean {
    return this.#room;
  }

  pause(): void {
    this.connection.pause();
  }

  resume(): void {
    this.connection.resume();
  }

  onData(bytes: Buffer): void {
    this.#events?.onResponseData(bytes);
    this.#events?.onResponseFlush();
  }

  onEnd(): void {
    this.#responseEnded = true;
    const events = this.#events;
    // The end of its answer is the end of a POST.
    if (!this.#raw) {
      this.#events = undefined;
      this.connection.destroy();
    }
    events?.onResponseEnd(undefined);
    events?.onResponseFlush();
  }

  onDrain(): void {
    this.#room = true;
    this.#events?.onRequestDrain();
  }

  onClose(error: NetError | undefined): void {
    this.#endpoint.connectionClosed();
    this.#uncarry();
    if (this.#responseEnded && this.#requestEnded && error === undefined) return;
    const reason: StreamReset['reason'] = error?.code === 'connection_reset' ? 'remote-reset' : 'termination';
    const message = error?.message ?? `${this.#endpoint.address} closed the connection of a tunnel.`;
    this.#events?.onReset({ reason, message, reused: false });
    this.#events = undefined;
  }

  async #connect(waiter: PoolWaiter): Promise<void> {
    const result = await this.#endpoint.connect({ proxied: this.#proxied });
    if (result.ok) {
      this.#connection = result.value;
      if (this.#header === 'V1') result.value.write(encodeProxyV1(this.#proxied));
      else if (this.#header === 'V2') result.value.write(encodeProxyV2(this.#proxied));
      this.#uncarry = this.#endpoint.onFailure(() => result.value.destroy());
      if (!this.#cancelled) waiter.onTransport(this);
      else {
        result.value.handle(this);
        result.value.destroy();
      }
      return;
    }
    if (this.#cancelled) return;
    const { error } = result;
    const reason = error.code === 'connect_timeout' ? 'connect-timeout' : 'connection-failure';
    waiter.onNoTransport({ reason, error, message: error.message });
  }
}
