import type { MeshSettings } from '../../../mesh/settings.ts';
import type { TransportSocket } from '../../../xds/resources.ts';
import { meshTlsContext, tlsParameters, tlsSocket } from '../sources.ts';

/** Mutual TLS towards peers of the mesh: of its trust domain, an alias of it, a federated one, and of no other. */
export function meshServerSocket(settings: MeshSettings, alpn: readonly string[]): TransportSocket {
  const federated = settings.federated.map(({ trustDomain }) => trustDomain);
  const domains = [settings.trustDomain, ...settings.trustDomainAliases, ...federated];
  const context = meshTlsContext(alpn);
  const match_typed_subject_alt_names = domains.map((domain) => ({
    san_type: 'URI' as const,
    matcher: { prefix: `spiffe://${domain}/` },
  }));
  return tlsSocket('Downstream', {
    common_tls_context: {
      ...context,
      tls_params: { ...context.tls_params, ...tlsParameters(settings.meshTls) },
      combined_validation_context: {
        ...context.combined_validation_context,
        default_validation_context: { match_typed_subject_alt_names },
      },
    },
    require_client_certificate: true,
  });
}
