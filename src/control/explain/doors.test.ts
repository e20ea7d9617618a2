import { expect, test } from 'vitest';
import { httpService, storeOf } from '../../testing/compiled-mesh.ts';
import { compile, readOf } from '../compile.ts';
import { doorsOf } from './doors.ts';
import { explainMesh } from './mesh.ts';

const gateway = `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: g, namespace: default }
spec:
  selector: { istio: ingressgateway }
  servers:
    - { port: { number: 80, name: http, protocol: HTTP }, hosts: ['*'] }
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: istio-ingressgateway, namespace: istio-system }
spec:
  selector: { matchLabels: { istio: ingressgateway } }
  template:
    metadata: { labels: { istio: ingressgateway }, annotations: { inject.istio.io/templates: gateway } }
    spec: { containers: [{ name: istio-proxy, image: auto }] }
`;
const rule = (name: string, host: string, http: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name}, namespace: default }
spec: { hosts: ['${host}'], gateways: [g], http: ${http} }
`;
const TO_WEB = 'route: [{ destination: { host: web } }]';

function doors(...rules: readonly string[]) {
  const resources = storeOf(
    [httpService('web', { port: 80 }), gateway, ...rules].join('\n---\n'),
  ).resources();
  const settings = { offline: true };
  const compiled = compile(resources, settings);
  return doorsOf({ ...explainMesh(resources, settings, compiled), read: readOf(compiled) });
}

test('each host with the first path that anybody gets an answer for', () => {
  expect(
    doors(
      rule(
        'shop',
        'shop.example.com',
        `[{ match: [{ headers: { a: { exact: b } } }], ${TO_WEB} }, { match: [{ uri: { exact: /gone } }], directResponse: { status: 410 } }, { match: [{ uri: { prefix: /cart } }], ${TO_WEB} }]`,
      ),
      rule('any', '*', `[{ match: [{ uri: { exact: /front } }], ${TO_WEB} }]`),
    ),
  ).toEqual([
    { host: '', path: '/front' },
    { host: 'shop.example.com', path: '/cart' },
  ]);
});

test('none where nobody is routed to', () => {
  expect(doors()).toEqual([]);
});
