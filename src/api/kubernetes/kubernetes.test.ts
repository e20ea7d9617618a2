import { describe, expect, it } from 'vitest';
import { validateObject } from '../validate.ts';

const fields = (apiVersion: string, kind: string, body: object) =>
  validateObject({ apiVersion, kind, metadata: { name: 'x' }, ...body }).errors.map(({ field }) => field);

describe("Kubernetes' own kinds", () => {
  it('wants ports of Services that can be told apart', () => {
    const ports = (...entries: object[]) => fields('v1', 'Service', { spec: { ports: entries } });
    expect(ports({ port: 80, targetPort: 'http' })).toEqual([]);
    expect(ports({ port: 80 }, { port: 443, name: 'a' })).toEqual(['spec.ports[0].name']);
    expect(ports({ port: 0, name: 'a' }, { port: 443, name: 'a' })).toEqual(['spec.ports[0].port']);
  });

  it('wants a Deployment to select its own Pods', () => {
    const deployment = (matchLabels: object) =>
      fields('apps/v1', 'Deployment', {
        spec: {
          selector: { matchLabels },
          template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'a' }] } },
        },
      });
    expect(deployment({ app: 'a' })).toEqual([]);
    expect(deployment({ app: 'b' })).toEqual(['spec.selector.matchLabels.app']);
  });

  it('puts cluster-wide kinds in no namespace', () => {
    const { key } = validateObject({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'web', namespace: 'ignored' },
    });
    expect(key).toEqual({ group: '', kind: 'Namespace', namespace: '', name: 'web' });
  });

  it('reads Pods, slices, nodes and secrets', () => {
    expect(
      fields('v1', 'Pod', {
        spec: { containers: [] },
        status: { podIP: '10.0.0.1', conditions: [{ type: 'Ready', status: 'True' }] },
      }),
    ).toEqual([]);
    expect(
      fields('discovery.k8s.io/v1', 'EndpointSlice', {
        addressType: 'IPv4',
        endpoints: [{ addresses: ['10.0.0.1'] }],
        ports: [{ port: 1 }],
      }),
    ).toEqual([]);
    expect(
      fields('v1', 'Endpoints', { subsets: [{ addresses: [{ ip: '10.0.0.1' }], ports: [{ port: 1 }] }] }),
    ).toEqual([]);
    expect(
      fields('v1', 'Node', { status: { addresses: [{ type: 'InternalIP', address: '10.0.0.1' }] } }),
    ).toEqual([]);
    expect(fields('v1', 'Secret', { data: { a: 1 } })).toEqual(['data.a']);
    expect(fields('batch/v1', 'Job', { spec: {} })).toEqual(['spec.template']);
  });
});
