import type { PeerMode } from '../../../mesh/policy.ts';
import { isHttp, type Protocol } from '../../../mesh/protocol.ts';
import type { MeshSettings } from '../../../mesh/settings.ts';
import type { FilterChain, FilterChainMatch } from '../../../xds/resources.ts';
import { meshServerSocket } from './downstream-tls.ts';

// Which connections an inbound port takes, and how: by the mode of mutual TLS and by protocol. A peer's proxy says by
// ALPN that its TLS is the mesh's, and what is within; other TLS belongs to the application.

/** ALPN of peers' proxies for HTTP, and all of theirs (Istio's names). */
const MESH_HTTP = ['istio-http/1.0', 'istio-http/1.1', 'istio-h2'];
export const MESH_ALL = ['istio-peer-exchange', 'istio', ...MESH_HTTP];
const PLAIN_HTTP = ['http/1.0', 'http/1.1', 'h2c'];

/** How the bytes within a chain are treated. */
type Content = 'http' | 'tcp';

interface ChainKind {
  readonly match: FilterChainMatch;
  readonly content: Content;
  readonly mtls: boolean;
}

const TLS = 'tls';
const RAW = 'raw_buffer';

/** The chains of a port; the port itself is put into their matches by the caller. */
export function chainKinds(mode: PeerMode, protocol: Protocol): readonly ChainKind[] {
  const content = isHttp(protocol) ? 'http' : protocol === 'auto' ? 'auto' : 'tcp';
  return KINDS[mode][content];
}

// Matching is by steps without a way back: of one port's chains either all or none name a transport protocol, or a
// connection that got past the transport protocol would find no chain for its application protocol.
const KINDS: Readonly<Record<PeerMode, Readonly<Record<'http' | 'auto' | 'tcp', readonly ChainKind[]>>>> = {
  strict: {
    http: [{ match: { transport_protocol: TLS }, content: 'http', mtls: true }],
    auto: [
      { match: { transport_protocol: TLS, application_protocols: MESH_HTTP }, content: 'http', mtls: true },
      { match: { transport_protocol: TLS }, content: 'tcp', mtls: true },
    ],
    tcp: [{ match: { transport_protocol: TLS }, content: 'tcp', mtls: true }],
  },
  permissive: {
    http: [
      { match: { transport_protocol: TLS, application_protocols: MESH_ALL }, content: 'http', mtls: true },
      { match: { transport_protocol: RAW }, content: 'http', mtls: false },
    ],
    auto: [
      { match: { transport_protocol: TLS, application_protocols: MESH_HTTP }, content: 'http', mtls: true },
      { match: { transport_protocol: RAW, application_protocols: PLAIN_HTTP }, content: 'http', mtls: false },
      {
        match: { transport_protocol: TLS, application_protocols: ['istio-peer-exchange', 'istio'] },
        content: 'tcp',
        mtls: true,
      },
      { match: { transport_protocol: TLS }, content: 'tcp', mtls: false },
      { match: { transport_protocol: RAW }, content: 'tcp', mtls: false },
    ],
    tcp: [
      { match: { transport_protocol: TLS, application_protocols: MESH_ALL }, content: 'tcp', mtls: true },
      { match: { transport_protocol: TLS }, content: 'tcp', mtls: false },
      { match: { transport_protocol: RAW }, content: 'tcp', mtls: false },
    ],
  },
  disable: {
    http: [{ match: {}, content: 'http', mtls: false }],
    auto: [
      { match: { transport_protocol: RAW, application_protocols: PLAIN_HTTP }, content: 'http', mtls: false },
      { match: { transport_protocol: RAW }, content: 'tcp', mtls: false },
      { match: { transport_protocol: TLS }, content: 'tcp', mtls: false },
    ],
    tcp: [{ match: {}, content: 'tcp', mtls: false }],
  },
};

type Filters = NonNullable<FilterChain['filters']>;

/** What a port's chains hold: for HTTP, and for bytes. `counted`: who calls is counted, since STRICT would refuse it. */
export interface ChainContent {
  readonly name: (content: Content) => string;
  readonly http: (counted: boolean) => Filters;
  readonly tcp: (counted: boolean) => Filters;
}

/** The filter chains of a port, or of all ports without one of their own where `port` is undefined. */
export function inboundChains(
  mode: PeerMode,
  protocol: Protocol,
  port: number | undefined,
  content: ChainContent,
  settings: MeshSettings,
): FilterChain[] {
  const onPort = port === undefined ? {} : { destination_port: port };
  return chainKinds(mode, protocol).map((kind) => {
    const match = { ...onPort, ...kind.match };
    const counted = mode === 'permissive' && !kind.mtls;
    return {
      name: content.name(kind.content),
      ...(Object.keys(match).length === 0 ? {} : { filter_chain_match: match }),
      filters: kind.content === 'http' ? content.http(counted) : content.tcp(counted),
      ...(kind.mtls ? { transport_socket: meshServerSocket(settings, ALPN[kind.content]) } : {}),
    };
  });
}

/** What is taken of the peer's offers: its own names for what is within are only there to choose a chain by. */
const ALPN: Readonly<Record<Content, readonly string[]>> = {
  http: ['h2', 'http/1.1'],
  tcp: ['istio-peer-exchange', 'h2', 'http/1.1'],
};
