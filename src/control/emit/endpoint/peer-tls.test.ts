import { describe, expect, it } from 'vitest';
import { meshOf, named, proxyOf } from '../../../testing/compiled-mesh.ts';

function pod(name: string, ip: string, labels: string): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: default, labels: { ${labels} }, annotations: { weft.dev/data-plane: weft } }
spec: { containers: [{ name: app, image: x }] }
status: { podIP: ${ip}, phase: Running, conditions: [{ type: Ready, status: "True" }] }`;
}

const tlsOf = (policy: string, port = 80) => {
  const compiled = meshOf(
    [
      pod('web', '10.0.0.9', 'app: web'),
      pod('old', '10.0.0.1', 'app: api, version: v1'),
      pod('new', '10.0.0.2', 'app: api, version: v2'),
      `
apiVersion: v1
kind: Service
metadata: { name: api, namespace: default }
spec:
  selector: { app: api }
  ports: [{ name: http, port: 80, targetPort: 8080 }, { name: http-admin, port: 90, targetPort: 9090 }]`,
      `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: api, namespace: default }
spec: ${policy}`,
    ].join('\n---'),
  );
  const { endpoints = [] } = named(
    proxyOf(compiled, 'sidecar~default/web').endpoints(),
    `outbound|${port}||api.default.svc.cluster.local`,
  );
  return endpoints.flatMap(({ lb_endpoints = [] }) =>
    lb_endpoints.map(
      ({ metadata }) => metadata?.filter_metadata?.['envoy.transport_socket_match'] ?? 'plain',
    ),
  );
};

const MUTUAL = { tlsMode: 'istio' };

describe('an endpoint of the mesh', () => {
  it('is called with mutual TLS, unless its PeerAuthentication takes plain text only', () => {
    expect(tlsOf('{ mtls: { mode: PERMISSIVE } }')).toEqual([MUTUAL, MUTUAL]);
    expect(tlsOf('{ mtls: { mode: DISABLE } }')).toEqual(['plain', 'plain']);
  });

  it('is asked for by its labels', () => {
    const policy = '{ selector: { matchLabels: { version: v2 } }, mtls: { mode: DISABLE } }';
    expect(tlsOf(policy)).toEqual([MUTUAL, 'plain']);
  });

  it('is asked for by its own port, not the one of the Service', () => {
    const policy = '{ selector: { matchLabels: { app: api } }, portLevelMtls: { 9090: { mode: DISABLE } } }';
    expect(tlsOf(policy)).toEqual([MUTUAL, MUTUAL]);
    expect(tlsOf(policy, 90)).toEqual(['plain', 'plain']);
  });
});
