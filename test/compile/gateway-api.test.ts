import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { meshOf, proxyOf } from '../../src/testing/compiled-mesh.ts';
import { envoyComplaints, envoyForTests } from './envoy-validate.ts';

const envoy = envoyForTests();
const mesh = readFileSync(join(import.meta.dirname, 'meshes/gateway-api.yaml'), 'utf8');
const gatewayLabels = { istio: 'ingressgateway' };

describe.skipIf(envoy === undefined)('Envoy has nothing against the Gateway API', () => {
  it.each([
    ['gateway~istio-system/istio-ingressgateway', gatewayLabels],
    ['sidecar~default/web', {}],
    ['sidecar~shop/anybody', {}],
  ])('%s', (who, labels) => {
    const view = proxyOf(meshOf(mesh), who, labels);
    expect(envoyComplaints(envoy ?? '', view)).toBe('');
  });

  it('has something to judge', () => {
    const view = proxyOf(meshOf(mesh), 'gateway~istio-system/istio-ingressgateway', gatewayLabels);
    expect(view.listeners().map(({ name }) => name)).toEqual([
      '0.0.0.0_443',
      '0.0.0.0_444',
      '0.0.0.0_80',
      '0.0.0.0_8000',
      '0.0.0.0_9000',
    ]);
  });
});
