import { defined } from '../../../lib/defined.ts';
import type { ServerTls } from '../../../mesh/gateway.ts';
import type { MeshSettings, TlsDefaults } from '../../../mesh/settings.ts';
import { credentialCaSecret, credentialSecret } from '../../../xds/names.ts';
import type { CommonTlsContext, TransportSocket } from '../../../xds/resources.ts';
import type { TlsParameters } from '../../../xds/tls-types.ts';
import { meshServerSocket } from '../listener/downstream-tls.ts';
import { sdsSecret, tlsParameters, tlsSocket } from '../sources.ts';

const HTTP_ALPN = ['h2', 'http/1.1'];

/** How a router's server ends TLS; undefined where it does not end it. */
export function serverTlsSocket(
  tls: ServerTls,
  settings: MeshSettings,
  content: 'http' | 'tcp',
): TransportSocket | undefined {
  if (tls.mode === 'passthrough' || tls.mode === 'auto-passthrough') return undefined;
  const alpn = content === 'http' ? HTTP_ALPN : [];
  if (tls.mode === 'mesh') return meshServerSocket(settings, alpn);
  return tlsSocket('Downstream', {
    common_tls_context: {
      tls_params: parameters(tls, settings.tlsDefaults),
      ...certificates(tls),
      ...(tls.mode === 'simple' ? {} : clientValidation(tls)),
      ...(alpn.length === 0 ? {} : { alpn_protocols: alpn }),
    },
    ...(tls.mode === 'mutual' ? { require_client_certificate: true } : {}),
  });
}

type Version = NonNullable<TlsParameters['tls_maximum_protocol_version']>;

/** The server's own word, else the mesh's. */
function parameters(tls: ServerTls, defaults: TlsDefaults): TlsParameters {
  const own = {
    ...defaults,
    ...(tls.cipherSuites.length > 0 ? { cipherSuites: tls.cipherSuites } : {}),
    ...defined({ curves: tls.curves, minVersion: tls.minVersion }),
  };
  return {
    ...tlsParameters(own),
    ...(tls.maxVersion === undefined ? {} : { tls_maximum_protocol_version: tls.maxVersion as Version }),
  };
}

function certificates(tls: ServerTls): CommonTlsContext {
  if (tls.credentialNames.length > 0)
    return {
      tls_certificate_sds_secret_configs: tls.credentialNames.map((name) =>
        sdsSecret(credentialSecret(name)),
      ),
    };
  return {
    tls_certificates: tls.files.map(({ certificate, privateKey }) => ({
      certificate_chain: { filename: certificate },
      private_key: { filename: privateKey },
    })),
  };
}

/** The name says that CA certificates are meant: a Secret may hold a certificate beside them. */
function caSecret(name: string): string {
  return name.endsWith('-cacert') ? credentialSecret(name) : credentialCaSecret(name);
}

function clientValidation(tls: ServerTls): CommonTlsContext {
  const rules = {
    ...(tls.subjectAltNames.length === 0
      ? {}
      : {
          match_typed_subject_alt_names: tls.subjectAltNames.flatMap((exact) => [
            { san_type: 'DNS' as const, matcher: { exact } },
            { san_type: 'URI' as const, matcher: { exact } },
          ]),
        }),
    ...(tls.certificateHashes.length === 0 ? {} : { verify_certificate_hash: tls.certificateHashes }),
    ...(tls.acceptUntrusted === true ? { trust_chain_verification: 'ACCEPT_UNTRUSTED' as const } : {}),
    ...(tls.certificateSpki.length === 0 ? {} : { verify_certificate_spki: tls.certificateSpki }),
  };
  const [credential] = tls.credentialNames;
  const secret =
    tls.caCredentialName !== undefined
      ? caSecret(tls.caCredentialName)
      : credential === undefined
        ? undefined
        : credentialCaSecret(credential);
  if (secret === undefined)
    return {
      validation_context: {
        ...rules,
        trusted_ca: { filename: tls.caFile ?? '' },
        ...(tls.crlFile === undefined ? {} : { crl: { filename: tls.crlFile } }),
      },
    };
  return {
    combined_validation_context: {
      default_validation_context: rules,
      validation_context_sds_secret_config: sdsSecret(secret),
    },
  };
}
