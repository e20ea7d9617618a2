import { fieldIn, type Refuse, refuseRest } from '../../xds/match/refuse.ts';
import type { Cluster } from '../../xds/resources.ts';
import { messageOf } from '../../xds/resources.ts';
import { readChoice } from '../fields.ts';
import type { UpstreamSocket } from './cluster-config.ts';
import type { LowerUpstreamTls } from './upstream-tls.ts';

const PROXY_PROTOCOL = 'envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport';

interface ProxyProtocolTransport {
  readonly '@type'?: string;
  readonly config?: { readonly version?: string };
  readonly transport_socket?: NonNullable<Cluster['transport_socket']>;
}

/** A transport socket of a cluster: TLS or none, with or without the PROXY protocol before it. */
export function readUpstreamSocket(
  socket: Cluster['transport_socket'],
  field: string,
  lowerUpstreamTls: LowerUpstreamTls,
  refuse: Refuse,
): UpstreamSocket {
  if (socket === undefined) return { tls: undefined, proxyProtocol: undefined };
  if (messageOf(socket.typed_config?.['@type'] ?? '') === PROXY_PROTOCOL)
    return readProxyProtocol(
      socket.typed_config ?? {},
      fieldIn(field, 'typed_config'),
      lowerUpstreamTls,
      refuse,
    );
  const lowered = lowerUpstreamTls(socket, field);
  if (lowered.ok) return { tls: lowered.value, proxyProtocol: undefined };
  for (const { field: at, message } of lowered.refusals) refuse(at, message);
  return { tls: undefined, proxyProtocol: undefined };
}

function readProxyProtocol(
  message: ProxyProtocolTransport,
  field: string,
  lowerUpstreamTls: LowerUpstreamTls,
  refuse: Refuse,
): UpstreamSocket {
  const { '@type': _type, config, transport_socket, ...rest } = message;
  refuseRest(refuse, field, rest);
  const { version, ...more } = config ?? {};
  refuseRest(refuse, fieldIn(field, 'config'), more);
  const inner = readUpstreamSocket(
    transport_socket,
    fieldIn(field, 'transport_socket'),
    lowerUpstreamTls,
    refuse,
  );
  if (inner.proxyProtocol !== undefined)
    refuse(fieldIn(field, 'transport_socket'), 'is the PROXY protocol once more');
  const at = fieldIn(field, 'config.version');
  return { tls: inner.tls, proxyProtocol: readChoice(version, 'V1', ['V1', 'V2'] as const, refuse, at) };
}
