import { describe, expect, it } from 'vitest';
import type { ServiceObject } from '../resources/objects.ts';
import { parseFile } from '../resources/parse-file.ts';
import { addressesOf, type Backend, hasClusterIp, rulesOf, serviceObject } from './service-view.ts';

const service = (spec: string): ServiceObject => {
  const text = `apiVersion: v1\nkind: Service\nmetadata: { name: reviews }\nspec: ${spec}\n`;
  const [object] = parseFile('a.yaml', text).objects;
  if (object?.kind !== 'Service') throw new Error('no Service');
  return object;
};
const backend = (address: string, change: Partial<Backend> = {}): Backend => ({
  namespace: 'default',
  labels: { app: 'reviews' },
  address,
  ready: true,
  ports: [{ name: 'http', number: 9080, protocol: 'TCP' }],
  names: new Map(),
  ...change,
});

describe('Services', () => {
  const reviews = service('{ selector: { app: reviews }, ports: [{ port: 80, targetPort: http }] }');

  it('lead to the ready pods that their selector finds', () => {
    const backends = [
      backend('10.244.0.2'),
      backend('10.244.0.3', { ready: false }),
      backend('10.244.0.4', { namespace: 'other' }),
      backend('10.244.0.5', { labels: { app: 'ratings' } }),
      backend('10.244.0.6', { ports: [] }),
    ];
    expect(rulesOf(reviews, '10.96.1.1', backends)).toEqual([
      { clusterIp: '10.96.1.1', port: 80, protocol: 'tcp', targets: [{ address: '10.244.0.2', port: 9080 }] },
    ]);
  });

  it('are published with their address', () => {
    expect(serviceObject(reviews, '10.96.1.1')).toMatchObject({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'reviews', namespace: 'default' },
      spec: { clusterIP: '10.96.1.1', ports: [{ port: 80, targetPort: 'http' }] },
    });
  });

  it('without an address of their own have the pods’ addresses', () => {
    const headless = service('{ clusterIP: None, selector: { app: reviews } }');
    expect(hasClusterIp(headless)).toBe(false);
    expect(addressesOf(headless, undefined, [backend('10.244.0.2'), backend('10.244.0.3')])).toHaveLength(2);
    expect(hasClusterIp(service('{ type: ExternalName, externalName: example.org }'))).toBe(false);
  });
});
