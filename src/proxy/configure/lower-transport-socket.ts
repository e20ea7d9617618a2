/**
 * transport_socket of clusters and filter chains to TLS ends. `raw_buffer` and an absent one are plaintext; what this
 * proxy cannot do is refused.
 */
import type { TlsServerOptions } from '../../wire/connection.ts';
import type { TransportSocket } from '../../xds/resources.ts';
import type { DownstreamTlsContext, UpstreamTlsContext } from '../../xds/tls-types.ts';
import type { Lowered } from '../lowered.ts';
import { lowering } from '../lowered.ts';
import type { LowerUpstreamTls, UpstreamTls } from '../upstream/upstream-tls.ts';
import type { TlsEnvironment } from './lower-tls.ts';
import { lowerCommonTls, refuseRest } from './lower-tls.ts';

const prefix = 'type.googleapis.com/envoy.extensions.transport_sockets';
const upstreamType = `${prefix}.tls.v3.UpstreamTlsContext`;
const downstreamType = `${prefix}.tls.v3.DownstreamTlsContext`;
const rawType = `${prefix}.raw_buffer.v3.RawBuffer`;

/** The server end of TLS on a filter chain. */
export interface DownstreamTlsEnd {
  readonly secretNames: readonly string[];
  ready(): boolean;
  /** Options for Network.acceptTls with the secrets of this moment. Only called while ready(). */
  acceptOptions(): Omit<TlsServerOptions, 'peeked'>;
}

/** How long a handshake may take where the chain does not say (Envoy's transport_socket_connect_timeout is off by default). */
const defaultHandshakeTimeoutMs = 15_000;

/** Lowers the transport socket of a filter chain; undefined is plaintext. */
export function lowerDownstreamTls(
  socket: TransportSocket | undefined,
  field: string,
  environment: TlsEnvironment,
  handshakeTimeoutMs = defaultHandshakeTimeoutMs,
): Lowered<DownstreamTlsEnd | undefined> {
  return lowering((refuse) => {
    const config = socket?.typed_config;
    if (socket === undefined || config?.['@type'] === rawType) return undefined;
    if (config?.['@type'] !== downstreamType) {
      refuse(
        `${field}.typed_config`,
        `${config?.['@type'] ?? 'no type'} is not a transport socket this proxy accepts`,
      );
      return undefined;
    }
    const { common_tls_context, require_client_certificate, ...more } = config as DownstreamTlsContext;
    const { disable_stateless_session_resumption: _resumption, session_timeout: _timeout, ...rest } = more;
    refuseRest(rest, `${field}.typed_config`, refuse);
    const common = lowerCommonTls(
      common_tls_context ?? {},
      `${field}.typed_config.common_tls_context`,
      environment,
      'client',
      refuse,
    );
    const required = require_client_certificate === true;
    if (!common.hasCertificate)
      refuse(`${field}.typed_config.common_tls_context`, 'names no certificate to show');
    return {
      secretNames: common.secretNames,
      ready: common.ready,
      acceptOptions: () => ({
        context: common.context(),
        alpn: common.alpn,
        requestClientCertificate: required || common.validates,
        verify: (peer) => common.judge(peer, required),
        timeoutMs: handshakeTimeoutMs,
      }),
    };
  });
}

/** Makes the lowering of upstream transport sockets for these secrets. */
export function upstreamTlsLowering(environment: TlsEnvironment): LowerUpstreamTls {
  return (socket, field) =>
    lowering((refuse): UpstreamTls | undefined => {
      const config = socket.typed_config;
      if (config?.['@type'] === rawType || (config === undefined && /raw/.test(socket.name ?? '')))
        return undefined;
      if (config?.['@type'] !== upstreamType) {
        refuse(
          `${field}.typed_config`,
          `${config?.['@type'] ?? 'no type'} is not a transport socket this proxy can use`,
        );
        return undefined;
      }
      const {
        common_tls_context,
        sni,
        allow_renegotiation: _renegotiation,
        max_session_keys: _keys,
        ...rest
      } = config as UpstreamTlsContext;
      refuseRest(rest, `${field}.typed_config`, refuse);
      const common = lowerCommonTls(
        common_tls_context ?? {},
        `${field}.typed_config.common_tls_context`,
        environment,
        'server',
        refuse,
      );
      return {
        sni: sni ?? '',
        alpn: common.alpn,
        mutual: common.hasCertificate && common.validates,
        ready: common.ready,
        connectOptions: () => ({
          context: common.context(),
          sni: sni ?? '',
          alpn: common.alpn,
          verify: (peer) => common.judge(peer, true),
        }),
      };
    });
}
