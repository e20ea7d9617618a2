import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { Network } from '../../wire/connection.ts';
import type { Metrics } from '../observe/metrics.ts';
import type { Cluster } from './cluster.ts';
import type { ClusterConfig, DnsFamily } from './cluster-config.ts';
import type { EndpointSet } from './endpoint-set.ts';

/** Addresses of a name, or why there are none. `ttlMs` undefined where the resolver does not tell. */
export type ResolveName = (
  host: string,
  family: DnsFamily,
) => Promise<
  | { readonly ok: true; readonly addresses: readonly string[]; readonly ttlMs: number | undefined }
  | { readonly ok: false; readonly message: string }
>;

export interface ClusterEnvironment {
  readonly clock: Clock;
  readonly random: Random;
  readonly network: Network;
  readonly metrics: Metrics;
  readonly resolveName: ResolveName;
}

/** What /clusters shows of one cluster. */
export interface ClusterDescription {
  readonly name: string;
  readonly config: ClusterConfig;
  readonly ready: boolean;
  readonly endpoints: readonly EndpointDescription[];
}

export interface EndpointDescription {
  readonly address: string;
  readonly hostname: string;
  readonly health: string;
  readonly ejected: boolean;
  readonly weight: number;
  readonly priority: number;
  readonly region: string;
  readonly zone: string;
  readonly subZone: string;
  /** Statistics as Envoy names them: cx_active, cx_connect_fail, cx_total, rq_active, rq_error, rq_success, rq_timeout, rq_total. */
  readonly counts: Readonly<Record<string, number>>;
}

/**
 * All clusters of the proxy. A changed cluster serves on in its old form until the new one is warm; a removed one, and
 * removed endpoints, finish what they carry. Called by configure/ only; read by filters through `get`.
 */
export declare class Clusters {
  constructor(environment: ClusterEnvironment);
  /** Called whenever a cluster becomes ready for the first time in its present form. */
  onReady: (name: string) => void;
  apply(changed: readonly ClusterConfig[], removed: readonly string[]): void;
  /** New endpoints for every cluster whose EDS name this is; kept for clusters that come later. */
  setEndpoints(serviceName: string, endpoints: EndpointSet): void;
  removeEndpoints(serviceName: string): void;
  /** Secrets came: clusters that wait for them look again. */
  secretsChanged(): void;
  /** EDS names that the clusters need now. */
  edsNames(): readonly string[];
  /** A cluster that can serve. */
  get(name: string): Cluster | undefined;
  /** Names that wait for endpoints or secrets and have no older form that serves. */
  warming(): readonly string[];
  describe(): readonly ClusterDescription[];
  /** Closes idle connections and stops DNS. */
  close(): void;
}
