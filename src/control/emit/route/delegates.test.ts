import { describe, expect, it } from 'vitest';
import { hostOf, httpService, meshOf, proxyOf } from '../../../testing/compiled-mesh.ts';

const host = 'reviews.default.svc.cluster.local';
const services = httpService('reviews', { port: 9080, versions: ['v1', 'v2'] });
const toV1 = 'route: [{ destination: { host: reviews, subset: v1 } }]';

function meshWith(rules: string, more = ''): ReturnType<typeof meshOf> {
  return meshOf(`${services}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: reviews, namespace: default }
spec: { host: reviews, subsets: [{ name: v1, labels: { version: v1 } }, { name: v2, labels: { version: v2 } }] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: reviews, namespace: default }
spec:
  hosts: [reviews]
  http:
${rules.replace(/^/gm, '    ')}
${more}`);
}

describe('delegates', () => {
  it('are part of the rule that includes them, within what it matches', () => {
    const mesh = meshWith(
      '- match: [{ uri: { prefix: /a } }]\n  delegate: { name: part, namespace: other }\n  timeout: 3s',
      `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: part, namespace: other }
spec:
  http:
    - match: [{ uri: { prefix: /a/b } }, { uri: { exact: /a/c } }]
      route: [{ destination: { host: reviews.default.svc.cluster.local, subset: v1 } }]
    - route: [{ destination: { host: reviews.default.svc.cluster.local, subset: v2 } }]`,
    );
    const { routes = [] } = hostOf(proxyOf(mesh, 'sidecar~default/reviews-v1'), '9080', host);
    expect(
      routes.map(({ match, route }) => [match?.prefix ?? match?.path, route?.cluster, route?.timeout]),
    ).toEqual([
      ['/a/b', `outbound|9080|v1|${host}`, '3s'],
      ['/a/c', `outbound|9080|v1|${host}`, '3s'],
      ['/a', `outbound|9080|v2|${host}`, '3s'],
    ]);
  });

  const included = (outer: string, inner: string) => {
    const mesh = meshWith(
      `- match: [{ ${outer} }]\n  delegate: { name: part }`,
      `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: part, namespace: default }
spec: { http: [{ match: [${inner}], ${toV1} }] }`,
    );
    const { routes = [] } = hostOf(proxyOf(mesh, 'sidecar~default/reviews-v1'), '9080', host);
    return routes.filter(({ name }) => name !== 'default').length;
  };

  it.each([
    ['uri: { prefix: /a }', '{ uri: { prefix: /a/b } }, { uri: { prefix: /c } }'],
    ['uri: { prefix: /a }', '{ uri: { prefix: /a/b }, ignoreUriCase: true }'],
    ['uri: { regex: "/a.*" }', '{ uri: { exact: /a } }'],
    ['sourceNamespace: default', '{ sourceNamespace: shop }'],
    ['sourceLabels: { app: reviews }', '{ sourceLabels: { app: web } }'],
    ['gateways: [mesh]', '{ gateways: [mesh, edge] }'],
    ['port: 9080', '{ port: 80 }'],
    ['headers: { a: { exact: x } }', '{ headers: { a: { exact: y } } }'],
  ])('%s does not include %s, and nothing of that rule counts', (outer, inner) => {
    expect(included(outer, inner)).toBe(0);
  });

  it.each([
    ['uri: { prefix: /a }, ignoreUriCase: true', '{ uri: { prefix: /a/b } }'],
    ['sourceNamespace: default', '{ method: { exact: GET } }'],
    ['sourceLabels: { app: reviews }', '{ sourceLabels: { app: reviews } }'],
    ['headers: { a: { prefix: x } }', '{ headers: { a: { exact: xy }, b: { exact: z } } }'],
  ])('%s includes %s', (outer, inner) => {
    expect(included(outer, inner)).toBe(1);
  });

  it('that are not for this namespace, or are no delegates, are not included', () => {
    const part = (spec: string) => `---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: part, namespace: other }
spec: { ${spec}http: [{ route: [{ destination: { host: reviews.default.svc.cluster.local } }] }] }`;
    const findings = (spec: string) =>
      meshWith('- delegate: { name: part, namespace: other }', part(spec)).findings();
    expect(findings('')).toEqual([]);
    expect(findings('exportTo: ["."], ')).toEqual([
      expect.objectContaining({ message: expect.stringContaining('not exported to namespace default') }),
    ]);
    expect(findings('hosts: [a.example.com], ')).toEqual([
      expect.objectContaining({ message: expect.stringContaining('has hosts of its own') }),
    ]);
  });

  it('that are not there are found', () => {
    expect(meshWith('- delegate: { name: nobody }').findings()).toEqual([
      expect.objectContaining({
        field: 'spec.http[0].delegate',
        message: expect.stringContaining('default/nobody'),
      }),
    ]);
  });
});
