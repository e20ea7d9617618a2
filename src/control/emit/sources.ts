import type { TlsDefaults } from '../../mesh/settings.ts';
import { wellKnownNames } from '../../xds/names.ts';
import { type Address, any, type CommonTlsContext, type TransportSocket } from '../../xds/resources.ts';
import type { TlsParameters } from '../../xds/tls-types.ts';

// Small messages that appear in many resources.

/** Everything comes over the one aggregated stream; nothing starts without it. */
export const adsSource = { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' } as const;

/** A secret by its SDS name. */
export function sdsSecret(name: string) {
  return { name, sds_config: adsSource };
}

export function socketAddress(address: string, port: number): Address {
  return { socket_address: { address, port_value: port } };
}

/** Versions and ciphers; 1.2 and up where nothing is said. */
export function tlsParameters({ minVersion = 'TLSv1_2', cipherSuites, curves }: TlsDefaults): TlsParameters {
  return {
    tls_minimum_protocol_version: minVersion as TlsParameters['tls_minimum_protocol_version'] & string,
    ...(cipherSuites.length === 0 ? {} : { cipher_suites: cipherSuites }),
    ...(curves.length === 0 ? {} : { ecdh_curves: curves }),
  };
}

/**
 * The mesh's own certificate for the peer to see, and the mesh's trust bundle to judge the peer by: one of these ids, or,
 * without any, whoever is of these trust domains; without either whoever the bundle vouches for.
 */
export function meshTlsContext(
  alpn: readonly string[],
  peerIds: readonly string[] = [],
  trustDomains: readonly string[] = [],
): CommonTlsContext {
  const names =
    peerIds.length > 0
      ? peerIds.map((exact) => ({ exact }))
      : trustDomains.map((domain) => ({ prefix: `spiffe://${domain}/` }));
  return {
    tls_params: { tls_minimum_protocol_version: 'TLSv1_2', tls_maximum_protocol_version: 'TLSv1_3' },
    tls_certificate_sds_secret_configs: [sdsSecret(wellKnownNames.ownCertificate)],
    combined_validation_context: {
      default_validation_context:
        names.length === 0
          ? {}
          : { match_typed_subject_alt_names: names.map((matcher) => ({ san_type: 'URI', matcher })) },
      validation_context_sds_secret_config: sdsSecret(wellKnownNames.trustBundle),
    },
    alpn_protocols: alpn,
  };
}

export const rawBuffer: TransportSocket = {
  name: 'envoy.transport_sockets.raw_buffer',
  typed_config: any('envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer', {}),
};

/** A transport socket with TLS; `side` is who shows the context. */
export function tlsSocket(side: 'Upstream' | 'Downstream', context: object): TransportSocket {
  return {
    name: 'envoy.transport_sockets.tls',
    typed_config: any(`envoy.extensions.transport_sockets.tls.v3.${side}TlsContext`, context),
  };
}
