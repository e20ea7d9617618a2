import { describe, expect, it } from 'vitest';
import { filterOf, meshOf, named, proxyOf } from '../../../testing/compiled-mesh.ts';

const services = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec: { selector: { app: web }, ports: [{ name: http, port: 80, targetPort: 8080 }, { name: tcp, port: 9000 }] }
---
apiVersion: v1
kind: Pod
metadata: { name: web, namespace: default, labels: { app: web } }
spec: { containers: [{ name: web, image: none }] }
status: { podIP: 10.0.0.9, phase: Running, conditions: [{ type: Ready, status: "True" }] }`;

const view = (spec: string, more = '') =>
  proxyOf(
    meshOf(`${services}
---
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: { name: web, namespace: default }
spec: ${spec}${more}`),
    'sidecar~default/web',
  );

const inboundClusters = (proxy: ReturnType<typeof view>) =>
  proxy
    .clusters()
    .map(({ name }) => name)
    .filter((name) => name.startsWith('inbound|'));

const disabled = `
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: off, namespace: default }
spec: { mtls: { mode: DISABLE } }`;

describe('ingress listeners of a Sidecar', () => {
  it('speak what is within TLS that they end', () => {
    const proxy = view(`
  ingress:
    - port: { number: 8443, protocol: HTTPS, name: https }
      defaultEndpoint: "127.0.0.1:3000"
      tls: { mode: SIMPLE, serverCertificate: c.pem, privateKey: k.pem }`);
    const chains = (named(proxy.listeners(), 'virtualInbound').filter_chains ?? []).filter(
      ({ filter_chain_match }) => filter_chain_match?.destination_port === 8443,
    );
    expect(chains.length).toBeGreaterThan(0);
    for (const chain of chains)
      expect(filterOf(chain).route_config?.virtual_hosts?.[0]?.name).toBe('inbound|http|8443');
  });

  it('are all that is open, and lead where they say', () => {
    const proxy = view(`
  ingress:
    - { port: { number: 8080, protocol: HTTP, name: http }, defaultEndpoint: "127.0.0.1:3000" }
    - { port: { number: 7000, protocol: TCP, name: tcp }, defaultEndpoint: "unix:///run/app.sock" }
    - { port: { number: 7001, protocol: TCP, name: tcp2 }, defaultEndpoint: "0.0.0.0:7002" }
    - { port: { number: 7003, protocol: TCP, name: tcp3 } }`);
    expect(inboundClusters(proxy)).toEqual([
      'inbound|7000||',
      'inbound|7001||',
      'inbound|7003||',
      'inbound|8080||',
    ]);
    const target = (name: string) =>
      named(proxy.clusters(), name).load_assignment?.endpoints?.[0]?.lb_endpoints?.[0]?.endpoint?.address;
    expect(target('inbound|8080||')).toEqual({ socket_address: { address: '127.0.0.1', port_value: 3000 } });
    expect(target('inbound|7000||')).toEqual({ pipe: { path: '/run/app.sock' } });
    expect(target('inbound|7001||')).toEqual({ socket_address: { address: '10.0.0.9', port_value: 7002 } });
    expect(named(proxy.clusters(), 'inbound|7003||').type).toBe('ORIGINAL_DST');
    const chains = named(proxy.listeners(), 'virtualInbound').filter_chains ?? [];
    const ports = new Set(chains.map((chain) => chain.filter_chain_match?.destination_port ?? 0));
    expect([...ports].sort()).toEqual([0, 15006, 7000, 7001, 7003, 8080].sort());
  });

  it('end TLS of their own where there is none of the mesh, and take nothing else', () => {
    const spec = `
  ingress:
    - port: { number: 8443, protocol: TLS, name: tls }
      defaultEndpoint: "127.0.0.1:3000"
      tls: { mode: MUTUAL, serverCertificate: /cert.pem, privateKey: /key.pem, caCertificates: /ca.pem }`;
    const chainsOf = (more: string) =>
      (named(view(spec, more).listeners(), 'virtualInbound').filter_chains ?? []).filter(
        (chain) => chain.filter_chain_match?.destination_port === 8443,
      );
    const [chain, ...others] = chainsOf(disabled);
    expect(others).toEqual([]);
    expect(chain).toMatchObject({
      name: '10.0.0.9_8443',
      filter_chain_match: { transport_protocol: 'tls' },
      transport_socket: { typed_config: { require_client_certificate: true } },
    });
    expect(filterOf(chain).cluster).toBe('inbound|8443||');
    expect(chainsOf('').length).toBeGreaterThan(1);
  });

  it('have sockets of their own where nothing is intercepted', () => {
    const proxy = view(
      '{ ingress: [{ port: { number: 9000, protocol: TCP, name: tcp }, bind: 10.0.0.9, captureMode: NONE, defaultEndpoint: "127.0.0.1:9001" }] }',
    );
    const own = named(proxy.listeners(), '10.0.0.9_9000');
    expect(own.bind_to_port).toBeUndefined();
    expect(
      own.filter_chains?.every((chain) => chain.filter_chain_match?.destination_port === undefined),
    ).toBe(true);
  });
});

describe('limits of connections to the application', () => {
  it('are those of the Sidecar, or of the listener', () => {
    const proxy = view(`
  inboundConnectionPool: { tcp: { maxConnections: 5, connectTimeout: 2s } }
  ingress:
    - { port: { number: 8080, protocol: HTTP, name: http }, connectionPool: { http: { http1MaxPendingRequests: 3 } } }
    - { port: { number: 9000, protocol: TCP, name: tcp } }`);
    expect(named(proxy.clusters(), 'inbound|9000||')).toMatchObject({
      connect_timeout: '2s',
      circuit_breakers: { thresholds: [{ max_connections: 5 }] },
    });
    expect(named(proxy.clusters(), 'inbound|8080||').circuit_breakers?.thresholds?.[0]).toMatchObject({
      max_connections: 4_294_967_295,
      max_pending_requests: 3,
    });
    const only = view('{ inboundConnectionPool: { tcp: { maxConnections: 6 } } }');
    expect(named(only.clusters(), 'inbound|8080||').circuit_breakers?.thresholds?.[0]?.max_connections).toBe(
      6,
    );
  });
});
