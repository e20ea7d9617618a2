import type { TlsClientOptions } from '../../wire/connection.ts';
import type { TransportSocket } from '../../xds/resources.ts';
import type { Lowered } from '../lowered.ts';

/** A new TLS connection to a peer, with whatever certificate is current at that moment. */
export interface UpstreamTls {
  readonly sni: string;
  readonly alpn: readonly string[];
  /** Whether the peer proves who it is and asks us to: its stated identity can be believed. */
  readonly mutual: boolean;
  /** Whether sessions are kept, to be resumed (max_session_keys). */
  readonly resumes: boolean;
  /** Whether its secrets are there yet: a cluster whose secrets are missing is warming. */
  ready(): boolean;
  /** For Network.connect's `tls`; verification of the peer is in them. Only called while ready(). */
  connectOptions(): TlsClientOptions;
}

/** Lowers an upstream transport socket; undefined for plaintext. Offered by configure/lower-transport-socket.ts. */
export type LowerUpstreamTls = (socket: TransportSocket, field: string) => Lowered<UpstreamTls | undefined>;
