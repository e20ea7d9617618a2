import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findFiles } from '../../src/control/watch/files/folder.ts';
import { meshOf, proxyOf } from '../../src/testing/compiled-mesh.ts';
import { envoyComplaints, envoyForTests } from './envoy-validate.ts';

const envoy = envoyForTests();
if (envoy === undefined) console.warn('skipped: no Envoy (set WEFT_ENVOY, or have one on PATH or in .weft)');

const root = join(import.meta.dirname, '../..');
const everything = readFileSync(join(root, 'test/compile/meshes/everything.yaml'), 'utf8');
const shared = readFileSync(join(root, 'test/compile/meshes/shared-host.yaml'), 'utf8');
const gatewayLabels = { app: 'istio-ingressgateway', istio: 'ingressgateway' };

async function bookinfo(...variants: readonly string[]): Promise<string> {
  const folder = join(root, 'examples/bookinfo');
  const files = (await findFiles(folder)).filter(
    (file) =>
      !file.includes('/variants/') || variants.some((variant) => file.includes(`/variants/${variant}/`)),
  );
  const replaced =
    variants.length > 0 ? files.filter((file) => !/reviews-routes|mutual-tls/.test(file)) : files;
  return replaced.map((file) => readFileSync(file, 'utf8')).join('\n---\n');
}

describe.skipIf(envoy === undefined)('Envoy has nothing against, deprecations included', () => {
  const complaints = (mesh: string, who: string) =>
    envoyComplaints(envoy ?? '', proxyOf(meshOf(mesh), who, who.startsWith('gateway') ? gatewayLabels : {}));

  it.each(['sidecar~default/reviews-v1', 'sidecar~default/db', 'gateway~istio-system/istio-ingressgateway'])(
    'a mesh with everything in it: %s',
    (who) => expect(complaints(everything, who)).toBe(''),
  );

  it.each([
    'sidecar~default/productpage-v1',
    'sidecar~default/reviews-v2',
    'gateway~istio-system/istio-ingressgateway',
  ])('Bookinfo: %s', async (who) => expect(complaints(await bookinfo(), who)).toBe(''));

  it.each(['by-user', 'canary', 'fault', 'fifty-fifty', 'timeout', 'strict-mtls', 'permissive-mtls'])(
    'Bookinfo, variant %s',
    async (variant) => expect(complaints(await bookinfo(variant), 'sidecar~default/productpage-v1')).toBe(''),
  );

  it('access logs in both encodings', () => {
    const proxy = (accessLogEncoding: 'TEXT' | 'JSON') => {
      const mesh = `${everything}
---
apiVersion: v1
kind: ConfigMap
metadata: { name: istio, namespace: istio-system }
data: { mesh: "{accessLogFile: /dev/stdout, accessLogEncoding: ${accessLogEncoding}, outboundTrafficPolicy: {mode: REGISTRY_ONLY}}" }`;
      return complaints(mesh, 'sidecar~default/reviews-v1');
    };
    expect(proxy('TEXT')).toBe('');
    expect(proxy('JSON')).toBe('');
  });

  it('names of the world outside, asked of resolvers', () => {
    const mesh = meshOf(everything, { dnsUpstreams: ['10.0.0.2', '1.1.1.1:5353'] });
    expect(envoyComplaints(envoy ?? '', proxyOf(mesh, 'sidecar~default/reviews-v1'))).toBe('');
  });

  it.each(['sidecar~default/web', 'gateway~default/gateway'])(
    'a workload that shares its host: %s',
    (who) => {
      expect(complaints(shared, who)).toBe('');
    },
  );
});
