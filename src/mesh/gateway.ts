import type { Origin } from './origin.ts';
import type { Protocol } from './protocol.ts';
import type { Age } from './service.ts';
import type { Labels } from './workload.ts';

export type ServerTlsMode =
  | 'passthrough'
  | 'auto-passthrough'
  | 'simple'
  | 'mutual'
  | 'optional-mutual'
  | 'mesh';

/** How a gateway's port ends TLS. */
export interface ServerTls {
  readonly mode: ServerTlsMode;
  /** Names of secrets; the first RSA and the first ECDSA certificate are used. */
  readonly credentialNames: readonly string[];
  readonly caCredentialName?: string;
  readonly files: readonly { readonly certificate: string; readonly privateKey: string }[];
  readonly caFile?: string;
  /** Revocation list, where the CA certificates are in a file. */
  readonly crlFile?: string;
  /** A client whose certificate nobody trusted signed is let in, too. */
  readonly acceptUntrusted?: boolean;
  readonly subjectAltNames: readonly string[];
  readonly certificateHashes: readonly string[];
  readonly certificateSpki: readonly string[];
  readonly minVersion?: string;
  readonly maxVersion?: string;
  readonly cipherSuites: readonly string[];
  /** Curves of the key exchange; the mesh's where there are none. */
  readonly curves?: readonly string[];
}

/** One server of a Gateway. */
export interface GatewayServer {
  readonly port: number;
  readonly portName: string;
  readonly protocol: Protocol;
  /** Address to bind; '' for all. */
  readonly bind: string;
  /** Hosts without their namespace part, in order; `*` or `*.` before them for all below. */
  readonly hosts: readonly GatewayHost[];
  readonly tls?: ServerTls;
  readonly httpsRedirect: boolean;
  /**
   * Hosts of servers beside it, of which a client may ask on a connection for this one: it is told to ask on another
   * (421).
   */
  readonly misdirected?: readonly string[];
  readonly origin: Origin;
}

export interface GatewayHost {
  /** Namespace whose rules may use the host, `*` for all. */
  readonly namespace: string;
  readonly host: string;
}

/** One Gateway: what is open to the outside on the workloads that it selects. */
export interface Gateway {
  readonly namespace: string;
  readonly name: string;
  readonly selector: Labels;
  /** Only workloads of this namespace; missing: of any. */
  readonly workloadNamespace?: string;
  readonly servers: readonly GatewayServer[];
  readonly age: Age;
  readonly origin: Origin;
}
