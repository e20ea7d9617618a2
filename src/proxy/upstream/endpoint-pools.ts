import type { Result } from '../../lib/result.ts';
import type { Connection, NetError } from '../../wire/connection.ts';
import type { ProxiedConnection } from '../../wire/proxy-protocol/encode.ts';
import type { ClusterStats } from '../observe/envoy-stats.ts';
import { AlpnPool } from './alpn-pool.ts';
import type { ClusterConfig } from './cluster-config.ts';
import type { UpstreamEnvironment } from './environment.ts';
import type { HttpPool, PoolTarget } from './http-pool.ts';
import { Http1Pool } from './http1-pool.ts';
import { Http2Pool } from './http2-pool.ts';
import { type NamedRequest, type ServerName, serverNameOf } from './server-name.ts';

/** Most server names, or clients, with pools of their own; the one that was made first goes when there are more. */
const MAX_OWN_POOLS = 1024;

/** What the pools need of their endpoint. */
export interface PooledEndpoint {
  readonly address: string;
  /** It is told by PROXY protocol for whom a connection is: connections are not shared between clients. */
  readonly toldClients: boolean;
  connect(options: {
    readonly alpn: (offered: readonly string[]) => readonly string[];
    readonly serverName?: ServerName;
    readonly proxied?: ProxiedConnection;
  }): Promise<Result<Connection, NetError>>;
  connectionClosed(): void;
}

/** The pools of one endpoint: one for each protocol it is spoken to in, and, where requests name the server or the endpoint is told of clients, one for each. */
export class EndpointPools {
  /** For who has no client: HTTP/1 where the client would decide. */
  standard: HttpPool;
  readonly #endpoint: PooledEndpoint;
  readonly #config: ClusterConfig;
  readonly #stats: ClusterStats;
  readonly #environment: UpstreamEnvironment;
  #http2: HttpPool | undefined;
  #own: Map<string, HttpPool> | undefined;

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
    this.standard = this.#makeStandard();
  }

  get empty(): boolean {
    return this.#all().every((pool) => pool.empty);
  }

  /** `overHttp2`: the client spoke HTTP/2. */
  of(overHttp2: boolean, request: NamedRequest, client: ProxiedConnection | undefined): HttpPool {
    const { protocol, autoServerName } = this.#config.http;
    const http2 = protocol === 'downstream' && overHttp2;
    const proxied = this.#endpoint.toldClients ? client : undefined;
    const serverName = autoServerName === undefined ? undefined : serverNameOf(autoServerName, request);
    if (serverName !== undefined || proxied !== undefined) return this.#ownOf(http2, serverName, proxied);
    if (!http2) return this.standard;
    this.#http2 ??= this.#make('http2', undefined, undefined);
    return this.#http2;
  }

  /** The pools of now finish what they carry; whoever comes next finds new ones. */
  renew(): void {
    this.drain();
    this.standard = this.#makeStandard();
    this.#http2 = undefined;
    this.#own = undefined;
  }

  drain(): void {
    for (const pool of this.#all()) pool.drain();
  }

  #makeStandard(): HttpPool {
    const { protocol } = this.#config.http;
    return this.#make(protocol === 'downstream' ? 'http1' : protocol, undefined, undefined);
  }

  #ownOf(
    http2: boolean,
    serverName: ServerName | undefined,
    proxied: ProxiedConnection | undefined,
  ): HttpPool {
    const { protocol } = this.#config.http;
    const key = `${http2 ? 'h2 ' : ''}${serverName?.name ?? ''} ${proxied === undefined ? '' : textOf(proxied)}`;
    this.#own ??= new Map();
    const known = this.#own.get(key);
    if (known !== undefined) return known;
    if (this.#own.size >= MAX_OWN_POOLS) this.#makeRoom(this.#own);
    const spoken = protocol === 'downstream' ? (http2 ? 'http2' : 'http1') : protocol;
    const pool = this.#make(spoken, serverName, proxied);
    this.#own.set(key, pool);
    return pool;
  }

  /** Pools without connections go; where all have some, the oldest does. */
  #makeRoom(own: Map<string, HttpPool>): void {
    for (const [key, pool] of own) if (pool.empty) own.delete(key);
    if (own.size < MAX_OWN_POOLS) return;
    const [oldest] = own;
    own.delete(oldest?.[0] ?? '');
    oldest?.[1].drain();
  }

  #make(
    protocol: 'http1' | 'http2' | 'alpn',
    serverName: ServerName | undefined,
    proxied: ProxiedConnection | undefined,
  ): HttpPool {
    const endpoint = this.#endpoint;
    const own = {
      ...(serverName === undefined ? {} : { serverName }),
      ...(proxied === undefined ? {} : { proxied }),
    };
    const target: PoolTarget = {
      address: endpoint.address,
      connect: (alpn) => endpoint.connect({ alpn, ...own }),
      connectionClosed: () => endpoint.connectionClosed(),
    };
    const Pool = protocol === 'http1' ? Http1Pool : protocol === 'http2' ? Http2Pool : AlpnPool;
    return new Pool(target, this.#config, this.#stats, this.#environment);
  }

  #all(): HttpPool[] {
    return [this.standard, this.#http2, ...(this.#own?.values() ?? [])].filter((pool) => pool !== undefined);
  }
}

function textOf({ source, destination }: ProxiedConnection): string {
  return `${source.address} ${source.port} ${destination.address} ${destination.port}`;
}
