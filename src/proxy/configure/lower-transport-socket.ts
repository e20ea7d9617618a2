/**
 * transport_socket of clusters and filter chains to TLS ends. `raw_buffer` and an absent one are plaintext; what this
 * proxy cannot do is refused.
 */
import type { TlsPeer, TlsServerOptions } from '../../wire/connection.ts';
import type { TransportSocket } from '../../xds/resources.ts';
import type { DownstreamTlsContext, UpstreamTlsContext } from '../../xds/tls-types.ts';
import { readDurationMs } from '../fields.ts';
import type { Lowered } from '../lowered.ts';
import { lowering } from '../lowered.ts';
import type { LowerUpstreamTls, UpstreamTls } from '../upstream/upstream-tls.ts';
import { type Refuse, refuseRest } from './data-source.ts';
import type { TlsEnvironment } from './lower-tls.ts';
import { lowerCommonTls } from './lower-tls.ts';
import { ticketKey } from './session-tickets.ts';

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
  /** Whether a client that was let in showed a certificate that was held against anything, and passed. */
  validated(peer: TlsPeer): boolean;
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
    const message = config as DownstreamTlsContext;
    const { common_tls_context, require_client_certificate, ...more } = message;
    const { disable_stateless_session_resumption, session_timeout, session_ticket_keys, ...others } = more;
    // Sessions by id alone are kept by no process: a server need not.
    const { disable_stateful_session_resumption: _stateful, ...rest } = others;
    refuseRest(rest, `${field}.typed_config`, refuse);
    const required = require_client_certificate === true;
    const key = configuredKey(session_ticket_keys, `${field}.typed_config.session_ticket_keys`, refuse);
    const timeout = readTimeout(session_timeout, `${field}.typed_config.session_timeout`, refuse);
    const common = lowerCommonTls(
      common_tls_context ?? {},
      `${field}.typed_config.common_tls_context`,
      environment,
      'client',
      refuse,
      disable_stateless_session_resumption === true
        ? 'none'
        : { lifetimeSeconds: timeout, key, rules: required },
    );
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
      validated: common.validated,
    };
  });
}

/** Envoy's keys: a name, then secrets of 32 bytes each for integrity and secrecy. */
const CONFIGURED_KEY_BYTES = 80;

/** As in Envoy the first makes tickets; those that only read, from before a rotation, cost their clients a full handshake. */
function configuredKey(
  configured: DownstreamTlsContext['session_ticket_keys'],
  field: string,
  refuse: Refuse,
): Uint8Array | undefined {
  if (configured === undefined) return undefined;
  const keys = (configured.keys ?? []).map(({ inline_bytes, inline_string = '' }) =>
    inline_bytes === undefined ? Buffer.from(inline_string) : Buffer.from(inline_bytes, 'base64'),
  );
  if (keys.length === 0) refuse(`${field}.keys`, 'is missing');
  for (const [i, key] of keys.entries())
    if (key.length !== CONFIGURED_KEY_BYTES)
      refuse(`${field}.keys[${i}]`, `must be ${CONFIGURED_KEY_BYTES} bytes, inline`);
  return keys[0] === undefined ? undefined : ticketKey(keys[0], 'configured');
}

/** Whole seconds; undefined: the TLS library's default. */
function readTimeout(text: string | undefined, field: string, refuse: Refuse): number | undefined {
  if (text === undefined) return undefined;
  return Math.floor(readDurationMs(text, 0, refuse, field) / 1000);
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
        allow_renegotiation = false,
        max_session_keys = 1,
        ...rest
      } = config as UpstreamTlsContext;
      if (allow_renegotiation)
        refuse(`${field}.typed_config.allow_renegotiation`, 'is not supported by this proxy');
      refuseRest(rest, `${field}.typed_config`, refuse);
      const common = lowerCommonTls(
        common_tls_context ?? {},
        `${field}.typed_config.common_tls_context`,
        environment,
        'server',
        refuse,
        max_session_keys === 0 ? 'none' : 'client',
      );
      return {
        sni: sni ?? '',
        alpn: common.alpn,
        mutual: common.hasCertificate && common.validates,
        // One for each endpoint and name is all that is kept: a ticket is used as often as the server likes.
        resumes: max_session_keys > 0,
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
