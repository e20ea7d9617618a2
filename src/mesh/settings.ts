import type { Authorizer } from './authorization.ts';
import type { Retries } from './route.ts';
import type { ClientTls, ConnectionPool, LocalityPreference, OutlierDetection } from './traffic-policy.ts';

/** What holds for the whole mesh: the mesh configuration with its defaults filled in. */
export interface MeshSettings {
  readonly trustDomain: string;
  readonly trustDomainAliases: readonly string[];
  /** Roots for these trust domains beside those of the mesh's CA; PEM, concatenated, '' for none. */
  readonly extraRootsPem: string;
  /** Trust domains of others whose workloads may enter, by name. */
  readonly federated: readonly FederatedDomain[];
  /** Suffix of the names of Kubernetes Services: `cluster.local`. */
  readonly clusterDomain: string;
  readonly rootNamespace: string;
  readonly outbound: OutboundMode;
  /** TLS towards destinations that `dynamic-dns` finds. */
  readonly outboundTls: ClientTls | undefined;
  /** Where calls for the application go: to the address that was called, or to 127.0.0.1. */
  readonly inbound: 'passthrough' | 'localhost';
  /** Mutual TLS to every endpoint that has a proxy. */
  readonly autoMtls: boolean;
  readonly connectTimeoutMs: number;
  readonly retries: Retries;
  /** What a DestinationRule that says anything of the kind replaces as a whole. */
  readonly pool: ConnectionPool | undefined;
  readonly outlier: OutlierDetection | undefined;
  /** Where no pool says otherwise. */
  readonly keepalive: ConnectionPool['keepalive'] | undefined;
  /** HTTP/1.1 becomes HTTP/2 between proxies, where no pool says otherwise. */
  readonly http2Upgrade: boolean;
  /** For destinations about which no DestinationRule says anything of the kind. */
  readonly locality: LocalityPreference;
  readonly accessLog: AccessLog | undefined;
  readonly headers: HeaderSettings;
  /** Gateways' clients are load balancers that say by PROXY protocol who calls. */
  readonly gatewayProxyProtocol: boolean;
  /** Limits of connections of clients to sidecars and to gateways. */
  readonly connections: Readonly<Record<'sidecar' | 'gateway', ConnectionLimits>>;
  /** Of TLS between workloads of the mesh. */
  readonly meshTls: TlsDefaults;
  /** Of all other TLS, where its own settings are silent. */
  readonly tlsDefaults: TlsDefaults;
  /** How long a client is waited for to tell its protocol; 0: until it does. */
  readonly sniffingTimeoutMs: number;
  readonly serviceExportTo: readonly string[];
  readonly virtualServiceExportTo: readonly string[];
  readonly destinationRuleExportTo: readonly string[];
  readonly pathNormalization: 'none' | 'base' | 'merge-slashes' | 'decode-and-merge-slashes';
  /** Resolvers for names outside of the mesh, `IP` or `IP:PORT`. */
  readonly dnsUpstreams: readonly string[];
  readonly ingress: IngressSettings;
  /** Extension providers that policies may ask, by name. */
  readonly authorizers: Readonly<Record<string, Authorizer>>;
}

/** Another trust domain, with the roots that may speak for it and for no other. */
export interface FederatedDomain {
  readonly trustDomain: string;
  /** PEM, concatenated. */
  readonly rootsPem: string;
}

/**
 * Whether calls to unknown destinations go through. `dynamic-dns`: yes, and HTTP requests to the host that they name,
 * resolved by the proxy, whatever address the client called.
 */
export type OutboundMode = 'allow-any' | 'registry-only' | 'dynamic-dns';

/** Which Kubernetes Ingresses are served, and by which workloads. */
export interface IngressSettings {
  /** `strict`: those that name the class; `default`: also those that name none. */
  readonly mode: 'off' | 'default' | 'strict';
  /** Value of the annotation `kubernetes.io/ingress.class`. */
  readonly className: string;
  /** Value of the label `istio` of the gateway's workloads. */
  readonly selector: string;
}

/** What TLS is spoken with. */
export interface TlsDefaults {
  /** As Envoy spells it: `TLSv1_3`; missing: 1.2. */
  readonly minVersion?: string;
  /** Empty: the proxy's own. */
  readonly cipherSuites: readonly string[];
  /** Empty: the proxy's own. */
  readonly curves: readonly string[];
}

/** Whether certificates of clients, as others say them (X-Forwarded-Client-Cert), are passed on. Envoy's words. */
export type ClientCertificates =
  | 'SANITIZE'
  | 'FORWARD_ONLY'
  | 'APPEND_FORWARD'
  | 'SANITIZE_SET'
  | 'ALWAYS_FORWARD_ONLY';

/** Limits and times of connections, where they are not the proxy's own. */
export interface ConnectionLimits {
  readonly listenerBufferBytes?: number;
  readonly clusterBufferBytes?: number;
  readonly idleTimeoutMs?: number;
  readonly maxConnectionDurationMs?: number;
  readonly drainTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  readonly requestHeadersTimeoutMs?: number;
  readonly streamIdleTimeoutMs?: number;
  readonly maxStreamDurationMs?: number;
  readonly maxConcurrentStreams?: number;
  readonly streamWindowBytes?: number;
  readonly connectionWindowBytes?: number;
  /** Names of headers with `_`: `ALLOW`, `REJECT_REQUEST` or `DROP_HEADER`. */
  readonly underscores?: string;
  readonly mergeSlashes?: boolean;
  /** `%2F` in paths, in Envoy's words: `UNESCAPE_AND_REDIRECT`. */
  readonly escapedSlashes?: string;
}

/** What proxies write into messages, and whose word they take. */
export interface HeaderSettings {
  /** Proxies before the gateways whose X-Forwarded-For is believed. */
  readonly trustedProxies: number;
  /** At gateways; undefined: those of the connection alone. */
  readonly edgeCertificates: ClientCertificates | undefined;
  /** Into workloads; undefined: added to what peers say. */
  readonly inboundCertificates: ClientCertificates | undefined;
  /** Whether requests without an id get one. */
  readonly requestId: boolean;
  /** Which parts of a verified client's certificate are written into workloads' X-Forwarded-Client-Cert. */
  readonly inboundDetails: Readonly<Record<'subject' | 'cert' | 'chain' | 'dns' | 'uri', boolean>>;
  /** Whether requests say how often they were tried (x-envoy-attempt-count). */
  readonly attemptCount: boolean;
  /** Whether a host that a route rewrites is kept in X-Forwarded-Host. */
  readonly forwardedHost: boolean;
  /** Whether X-Forwarded-Port says which port was called. */
  readonly forwardedPort: boolean;
  /** Whether names of headers go on over HTTP/1 as they came, instead of in lower case. */
  readonly keepCase: boolean;
  /** Whether `x-envoy-*` are written. */
  readonly envoyDebug: boolean;
  /** What `server` says of every answer; undefined: the application's own word. */
  readonly server: string | undefined;
}

export interface AccessLog {
  /** `/dev/stdout` or a path. */
  readonly file: string;
  readonly encoding: 'text' | 'json';
  /** '' for the default format; a JSON text where encoding is json. */
  readonly format: string;
}
