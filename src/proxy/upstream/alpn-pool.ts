import type { Connection } from '../../wire/connection.ts';
import type { ClusterStats } from '../observe/envoy-stats.ts';
import type { ClusterConfig } from './cluster-config.ts';
import type { UpstreamEnvironment } from './environment.ts';
import type { Freshness, HttpPool, PoolTarget, PoolWaiter } from './http-pool.ts';
import { Http1Pool } from './http1-pool.ts';
import { Http2Pool } from './http2-pool.ts';
import type { IdleLimit } from './idle-limit.ts';

/**
 * A pool whose connections decide by ALPN what is spoken. HTTP/2 is expected until one says otherwise; a connection
 * that came out different goes to the other pool with everybody who waits, and from then on that one is asked.
 */
export class AlpnPool implements HttpPool {
  readonly #http1: Http1Pool;
  readonly #http2: Http2Pool;
  #current: Http1Pool | Http2Pool;

  constructor(
    target: PoolTarget,
    config: ClusterConfig,
    stats: ClusterStats,
    environment: UpstreamEnvironment,
  ) {
    this.#http1 = new Http1Pool(target, config, stats, environment, (connection) =>
      this.#give(connection, isHttp2(connection), this.#http2, this.#http1),
    );
    this.#http2 = new Http2Pool(target, config, stats, environment, (connection) =>
      this.#give(connection, !isHttp2(connection), this.#http1, this.#http2),
    );
    this.#current = this.#http2;
  }

  get idleLimit(): IdleLimit {
    return this.#current.idleLimit;
  }

  get empty(): boolean {
    return this.#http1.empty && this.#http2.empty;
  }

  acquire(waiter: PoolWaiter, freshness: Freshness): void {
    this.#current.acquire(waiter, freshness);
  }

  cancel(waiter: PoolWaiter): void {
    this.#http1.cancel(waiter);
    this.#http2.cancel(waiter);
  }

  drain(): void {
    this.#http1.drain();
    this.#http2.drain();
  }

  #give(
    connection: Connection,
    other: boolean,
    to: Http1Pool | Http2Pool,
    from: Http1Pool | Http2Pool,
  ): boolean {
    if (!other) return false;
    this.#current = to;
    from.waiting.moveTo(to.waiting);
    to.adopt(connection);
    to.dialForWaiting();
    return true;
  }
}

function isHttp2(connection: Connection): boolean {
  return connection.tls?.alpn === 'h2';
}
