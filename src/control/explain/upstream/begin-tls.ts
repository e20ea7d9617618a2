import type { Cluster, TransportSocket } from '../../../xds/resources.ts';
import type { CommonTlsContext, UpstreamTlsContext } from '../../../xds/tls-types.ts';
import { shownCertificate } from '../certificates.ts';
import type { TlsLayer } from '../connection.ts';
import type { ExplainMesh } from '../mesh.ts';
import type { ExplainedProxy, Metadata } from '../proxy.ts';
import { showsMesh, validation } from '../tls.ts';

const UPSTREAM = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext';

/** TLS that a cluster puts around what it sends to an endpoint; undefined for none. */
export function beginTls(
  mesh: ExplainMesh,
  proxy: ExplainedProxy,
  cluster: Cluster,
  metadata: Metadata,
  authority: string,
): TlsLayer | undefined {
  const config = innermost(socketFor(cluster, metadata))?.typed_config;
  if (config?.['@type'] !== UPSTREAM) return undefined;
  const { common_tls_context: common = {}, sni = '' } = config as UpstreamTlsContext;
  const certificate = shownCertificate(mesh, proxy, common);
  return {
    by: 'proxy',
    ...(certificate === undefined ? {} : { certificate }),
    serverName: sni !== '' || !namesServer(cluster) ? sni : authority.replace(/:\d+$/, ''),
    alpn: common.alpn_protocols ?? [],
    shows: shownBy(proxy, common),
    expects: expected(common),
    mesh: showsMesh(common),
  };
}

const PROXY_PROTOCOL =
  'type.googleapis.com/envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport';

/** Within what only tells the endpoint who calls. */
function innermost(socket: TransportSocket | undefined): TransportSocket | undefined {
  if (socket?.typed_config?.['@type'] !== PROXY_PROTOCOL) return socket;
  return innermost(socket.typed_config['transport_socket'] as TransportSocket | undefined);
}

/** The first of the cluster's matches that the endpoint's metadata fit, else the cluster's own. */
function socketFor(cluster: Cluster, metadata: Metadata): TransportSocket | undefined {
  const labels = metadata['envoy.transport_socket_match'] ?? {};
  const found = cluster.transport_socket_matches?.find(({ match = {} }) =>
    Object.entries(match).every(([name, value]) => labels[name] === value),
  );
  return found === undefined ? cluster.transport_socket : found.transport_socket;
}

function shownBy(proxy: ExplainedProxy, common: CommonTlsContext): string {
  if (showsMesh(common)) return proxy.identity;
  const { tls_certificates = [], tls_certificate_sds_secret_configs = [] } = common;
  return tls_certificates.length + tls_certificate_sds_secret_configs.length > 0 ? 'certificate' : '';
}

function expected(common: CommonTlsContext): readonly string[] {
  return (validation(common).match_typed_subject_alt_names ?? []).flatMap(
    ({ matcher }) => matcher?.exact ?? [],
  );
}

const HTTP_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

/** Whether servers are asked for by the request's host. */
function namesServer({ typed_extension_protocol_options: options }: Cluster): boolean {
  const http = options?.[HTTP_OPTIONS] as
    | { readonly upstream_http_protocol_options?: { readonly auto_sni?: boolean } }
    | undefined;
  return http?.upstream_http_protocol_options?.auto_sni === true;
}
