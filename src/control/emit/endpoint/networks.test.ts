import { describe, expect, it } from 'vitest';
import { filterOf, meshOf, named, proxyOf } from '../../../testing/compiled-mesh.ts';

function pod(name: string, app: string, ip: string, labels = '', plane = 'weft'): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: default, labels: { app: ${app}${labels} }, annotations: { weft.dev/data-plane: ${plane} } }
spec: { containers: [{ name: app, image: x }] }
status: { podIP: ${ip}, phase: Running, conditions: [{ type: Ready, status: "True" }] }`;
}

const mesh = (config: string, gateway = '') =>
  meshOf(
    [
      pod('web', 'web', '10.0.0.9', ', topology.istio.io/network: east'),
      pod('near', 'api', '10.0.0.1', ', topology.istio.io/network: east'),
      pod('far-1', 'api', '10.1.0.1', ', version: v1'),
      pod('far-2', 'api', '10.1.0.2', ', version: v2'),
      pod('bare', 'api', '10.1.0.3', '', 'none'),
      `
apiVersion: v1
kind: Service
metadata: { name: api, namespace: default }
spec: { selector: { app: api }, clusterIP: 10.96.0.1, ports: [{ name: http, port: 80 }] }`,
      `
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { meshNetworks: '${config}' }`,
      gateway,
    ].join('\n---'),
  );

const west = (gateways: string) =>
  mesh(`{networks: {west: {endpoints: [{fromCidr: 10.1.0.0/16}], gateways: [${gateways}]}}}`);

function weights(compiled: ReturnType<typeof mesh>, who = 'sidecar~default/web') {
  const { endpoints = [] } = named(
    proxyOf(compiled, who).endpoints(),
    'outbound|80||api.default.svc.cluster.local',
  );
  return Object.fromEntries(
    endpoints.flatMap(({ lb_endpoints = [] }) =>
      lb_endpoints.map(({ endpoint, load_balancing_weight }) => [
        `${endpoint?.address?.socket_address?.address}:${endpoint?.address?.socket_address?.port_value}`,
        load_balancing_weight,
      ]),
    ),
  );
}

describe('endpoints of other networks', () => {
  it('are their gateways, which weigh what takes mutual TLS behind them', () => {
    expect(weights(west('{address: 192.0.2.1, port: 15443}'))).toEqual({
      '10.0.0.1:80': 1,
      '192.0.2.1:15443': 2,
    });
  });

  it('are shared by all gateways of a network', () => {
    const two = west('{address: 192.0.2.1, port: 15443}, {address: 192.0.2.2, port: 15443}');
    expect(weights(two)).toEqual({ '10.0.0.1:80': 2, '192.0.2.1:15443': 2, '192.0.2.2:15443': 2 });
  });

  it('are called directly from within, and where the network has no gateway', () => {
    const all = { '10.0.0.1:80': 1, '10.1.0.1:80': 1, '10.1.0.2:80': 1, '10.1.0.3:80': 1 };
    expect(weights(west('{address: 192.0.2.1, port: 15443}'), 'sidecar~default/far-1')).toEqual(all);
    expect(weights(mesh('{networks: {west: {endpoints: [{fromCidr: 10.1.0.0/16}]}}}'))).toEqual(all);
  });
});

describe('a gateway between networks', () => {
  it('passes TLS of the mesh on by its server name, to those who take it', () => {
    const compiled = mesh(
      '{}',
      `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: between, namespace: istio-system }
spec:
  selector: { istio: eastwestgateway }
  servers: [{ port: { number: 15443, name: tls, protocol: TLS }, hosts: ["*.local"], tls: { mode: AUTO_PASSTHROUGH } }]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: api, namespace: default }
spec: { host: api, subsets: [{ name: v2, labels: { version: v2 } }] }`,
    );
    const view = proxyOf(compiled, 'gateway~istio-system/eastwest', { istio: 'eastwestgateway' });
    const chains = named(view.listeners(), '0.0.0.0_15443').filter_chains ?? [];
    const name = 'outbound_.80_._.api.default.svc.cluster.local';
    const subset = 'outbound_.80_.v2_.api.default.svc.cluster.local';
    expect(chains.map(({ filter_chain_match }) => filter_chain_match?.server_names)).toEqual([
      [name],
      [subset],
    ]);
    expect(chains[0]?.filter_chain_match?.application_protocols).toContain('istio');
    expect(filterOf(chains[0]).cluster).toBe(name);
    expect(named(view.clusters(), name).transport_socket_matches).toBeUndefined();
    const addresses = (cluster: string) =>
      named(view.endpoints(), cluster).endpoints?.flatMap(({ lb_endpoints = [] }) =>
        lb_endpoints.map(({ endpoint }) => endpoint?.address?.socket_address?.address),
      );
    expect(addresses(name)).toEqual(['10.0.0.1', '10.1.0.1', '10.1.0.2']);
    expect(addresses(subset)).toEqual(['10.1.0.2']);
  });
});
