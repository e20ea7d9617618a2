import { describe, expect, it } from 'vitest';
import { filterOf, meshOf, named, proxyOf } from '../../../testing/compiled-mesh.ts';
import { type CompiledMatch, compileMatch, matchFilterChain } from '../../../xds/match/filter-chain.ts';
import type { FilterChain } from '../../../xds/resources.ts';

const services = `
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec:
  selector: { app: web }
  ports: [{ name: http, port: 80, targetPort: 8080 }, { name: tcp-db, port: 3306 }, { name: odd, port: 7000 }]
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: web, namespace: default }
spec:
  selector: { matchLabels: { app: web } }
  template: { metadata: { labels: { app: web } }, spec: { containers: [{ name: web, image: none }] } }`;

function policy(name: string, namespace: string, spec: string): string {
  return `
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: ${name}, namespace: ${namespace} }
spec: ${spec}`;
}

interface Call {
  readonly port: number;
  readonly tls?: 'mesh' | 'own';
  readonly http?: boolean;
}

/** What the inbound listener does with a connection: refused, or taken with what filter, and whether it ends mesh TLS. */
function taken(mesh: string, { port, tls, http = false }: Call): string {
  const listener = named(proxyOf(meshOf(mesh), 'sidecar~default/web').listeners(), 'virtualInbound');
  const chains = (listener.filter_chains ?? []).map((chain) => ({ chain, match: compiled(chain) }));
  const alpn =
    tls === 'mesh' ? [http ? 'istio-http/1.1' : 'istio'] : tls === 'own' ? ['h2'] : http ? ['http/1.1'] : [];
  const found = matchFilterChain(chains, {
    destinationAddress: '10.0.0.1',
    destinationPort: port,
    sourceAddress: '10.0.0.2',
    sourcePort: 1,
    serverName: '',
    transportProtocol: tls === undefined ? 'raw_buffer' : 'tls',
    applicationProtocols: alpn,
  })?.chain;
  if (found === undefined) return 'refused';
  const filter = filterOf(found);
  const content = filter.route_config === undefined ? filter.cluster : `http ${filter.route_config.name}`;
  return `${content}${found.transport_socket === undefined ? '' : ' mutual'}`;
}

function compiled(chain: FilterChain): CompiledMatch {
  const match = compileMatch(chain.filter_chain_match);
  if ('field' in match) throw new Error(match.message);
  return match;
}

const plainHttp = { port: 8080, http: true };
const meshHttp = { port: 8080, http: true, tls: 'mesh' } as const;
const strict = policy('default', 'istio-system', '{ mtls: { mode: STRICT } }');

describe('the inbound side', () => {
  it('names virtual hosts by the port that clients call', () => {
    const listener = named(proxyOf(meshOf(services), 'sidecar~default/web').listeners(), 'virtualInbound');
    const hosts = (listener.filter_chains ?? []).flatMap((chain) =>
      (filterOf(chain).route_config?.virtual_hosts ?? []).map(({ name }) => name),
    );
    expect(hosts).toContain('inbound|http|80');
    expect(hosts).not.toContain('inbound|http|8080');
  });

  it('takes both plain text and the mesh by default', () => {
    expect(taken(services, plainHttp)).toBe('http inbound|8080||');
    expect(taken(services, meshHttp)).toBe('http inbound|8080|| mutual');
    expect(taken(services, { port: 3306 })).toBe('inbound|3306||');
    expect(taken(services, { port: 3306, tls: 'mesh' })).toBe('inbound|3306|| mutual');
    expect(taken(services, { port: 3306, tls: 'own' })).toBe('inbound|3306||');
    expect(taken(services, { port: 8080, tls: 'own' })).toBe('refused');
  });

  it('looks into ports of unknown protocol', () => {
    expect(taken(services, { port: 7000, http: true })).toBe('http inbound|7000||');
    expect(taken(services, { port: 7000 })).toBe('inbound|7000||');
    expect(taken(services, { port: 7000, http: true, tls: 'mesh' })).toBe('http inbound|7000|| mutual');
    expect(taken(services, { port: 7000, tls: 'mesh' })).toBe('inbound|7000|| mutual');
  });

  it('passes on what no service names, and nothing to itself', () => {
    expect(taken(services, { port: 9999 })).toBe('InboundPassthroughCluster');
    expect(taken(services, { port: 9999, tls: 'mesh' })).toBe('InboundPassthroughCluster mutual');
    expect(taken(services, { port: 15006 })).toBe('BlackHoleCluster');
  });

  it('takes nothing but the mesh where the mesh is strict', () => {
    const mesh = services + strict;
    expect(taken(mesh, plainHttp)).toBe('refused');
    expect(taken(mesh, meshHttp)).toBe('http inbound|8080|| mutual');
    expect(taken(mesh, { port: 3306 })).toBe('refused');
    expect(taken(mesh, { port: 9999 })).toBe('refused');
  });

  it('obeys the namespace before the mesh, the workload before both, and the port first of all', () => {
    const namespace = policy('default', 'default', '{ mtls: { mode: PERMISSIVE } }');
    expect(taken(services + strict + namespace, plainHttp)).toBe('http inbound|8080||');
    const workload = policy(
      'web',
      'default',
      '{ selector: { matchLabels: { app: web } }, mtls: { mode: STRICT }, portLevelMtls: { 3306: { mode: DISABLE }, 9999: { mode: DISABLE } } }',
    );
    const mesh = services + strict + namespace + workload;
    expect(taken(mesh, plainHttp)).toBe('refused');
    expect(taken(mesh, { port: 3306 })).toBe('inbound|3306||');
    expect(taken(mesh, { port: 3306, tls: 'mesh' })).toBe('inbound|3306||');
    expect(taken(mesh, { port: 9999, http: true })).toBe('http InboundPassthroughCluster');
    expect(taken(mesh, { port: 9999 })).toBe('InboundPassthroughCluster');
    expect(taken(mesh, { port: 9998 })).toBe('refused');
  });

  it('leaves the wider mode where a policy says UNSET', () => {
    const unset = policy('default', 'default', '{ mtls: { mode: UNSET } }');
    expect(taken(services + strict + unset, plainHttp)).toBe('refused');
  });

  it('holds peers to the trust domain', () => {
    const mesh = meshOf(services, { trustDomain: 'example.org' });
    const listener = named(proxyOf(mesh, 'sidecar~default/web').listeners(), 'virtualInbound');
    const socket = listener.filter_chains?.find(({ transport_socket }) => transport_socket)?.transport_socket;
    expect(socket?.typed_config).toMatchObject({
      require_client_certificate: true,
      common_tls_context: {
        combined_validation_context: {
          default_validation_context: {
            match_typed_subject_alt_names: [
              { san_type: 'URI', matcher: { prefix: 'spiffe://example.org/' } },
            ],
          },
        },
      },
    });
  });

  it('hands requests to the application from an address that is not intercepted, with who called', () => {
    const view = proxyOf(meshOf(services), 'sidecar~default/web');
    expect(named(view.clusters(), 'inbound|8080||')).toMatchObject({
      type: 'ORIGINAL_DST',
      upstream_bind_config: { source_address: { address: '127.0.0.6' } },
    });
    const chain = named(view.listeners(), 'virtualInbound').filter_chains?.find(
      ({ name }) => name === '0.0.0.0_8080',
    );
    expect(filterOf(chain)).toMatchObject({
      forward_client_cert_details: 'APPEND_FORWARD',
      set_current_client_cert_details: { uri: true },
    });
  });
});
