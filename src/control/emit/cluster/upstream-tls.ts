import { isHttp, isHttp2, type Protocol } from '../../../mesh/protocol.ts';
import type { ClientTls, TrafficPolicy } from '../../../mesh/traffic-policy.ts';
import { credentialCaSecret, credentialSecret } from '../../../xds/names.ts';
import type { Cluster, CommonTlsContext } from '../../../xds/resources.ts';
import { meshTlsContext, rawBuffer, sdsSecret, tlsSocket } from '../sources.ts';

/** What decides about TLS towards a destination. */
export interface UpstreamTlsInput {
  readonly policy: TrafficPolicy;
  /** What is spoken on the connections. */
  readonly protocol: Protocol;
  /** Mutual TLS where the endpoint's proxy takes it, unless the policy says something. */
  readonly automatic: boolean;
  /** `outbound_.9080_.v1_.HOST`. */
  readonly sni: string;
  /** SPIFFE ids that the destination may have; empty: any of the mesh. */
  readonly identities: readonly string[];
  /** Of the mesh, where there are others that are trusted too. */
  readonly trustDomains?: readonly string[];
  /** Names that certificates of a destination outside may have, where its rule says none; empty: the one asked for. */
  readonly subjectAltNames: readonly string[];
  /** The client is a sidecar: what a credential holds is not for all of them. */
  readonly atSidecar: boolean;
  /** SDS name of what the proxy shows beside simple TLS. */
  readonly certificate?: string;
}

type TlsFields = Pick<Cluster, 'transport_socket' | 'transport_socket_matches'>;

/** TLS as the policy says; without a word mutual TLS to those endpoints whose proxies take it. */
export function upstreamTls(input: UpstreamTlsInput): TlsFields {
  const { tls } = input.policy;
  if (tls === undefined) return input.automatic ? automaticTls(input) : {};
  if (tls.mode === 'disable' || tls.mode === 'none-possible') return {};
  if (tls.mode === 'mesh') {
    const identities = tls.subjectAltNames.length > 0 ? tls.subjectAltNames : input.identities;
    return { transport_socket: meshSocket({ ...input, sni: tls.sni ?? input.sni, identities }) };
  }
  const context = {
    common_tls_context: {
      ...ownTlsContext(readable(tls, input), input.protocol),
      ...(input.certificate === undefined
        ? {}
        : { tls_certificate_sds_secret_configs: [sdsSecret(input.certificate)] }),
    },
    ...(tls.sni && { sni: tls.sni }),
  };
  return { transport_socket: tlsSocket('Upstream', context) };
}

/**
 * Credentials are for gateways, and for sidecars only where the rule selects them: others go by the files that the rule
 * names (Istio). CA certificates of ConfigMaps are for everybody.
 */
function readable(tls: ClientTls, { atSidecar, subjectAltNames }: UpstreamTlsInput): ClientTls {
  const { credentialName, ...others } = tls;
  const names = tls.subjectAltNames.length > 0 ? tls.subjectAltNames : subjectAltNames;
  const may = !atSidecar || tls.credentialAtSidecars || credentialName?.startsWith('configmap://') === true;
  return { ...others, subjectAltNames: names, ...(may && credentialName ? { credentialName } : {}) };
}

/** Endpoints are told apart by metadata `envoy.transport_socket_match`, as Istio writes it. */
function automaticTls(input: UpstreamTlsInput): TlsFields {
  return {
    transport_socket_matches: [
      { name: 'tlsMode-istio', match: { tlsMode: 'istio' }, transport_socket: meshSocket(input) },
      { name: 'tlsMode-disabled', match: {}, transport_socket: rawBuffer },
    ],
  };
}

/** Mutual TLS with the mesh's certificates, to peers of these identities only. */
export function meshSocket(
  input: Pick<UpstreamTlsInput, 'protocol' | 'sni' | 'identities' | 'trustDomains'>,
) {
  const context = {
    common_tls_context: meshTlsContext(meshAlpn(input.protocol), input.identities, input.trustDomains),
    sni: input.sni,
  };
  return tlsSocket('Upstream', context);
}

/**
 * What is offered to the peer's proxy, by which it picks its filter chain: Istio's names, which no server outside a
 * mesh takes. Istio's own Envoy chooses between them per request; here what is spoken on the connections says it all.
 */
function meshAlpn(protocol: Protocol): readonly string[] {
  if (isHttp2(protocol)) return ['istio-h2', 'istio', 'h2'];
  return isHttp(protocol) ? ['istio-http/1.1', 'istio', 'http/1.1'] : ['istio'];
}

function ownTlsContext(tls: ClientTls, protocol: Protocol): CommonTlsContext {
  return {
    ...clientCertificate(tls),
    ...validation(tls),
    ...(isHttp2(protocol) ? { alpn_protocols: ['h2'] } : {}),
  };
}

function clientCertificate(tls: ClientTls): CommonTlsContext {
  if (tls.mode !== 'mutual') return {};
  if (tls.credentialName !== undefined)
    return { tls_certificate_sds_secret_configs: [sdsSecret(credentialSecret(tls.credentialName))] };
  if (tls.clientCertificate === undefined || tls.privateKey === undefined) return {};
  return {
    tls_certificates: [
      {
        certificate_chain: { filename: tls.clientCertificate },
        private_key: { filename: tls.privateKey },
      },
    ],
  };
}

/** SDS name of the roots that the operating system trusts, as in Istio. */
const SYSTEM_ROOTS = 'file-root:system';

/** Whom to trust: the credential's CA, a file, or, as Envoy has no default of its own, the system's roots. */
function validation(tls: ClientTls): CommonTlsContext {
  if (tls.insecureSkipVerify) return {};
  const names = tls.subjectAltNames;
  const match_typed_subject_alt_names = names.flatMap((exact) => [
    { san_type: 'DNS' as const, matcher: { exact } },
    { san_type: 'URI' as const, matcher: { exact } },
  ]);
  const rules = names.length === 0 ? {} : { match_typed_subject_alt_names };
  if (tls.credentialName !== undefined)
    return {
      combined_validation_context: {
        default_validation_context: rules,
        validation_context_sds_secret_config: sdsSecret(credentialCaSecret(tls.credentialName)),
      },
    };
  if (tls.caCertificates !== undefined)
    return {
      validation_context: {
        ...rules,
        trusted_ca: { filename: tls.caCertificates },
        ...(tls.caCrl === undefined ? {} : { crl: { filename: tls.caCrl } }),
      },
    };
  return {
    combined_validation_context: {
      default_validation_context: rules,
      validation_context_sds_secret_config: sdsSecret(SYSTEM_ROOTS),
    },
  };
}
