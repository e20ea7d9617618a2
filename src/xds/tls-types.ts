/** Short names of the messages of TLS contexts. */
import type * as gen from './gen/types.ts';

export type CommonTlsContext = gen.extensions_transport_sockets_tls_v3_CommonTlsContext;
export type UpstreamTlsContext = gen.extensions_transport_sockets_tls_v3_UpstreamTlsContext;
export type DownstreamTlsContext = gen.extensions_transport_sockets_tls_v3_DownstreamTlsContext;
export type TlsCertificate = gen.extensions_transport_sockets_tls_v3_TlsCertificate;
export type TlsParameters = gen.extensions_transport_sockets_tls_v3_TlsParameters;
export type CertificateValidationContext =
  gen.extensions_transport_sockets_tls_v3_CertificateValidationContext;
export type SpiffeCertValidatorConfig = gen.extensions_transport_sockets_tls_v3_SPIFFECertValidatorConfig & {
  readonly '@type'?: string;
};
export type Secret = gen.extensions_transport_sockets_tls_v3_Secret;
export type DataSource = gen.config_core_v3_DataSource;
export type StringMatcher = gen.type_matcher_v3_StringMatcher;
