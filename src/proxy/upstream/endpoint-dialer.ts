import type { Result } from '../../lib/result.ts';
import type { Connection, ConnectOptions, NetError, Network } from '../../wire/connection.ts';
import { encodeProxyV1, encodeProxyV2, type ProxiedConnection } from '../../wire/proxy-protocol/encode.ts';
import { netError } from '../../wire/sockets/net-error.ts';
import type { ClusterConfig, UpstreamSocket } from './cluster-config.ts';
import { EndpointSessions } from './endpoint-sessions.ts';
import { addressText, type EndpointAddress } from './endpoint-set.ts';
import { type ServerName, withServerName } from './server-name.ts';

/** What a connection is made with in place of what is configured. */
export interface EndpointConnectOptions {
  readonly alpn?: (offered: readonly string[]) => readonly string[];
  readonly serverName?: ServerName;
  /** For whom the connection is made, where the endpoint is told by PROXY protocol. */
  readonly proxied?: ProxiedConnection;
}

/** As {@link EndpointConnectOptions}, for a check. */
export interface CheckConnectOptions extends EndpointConnectOptions {
  readonly address: EndpointAddress;
  readonly socket: UpstreamSocket;
  readonly timeoutMs: number;
}

/** Makes the connections of one endpoint: PROXY protocol, TLS, the sessions that TLS goes on with. */
export class EndpointDialer {
  readonly #config: ClusterConfig;
  readonly #network: Network;
  #sessions: EndpointSessions | undefined;

  constructor(config: ClusterConfig, network: Network) {
    this.#config = config;
    this.#network = network;
  }

  /** To the endpoint's own address over its own socket, where the options name no others. */
  dial(
    own: EndpointAddress,
    ownSocket: UpstreamSocket,
    options: EndpointConnectOptions & Partial<CheckConnectOptions>,
  ): Promise<Result<Connection, NetError>> {
    const { alpn, serverName, proxied, address = own, socket = ownSocket } = options;
    const { tls } = socket;
    const { localAddress, connectTimeoutMs, keepAlive } = this.#config;
    const timeoutMs = options.timeoutMs ?? connectTimeoutMs;
    const where =
      address.kind === 'pipe'
        ? { path: address.path }
        : {
            host: address.host,
            port: address.port,
            ...(localAddress === undefined ? {} : { localAddress }),
            ...(keepAlive === undefined ? {} : { keepAlive }),
          };
    const network = this.#network;
    const preface = prefaceOf(socket, proxied);
    if (tls === undefined) return network.connect({ ...where, ...preface, timeoutMs });
    if (!tls.ready())
      return Promise.resolve({
        ok: false,
        error: netError(
          'tls_configuration',
          'upstream',
          true,
          `The certificates for ${addressText(address)} have not arrived.`,
        ),
      });
    const configured = tls.connectOptions();
    const plain = serverName === undefined ? configured : withServerName(configured, serverName);
    // Sessions belong to the server, and checks may go to another port.
    const resumes = tls.resumes && options.address === undefined;
    if (resumes) this.#sessions ??= new EndpointSessions();
    const named = resumes ? this.#sessions!.offer(plain) : plain;
    return network.connect({
      ...where,
      ...preface,
      timeoutMs,
      tls: alpn === undefined ? named : { ...named, alpn: alpn(named.alpn) },
    });
  }
}

/** As Envoy: for nobody's connection (health checks) version 1 tells our own addresses, and version 2 says LOCAL. */
function prefaceOf(
  { proxyProtocol }: UpstreamSocket,
  proxied: ProxiedConnection | undefined,
): Pick<ConnectOptions, 'preface'> {
  if (proxyProtocol === undefined) return {};
  if (proxyProtocol === 'V2') return { preface: () => encodeProxyV2(proxied) };
  return {
    preface: (ends) =>
      encodeProxyV1(
        proxied ?? {
          source: { address: ends.localAddress, port: ends.localPort },
          destination: { address: ends.remoteAddress, port: ends.remotePort },
        },
      ),
  };
}
