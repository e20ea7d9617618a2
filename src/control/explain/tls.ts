import { compileStringMatcher } from '../../xds/match/string-matcher.ts';
import { wellKnownNames } from '../../xds/names.ts';
import type { FilterChain } from '../../xds/resources.ts';
import type {
  CertificateValidationContext,
  CommonTlsContext,
  DownstreamTlsContext,
} from '../../xds/tls-types.ts';
import { hasCipher, objection } from './certificates.ts';
import type { Connection, TlsLayer } from './connection.ts';
import type { TlsKind } from './explanation.ts';
import type { ExplainMesh } from './mesh.ts';
import type { ExplainedProxy } from './proxy.ts';

/** A connection behind a proxy's end of TLS: what is within, and who the other side proved to be. */
export interface Opened {
  readonly connection: Connection;
  /** Undefined where the proxy opened nothing. */
  readonly layer: TlsLayer | undefined;
}

const DOWNSTREAM = 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext';

/** Ends TLS as a filter chain says, or says why the handshake fails. */
export function openTls(
  mesh: ExplainMesh,
  proxy: ExplainedProxy,
  chain: FilterChain,
  connection: Connection,
): Opened | { readonly failure: string } {
  const config = chain.transport_socket?.typed_config;
  if (config?.['@type'] !== DOWNSTREAM) return { connection, layer: undefined };
  const context = config as DownstreamTlsContext;
  const [layer, ...layers] = connection.layers;
  if (layer === undefined) return { failure: 'the proxy expects TLS here, and the bytes are plain' };
  const failure = clientFailure(mesh, proxy, context, layer) ?? serverFailure(mesh, proxy, context, layer);
  return failure === undefined ? { connection: { ...connection, layers }, layer } : { failure };
}

/** What the proxy has against the client. */
function clientFailure(
  mesh: ExplainMesh,
  proxy: ExplainedProxy,
  context: DownstreamTlsContext,
  layer: TlsLayer,
): string | undefined {
  const shown = layer.shows !== '' && !layer.shows.startsWith('spiffe://');
  const against = shown
    ? objection(mesh, proxy, context.common_tls_context ?? {}, layer.certificate)
    : undefined;
  if (against !== undefined) return against;
  if (context.require_client_certificate !== true) return undefined;
  if (layer.shows === '') return 'the proxy wants a certificate of the caller, and it shows none';
  const common = context.common_tls_context ?? {};
  if (trustsMesh(common) && !layer.shows.startsWith('spiffe://'))
    return 'the proxy trusts certificates of the mesh only, and the caller shows another';
  const names = validation(common).match_typed_subject_alt_names ?? [];
  const taken = names.some(({ matcher }) => compileStringMatcher(matcher ?? {}, ignore, '')(layer.shows));
  return names.length === 0 || taken || !layer.shows.startsWith('spiffe://')
    ? undefined
    : `the proxy takes no caller who is ${layer.shows}`;
}

/** What the client has against the proxy. */
function serverFailure(
  by: ExplainMesh,
  proxy: ExplainedProxy,
  { common_tls_context = {} }: DownstreamTlsContext,
  { expects, mesh }: TlsLayer,
): string | undefined {
  if (!hasCipher(by, proxy, common_tls_context)) return 'the proxy has no key for its cipher suites';
  if (!showsMesh(common_tls_context))
    return mesh ? 'the caller expects a certificate of the mesh, and another one is shown' : undefined;
  if (expects.length === 0 || expects.includes(proxy.identity)) return undefined;
  return `the caller expects ${expects.join(' or ')}, and ${proxy.identity} answers`;
}

/** Whether the certificate shown is the one that the mesh gave. */
export function showsMesh({ tls_certificate_sds_secret_configs: secrets = [] }: CommonTlsContext): boolean {
  return secrets.some(({ name }) => name === wellKnownNames.ownCertificate);
}

function trustsMesh({ combined_validation_context: combined }: CommonTlsContext): boolean {
  return combined?.validation_context_sds_secret_config?.name === wellKnownNames.trustBundle;
}

/** Rules for the other side's certificate. */
export function validation(common: CommonTlsContext): CertificateValidationContext {
  return common.combined_validation_context?.default_validation_context ?? common.validation_context ?? {};
}

/** How a connection is protected on this leg. */
export function kindOfTls({ layers: [outermost] }: Connection): TlsKind {
  if (outermost === undefined) return 'none';
  if (outermost.by === 'client') return 'passthrough';
  return outermost.shows === '' ? 'simple' : 'mutual';
}

/** The same for TLS that a proxy opened. */
export function kindOfOpened(layer: TlsLayer | undefined): TlsKind {
  if (layer === undefined) return 'none';
  return layer.shows === '' ? 'simple' : 'mutual';
}

/** What configuration gets wrong is told where it is checked. */
const ignore = (): void => {};
