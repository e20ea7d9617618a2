/** What is spoken by clients, proxy and upstream of a scenario. */
export type Protocol = 'http1' | 'http2' | 'grpc' | 'tcp';

/** `server`: only the server shows a certificate. */
export type Tls = 'none' | 'server' | 'mutual';

/** The work of one proxy process; two sidecars in a row are two hops. Each peer has its own way to write it down. */
export interface Hop {
  readonly listenPort: number;
  readonly upstreamPort: number;
  readonly protocol: Protocol;
  readonly downstreamTls: Tls;
  readonly upstreamTls: Tls;
  /** One line of JSON per request into `access.log` of the folder. */
  readonly accessLog: boolean;
  /** Ten rules on method, path and SPIFFE identity, of which the last allows. */
  readonly accessRules: boolean;
  /** One request in a hundred is reported to a Zipkin collector at this port; undefined: none. */
  readonly collectorPort?: number;
}

/** Names of PEM files. One leaf serves everybody: it is client and server, `bench.local` and a SPIFFE identity. */
export interface CertificateFiles {
  readonly root: string;
  readonly chain: string;
  readonly key: string;
  /** Chain and key in one file, as HAProxy wants it. */
  readonly both: string;
}

export const HOST = 'bench.local';
export const IDENTITY = 'spiffe://cluster.local/ns/default/sa/bench';
/** More than any scenario keeps open at a proxy. */
export const MAX_CONNECTIONS = 10_500;
