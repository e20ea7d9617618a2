import { describe, expect, it } from 'vitest';
import { fromJson } from '../xds/json.ts';
import { type BootstrapSubject, bootstrapOf, type ControlPlaneAddress } from './bootstrap.ts';

const subject: BootstrapSubject = {
  namespace: 'shop',
  pod: 'reviews-v1-0',
  uid: 'u',
  workload: 'reviews-v1',
  labels: { app: 'reviews', version: 'v1' },
  annotations: {},
  serviceAccount: 'bookinfo-reviews',
  address: '10.244.0.7',
  kind: 'sidecar',
  appPorts: [9080],
  settings: {},
};
const tls: ControlPlaneAddress = {
  kind: 'tls',
  address: '10.244.0.1',
  port: 15012,
  serverName: 'istiod.istio-system.svc',
  rootsFile: '/roots.pem',
};
const mesh = { trustDomain: 'cluster.local', meshId: 'cluster.local' };

describe('bootstrapOf', () => {
  it('is a bootstrap, field by field', () => {
    for (const control of [tls, { kind: 'pipe', path: '/agent.sock' }] as const) {
      const { problems } = fromJson(
        'envoy.config.bootstrap.v3.Bootstrap',
        bootstrapOf(subject, control, mesh),
      );
      expect(problems).toEqual([]);
    }
  });

  it('limits connections of clients, but not those for probes and statistics', () => {
    const settings = { maxConnections: 5, environment: { ISTIO_META_A: 'b', C: 'd' } };
    const bootstrap = bootstrapOf({ ...subject, settings }, tls, mesh);
    expect(fromJson('envoy.config.bootstrap.v3.Bootstrap', bootstrap).problems).toEqual([]);
    expect(bootstrap.overload_manager?.resource_monitors?.[0]?.typed_config).toMatchObject({
      max_active_downstream_connections: '5',
    });
    expect(bootstrap.static_resources?.listeners).toMatchObject([
      { ignore_global_conn_limit: true },
      { ignore_global_conn_limit: true },
    ]);
    expect(bootstrap.node?.metadata).toMatchObject({ A: 'b' });
  });

  it('names the node as Istio does', () => {
    const { node } = bootstrapOf(subject, tls, mesh);
    expect(node?.id).toBe('sidecar~10.244.0.7~reviews-v1-0.shop~shop.svc.cluster.local');
    expect(node?.cluster).toBe('reviews.shop');
    expect(node?.metadata).toMatchObject({
      WORKLOAD_NAME: 'reviews-v1',
      SERVICE_ACCOUNT: 'bookinfo-reviews',
    });
    expect(bootstrapOf({ ...subject, kind: 'gateway' }, tls, mesh).node?.id).toMatch(/^router~/);
  });

  it('asks on demand: weft’s proxy unless told not to, Envoy where told to, gateways never', () => {
    const wish = (
      control: ControlPlaneAddress,
      said: string | undefined,
      kind: BootstrapSubject['kind'] = 'sidecar',
    ) => {
      const annotations = said === undefined ? {} : { 'weft.dev/on-demand': said };
      return bootstrapOf({ ...subject, kind, annotations }, control, mesh).node?.metadata?.['WEFT_ON_DEMAND'];
    };
    const pipe = { kind: 'pipe', path: '/agent.sock' } as const;
    expect([wish(tls, undefined), wish(tls, 'false')]).toEqual(['true', undefined]);
    expect([wish(pipe, undefined), wish(pipe, 'true')]).toEqual([undefined, 'envoy']);
    expect([wish(tls, undefined, 'gateway'), wish(pipe, 'true', 'gateway')]).toEqual([undefined, undefined]);
  });

  it('verifies the control plane by its name, with TLS 1.3', () => {
    const [cluster] = bootstrapOf(subject, tls, mesh).static_resources?.clusters ?? [];
    expect(cluster?.transport_socket?.typed_config).toMatchObject({
      sni: 'istiod.istio-system.svc',
      common_tls_context: {
        tls_params: { tls_minimum_protocol_version: 'TLSv1_3' },
        validation_context: { trusted_ca: { filename: '/roots.pem' } },
      },
    });
  });

  it('binds upstream connections to the pod’s address where the proxy is told by it', () => {
    expect(bootstrapOf(subject, tls, mesh).cluster_manager).toBeUndefined();
    const bound = bootstrapOf({ ...subject, sourceAddress: '10.244.0.7' }, tls, mesh);
    expect(bound.cluster_manager?.upstream_bind_config?.source_address?.address).toBe('10.244.0.7');
  });

  it('takes other ports where the network is shared', () => {
    const ports = { admin: 1, health: 2, metrics: 3 };
    const { admin, static_resources } = bootstrapOf({ ...subject, ports }, tls, mesh);
    expect(admin?.address?.socket_address?.port_value).toBe(1);
    expect(
      static_resources?.listeners?.map((listener) => listener.address?.socket_address?.port_value),
    ).toEqual([3, 2]);
  });
});
