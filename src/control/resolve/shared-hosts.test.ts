import { expect, test } from 'vitest';
import { meshOf } from '../../testing/compiled-mesh.ts';

const entry = (name: string, spec: string, labels = '{}') => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: shop, labels: ${labels} }
spec: { hosts: [cache.example.org], resolution: STATIC, ${spec} }
`;

const HTTP = '{ number: 80, name: http, protocol: HTTP }';
const ADMIN = '{ number: 8081, name: admin, protocol: HTTP }';

test('a younger entry whose ports do not count is told why', () => {
  const mesh = meshOf(
    [entry('a', `ports: [${HTTP}]`), entry('b', `ports: [${HTTP}, ${ADMIN}]`, '{ team: b }')].join('---\n'),
  );
  expect(mesh.findings().map(({ key, field, message }) => `${key.name} ${field}: ${message}`)).toEqual([
    'b spec.hosts[0]: ServiceEntry a is older and has this host with another metadata.labels: port 8081 of this one does not count',
  ]);
});

test('entries that agree are told nothing', () => {
  const mesh = meshOf([entry('a', `ports: [${HTTP}]`), entry('b', `ports: [${ADMIN}]`)].join('---\n'));
  expect(mesh.findings()).toEqual([]);
});
