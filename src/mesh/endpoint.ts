import type { Labels } from './workload.ts';

/** One place where calls to a service can be sent. */
export interface Endpoint {
  /** IP address, hostname (services with resolution dns), or `unix:///path`. */
  readonly address: string;
  /** By number of the service's port; a port that is missing is not served here. */
  readonly ports: ReadonlyMap<number, number>;
  readonly labels: Labels;
  /** `region/zone/subzone`, as far as known. */
  readonly locality: string;
  readonly network: string;
  readonly node: string;
  /** 0 where nobody gave one. */
  readonly weight: number;
  readonly ready: boolean;
  /** Its proxy takes mutual TLS. */
  readonly mtls: boolean;
  /** SPIFFE identity's parts; '' where unknown. */
  readonly namespace: string;
  readonly serviceAccount: string;
  /** What runs there, '' for addresses without a known workload. */
  readonly workload: string;
  readonly canonicalName: string;
  readonly canonicalRevision: string;
  /** First label of a headless service's Pod name; '' where it has none. */
  readonly hostname: string;
}
