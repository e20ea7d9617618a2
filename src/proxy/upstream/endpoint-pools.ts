import type { Result } from '../../lib/result.ts';
import type { Connection, NetError } from '../../wire/connection.ts';
import type { ClusterStats } from '../observe/envoy-stats.ts';
import { AlpnPool } from './alpn-pool.ts';
import type { ClusterConfig } from './cluster-config.ts';
import type { UpstreamEnvironment } from './environment.ts';
import type { HttpPool, PoolTarget } from './http-pool.ts';
import { Http1Pool } from './http1-pool.ts';
import { Http2Pool } from './http2-pool.ts';
import { type NamedRequest, type ServerName, serverNameOf } from './server-name.ts';

/** Most server names with pools of their own; the one that was made first goes when there are more. */
const MAX_NAMED_POOLS = 1024;

/** What the pools need of their endpoint. */
export interface PooledEndpoint {
  readonly address: string;
  connect(options: {
    readonly alpn: (offered: readonly string[]) => readonly string[];
    readonly serverName?: ServerName;
  }): Promise<Result<Connection, NetError>>;
  connectionClosed(): void;
}

/** The pools of one endpoint: one for each protocol it is spoken to in, and, where requests name the server, one for each name. */
export class EndpointPools {
  /** For who has no client: HTTP/1 where the client would decide. */
  readonly standard: HttpPool;
  readonly #endpoint: PooledEndpoint;
  readonly #config: ClusterConfig;
  readonly #stats: ClusterStats;
  readonly #environment: UpstreamEnvironment;
  #http2: HttpPool | undefined;
  #named: Map<string, HttpPool> | undefined;

  constructor(
    endpoint: PooledEndpoint,
    config: ClusterConfig,
    stats: ClusterStats,
    environment: UpstreamEnvironment,
  ) {
    this.#endpoint = endpoint;
    this.#config = config;
    this.#stats = stats;
    this.#environment = environment;
    const { protocol } = config.http;
    this.standard = this.#make(protocol === 'downstream' ? 'http1' : protocol, undefined);
  }

  get empty(): boolean {
    return this.#all().every((pool) => pool.empty);
  }

  /** `overHttp2`: the client spoke HTTP/2. */
  of(overHttp2: boolean, request: NamedRequest): HttpPool {
    const { protocol, autoServerName } = this.#config.http;
    const http2 = protocol === 'downstream' && overHttp2;
    if (autoServerName !== undefined) {
      const serverName = serverNameOf(autoServerName, request);
      if (serverName !== undefined) return this.#ofName(serverName, http2);
    }
    if (!http2) return this.standard;
    this.#http2 ??= this.#make('http2', undefined);
    return this.#http2;
  }

  drain(): void {
    for (const pool of this.#all()) pool.drain();
  }

  #ofName(serverName: ServerName, http2: boolean): HttpPool {
    const { protocol } = this.#config.http;
    const key = `${http2 ? 'h2 ' : ''}${serverName.name}`;
    this.#named ??= new Map();
    const known = this.#named.get(key);
    if (known !== undefined) return known;
    if (this.#named.size >= MAX_NAMED_POOLS) {
      const [oldest] = this.#named;
      this.#named.delete(oldest?.[0] ?? '');
      oldest?.[1].drain();
    }
    const pool = this.#make(protocol === 'downstream' ? (http2 ? 'http2' : 'http1') : protocol, serverName);
    this.#named.set(key, pool);
    return pool;
  }

  #make(protocol: 'http1' | 'http2' | 'alpn', serverName: ServerName | undefined): HttpPool {
    const endpoint = this.#endpoint;
    const target: PoolTarget = {
      address: endpoint.address,
      connect: (alpn) => endpoint.connect(serverName === undefined ? { alpn } : { alpn, serverName }),
      connectionClosed: () => endpoint.connectionClosed(),
    };
    const Pool = protocol === 'http1' ? Http1Pool : protocol === 'http2' ? Http2Pool : AlpnPool;
    return new Pool(target, this.#config, this.#stats, this.#environment);
  }

  #all(): HttpPool[] {
    return [this.standard, this.#http2, ...(this.#named?.values() ?? [])].filter(
      (pool) => pool !== undefined,
    );
  }
}
