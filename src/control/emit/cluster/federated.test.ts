import { describe, expect, it } from 'vitest';
import { httpService, meshOf, named, proxyOf } from '../../../testing/compiled-mesh.ts';
import type { CommonTlsContext } from '../../../xds/tls-types.ts';

const external = `
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: partner, namespace: default }
spec:
  hosts: [partner.example]
  location: MESH_INTERNAL
  resolution: DNS
  ports: [{ number: 9080, protocol: HTTP, name: http }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: partner, namespace: default }
spec: { host: partner.example, trafficPolicy: { tls: { mode: ISTIO_MUTUAL } } }
`;
const config = (mesh: string) => `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: '${mesh}' }
`;

/** Whom the client takes for the server. */
function expected(mesh: string): unknown {
  const written = `${httpService('web')}${external}${config(mesh)}`;
  const cluster = named(
    proxyOf(meshOf(written), 'sidecar~default/web-v1').clusters(),
    'outbound|9080||partner.example',
  );
  const context = cluster.transport_socket?.typed_config as
    | { readonly common_tls_context?: CommonTlsContext }
    | undefined;
  return context?.common_tls_context?.combined_validation_context?.default_validation_context
    ?.match_typed_subject_alt_names;
}

describe('Where another trust domain is trusted', () => {
  it('a server of which nobody knows who it is has to be of the mesh all the same', () => {
    expect(expected('{}')).toBeUndefined();
    const pem = '-----BEGIN CERTIFICATE-----\\nAA==\\n-----END CERTIFICATE-----';
    const federated = `{"trustDomainAliases": ["old.example"], "caCertificates": [{"pem": "${pem}", "trustDomains": ["other.example"]}]}`;
    expect(expected(federated)).toEqual([
      { san_type: 'URI', matcher: { prefix: 'spiffe://cluster.local/' } },
      { san_type: 'URI', matcher: { prefix: 'spiffe://old.example/' } },
    ]);
  });
});
