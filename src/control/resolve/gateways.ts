import type { Gateway as GatewayObject, GatewayServer as ServerSpec } from '../../api/istio/gateway.ts';
import { isKnownCipherSuite } from '../../api/istio/shared/cipher-suites.ts';
import type { ServerTls as TlsSpec } from '../../api/istio/shared/server-tls.ts';
import type { Resource } from '../../api/resources.ts';
import { defined } from '../../lib/defined.ts';
import type { Gateway, GatewayHost, GatewayServer, ServerTls, ServerTlsMode } from '../../mesh/gateway.ts';
import { protocolNamed } from '../../mesh/protocol.ts';
import { compareAge } from '../../mesh/service.ts';
import { discovered } from './discovered.ts';
import type { Finding, Resolved } from './finding.ts';
import { kubernetesGateways } from './gateway-api/gateways.ts';
import { ingressGateways } from './ingress/gateways.ts';
import { ageOf, listOf, objectKey, objectOf, originOf, partsOf, step } from './world.ts';

const KIND = 'networking.istio.io/Gateway';

/** One Gateway, by namespace and name. */
export const gateway = step('gateway', (read, key): Resolved<Gateway> => {
  const [namespace = '', name = ''] = partsOf(key);
  const resource = objectOf(read, KIND, namespace, name);
  if (resource === undefined) return { value: undefined, findings: [] };
  return { value: gatewayOf(resource), findings: unverifiedClients(resource) };
});

/** Where clients' certificates are asked for and not verified. */
function unverifiedClients(resource: Resource<GatewayObject>): readonly Finding[] {
  return (resource.object.spec.servers ?? []).flatMap(({ tls }, i) =>
    tls?.insecureSkipVerify === true && (tls.mode === 'MUTUAL' || tls.mode === 'OPTIONAL_MUTUAL')
      ? [
          {
            origin: originOf(resource),
            field: `spec.servers[${i}].tls.insecureSkipVerify`,
            message:
              "clients' certificates are not verified: no ALLOW rule of an AuthorizationPolicy lets them in by principals, namespaces or serviceAccounts, none escapes a DENY rule by them, and X-Forwarded-Client-Cert says what a client claims",
          },
        ]
      : [],
  );
}

/** All gateways of both APIs, the oldest first. */
export const gateways = step('gateways', (read): readonly Gateway[] =>
  [
    ...discovered(read, listOf(read, KIND))
      .map((resource) => read.of(gateway, objectKey(resource)).value)
      .filter((value) => value !== undefined),
    ...read.of(kubernetesGateways, ''),
    ...read.of(ingressGateways, ''),
  ].sort((a, b) => compareAge(a.age, b.age)),
);

function gatewayOf(resource: Resource<GatewayObject>): Gateway {
  const { namespace, name } = resource.key;
  const { spec } = resource.object;
  return {
    namespace,
    name,
    selector: spec.selector ?? {},
    servers: (spec.servers ?? []).map((server, i) => serverOf(server, i, resource)),
    age: ageOf(resource),
    origin: originOf(resource),
  };
}

function serverOf(spec: ServerSpec, index: number, resource: Resource<GatewayObject>): GatewayServer {
  return {
    port: spec.port?.number ?? 0,
    portName: spec.port?.name ?? '',
    protocol: protocolNamed(spec.port?.protocol ?? '') ?? 'tcp',
    bind: spec.bind ?? '',
    hosts: (spec.hosts ?? []).map((host) => gatewayHost(host, resource.key.namespace)),
    httpsRedirect: spec.tls?.httpsRedirect === true,
    origin: originOf(resource, `spec.servers[${index}]`),
    ...defined({ tls: spec.tls === undefined ? undefined : serverTls(spec.tls) }),
  };
}

/** `host`, `./host`, `*` + `/host` or `namespace/host`. */
function gatewayHost(written: string, namespace: string): GatewayHost {
  const text = written.toLowerCase();
  const slash = text.indexOf('/');
  if (slash < 0) return { namespace: '*', host: text };
  const from = text.slice(0, slash);
  return { namespace: from === '.' ? namespace : from, host: text.slice(slash + 1) };
}

const MODES: Readonly<Record<string, ServerTlsMode>> = {
  PASSTHROUGH: 'passthrough',
  AUTO_PASSTHROUGH: 'auto-passthrough',
  SIMPLE: 'simple',
  MUTUAL: 'mutual',
  OPTIONAL_MUTUAL: 'optional-mutual',
  ISTIO_MUTUAL: 'mesh',
};

/** A server's TLS settings; the mode is PASSTHROUGH where it is not written. */
export function serverTls(spec: TlsSpec): ServerTls {
  const pairs = spec.tlsCertificates ?? [spec];
  const named = [...(spec.credentialName ? [spec.credentialName] : []), ...(spec.credentialNames ?? [])];
  return {
    mode: MODES[spec.mode ?? 'PASSTHROUGH'] ?? 'passthrough',
    credentialNames: named,
    files: pairs.flatMap(({ serverCertificate: certificate, privateKey }) =>
      certificate && privateKey ? [{ certificate, privateKey }] : [],
    ),
    subjectAltNames: spec.subjectAltNames ?? [],
    certificateHashes: spec.verifyCertificateHash ?? [],
    certificateSpki: spec.verifyCertificateSpki ?? [],
    cipherSuites: [...new Set(spec.cipherSuites ?? [])].filter(
      (name) => name !== '' && isKnownCipherSuite(name),
    ),
    ...defined({
      caFile: spec.caCertificates || undefined,
      acceptUntrusted: spec.insecureSkipVerify === true || undefined,
      crlFile: spec.caCrl || undefined,
      caCredentialName: spec.caCertCredentialName || undefined,
      curves: (spec.ecdhCurves ?? []).length === 0 ? undefined : spec.ecdhCurves,
      minVersion: version(spec.minProtocolVersion),
      maxVersion: version(spec.maxProtocolVersion),
    }),
  };
}

/** `TLSV1_2` -> `TLSv1_2`, as Envoy spells it. */
function version(text: string | undefined): string | undefined {
  return text === undefined || text === 'TLS_AUTO' ? undefined : text.replace('TLSV', 'TLSv');
}
