import { describe, expect, it } from 'vitest';
import { meshOf, named, proxyOf } from '../../../testing/compiled-mesh.ts';

function pod(name: string, app: string, ip: string, locality: string, labels = ''): string {
  return `
apiVersion: v1
kind: Pod
metadata: { name: ${name}, namespace: default, labels: { app: ${app}, topology.istio.io/locality: ${locality}${labels} } }
spec: { containers: [{ name: app, image: x }] }
status: { podIP: ${ip}, phase: Running, conditions: [{ type: Ready, status: "True" }] }`;
}

const pods = [
  pod('web', 'web', '10.0.0.9', 'r1.z1.s1', ', version: v2'),
  pod('near', 'api', '10.0.0.1', 'r1.z1.s1', ', version: v1'),
  pod('zone', 'api', '10.0.0.2', 'r1.z1.s2', ', version: v2'),
  pod('region', 'api', '10.0.0.3', 'r1.z2.s1'),
  pod('far', 'api', '10.0.0.4', 'r2.z1.s1', ', version: v2'),
  pod('other', 'api', '10.0.0.5', 'r3.z1.s1'),
];

function service(rest = ''): string {
  return `
apiVersion: v1
kind: Service
metadata: { name: api, namespace: default }
spec: { selector: { app: api }, clusterIP: 10.96.0.1, ports: [{ name: http, port: 80 }]${rest} }`;
}

function rule(policy: string): string {
  return `
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: api, namespace: default }
spec: { host: api, trafficPolicy: { ${policy} } }`;
}

const OUTLIER = 'outlierDetection: { consecutive5xxErrors: 5 }';

/** Priority, or share, by address. */
function order(objects: readonly string[], field: 'priority' | 'load_balancing_weight' = 'priority') {
  const view = proxyOf(meshOf([...pods, ...objects].join('\n---')), 'sidecar~default/web');
  const { endpoints = [] } = named(view.endpoints(), 'outbound|80||api.default.svc.cluster.local');
  return Object.fromEntries(
    endpoints.flatMap((group) =>
      (group.lb_endpoints ?? []).map(({ endpoint }) => [
        endpoint?.address?.socket_address?.address?.slice(-1),
        group[field] ?? 0,
      ]),
    ),
  );
}

describe('endpoints are preferred', () => {
  it('by nothing, while nothing is ever ejected', () => {
    expect(order([service()])).toEqual({ 1: 0, 2: 0, 3: 0, 4: 0, 5: 0 });
  });

  it('by how near they are, where failing ones are ejected', () => {
    expect(order([service(), rule(OUTLIER)])).toEqual({ 1: 0, 2: 1, 3: 2, 4: 3, 5: 3 });
    const off = rule(`${OUTLIER}, loadBalancer: { localityLbSetting: { enabled: false } }`);
    expect(order([service(), off])).toEqual({ 1: 0, 2: 0, 3: 0, 4: 0, 5: 0 });
  });

  it('by the region to fail over to, before all others', () => {
    const to = rule(`${OUTLIER}, loadBalancer: { localityLbSetting: { failover: [{ from: r1, to: r3 }] } }`);
    expect(order([service(), to])).toEqual({ 1: 0, 2: 1, 3: 2, 4: 4, 5: 3 });
  });

  it('by labels, the first that differs deciding', () => {
    const by = (labels: string) =>
      order([
        service(),
        rule(`${OUTLIER}, loadBalancer: { localityLbSetting: { failoverPriority: [${labels}] } }`),
      ]);
    expect(by('version')).toEqual({ 1: 1, 2: 0, 3: 1, 4: 0, 5: 1 });
    expect(by('version=v1, topology.kubernetes.io/region')).toEqual({ 1: 0, 2: 1, 3: 1, 4: 1, 5: 1 });
    expect(by('topology.kubernetes.io/region, version')).toEqual({ 1: 1, 2: 0, 3: 1, 4: 2, 5: 2 });
  });

  it('by shares of localities, and those without a share get nothing', () => {
    const shares = rule(
      'loadBalancer: { localityLbSetting: { distribute: [{ from: r1/z1/*, to: { r1/z1/*: 70, r2/*: 30 } }] } }',
    );
    expect(order([service(), shares], 'load_balancing_weight')).toEqual({ 1: 35, 2: 35, 4: 30 });
  });

  it('by region alone where zones are filled by their sizes, whether or not failing ones are ejected', () => {
    const aware = (settings: string) => rule(`loadBalancer: { zoneAwareLbSetting: { ${settings} } }`);
    expect(order([service(), aware('')])).toEqual({ 1: 0, 2: 0, 3: 0, 4: 1, 5: 1 });
    expect(order([service(), aware('failover: [{ from: r1, to: r3 }]')])).toEqual({
      1: 0,
      2: 0,
      3: 0,
      4: 2,
      5: 1,
    });
    expect(order([service(), aware('failoverPriority: [version]')])).toEqual({
      1: 2,
      2: 0,
      3: 2,
      4: 1,
      5: 3,
    });
    expect(order([service(), aware('enabled: false')])).toEqual({ 1: 0, 2: 0, 3: 0, 4: 0, 5: 0 });
  });

  it('by the labels behind the network too, where the network is another one', () => {
    const by = 'failoverPriority: ["topology.istio.io/network=n9", version=v1]';
    expect(order([service(), rule(`${OUTLIER}, loadBalancer: { localityLbSetting: { ${by} } }`)])).toEqual({
      1: 0,
      2: 1,
      3: 1,
      4: 1,
      5: 1,
    });
  });

  it('only on the own node, where the Service says so', () => {
    const nodes = ['near', 'zone'].map((name, i) =>
      (pods.find((text) => text.includes(`name: ${name},`)) ?? '').replace(
        'spec: {',
        `spec: { nodeName: node-${i},`,
      ),
    );
    const web = (pods[0] ?? '').replace('spec: {', 'spec: { nodeName: node-1,');
    const mesh = [web, ...nodes, service(', internalTrafficPolicy: Local')].join('\n---');
    const { endpoints = [] } = named(
      proxyOf(meshOf(mesh), 'sidecar~default/web').endpoints(),
      'outbound|80||api.default.svc.cluster.local',
    );
    expect(
      endpoints.flatMap(({ lb_endpoints = [] }) =>
        lb_endpoints.map(({ endpoint }) => endpoint?.address?.socket_address?.address),
      ),
    ).toEqual(['10.0.0.2']);
  });

  it('as the Service itself says', () => {
    expect(order([service(', trafficDistribution: PreferClose')])).toEqual({ 1: 0, 2: 1, 3: 2, 4: 3, 5: 3 });
  });
});
