import { any, type Cluster, type TransportSocket } from '../../../xds/resources.ts';
import { rawBuffer } from '../sources.ts';

type Sockets = Pick<Cluster, 'transport_socket' | 'transport_socket_matches'>;

/** Tells the destination who the client is, before anything else on the connection. Unchanged without a version. */
export function withProxyProtocol(sockets: Sockets, version: 'V1' | 'V2' | undefined): Sockets {
  if (version === undefined) return sockets;
  const wrap = (socket: TransportSocket): TransportSocket => ({
    name: 'envoy.transport_sockets.upstream_proxy_protocol',
    typed_config: any('envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport', {
      config: { version },
      transport_socket: socket,
    }),
  });
  if (sockets.transport_socket_matches === undefined)
    return { transport_socket: wrap(sockets.transport_socket ?? rawBuffer) };
  return {
    transport_socket_matches: sockets.transport_socket_matches.map((match) => ({
      ...match,
      transport_socket: wrap(match.transport_socket ?? rawBuffer),
    })),
  };
}
