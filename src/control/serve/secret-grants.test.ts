import { describe, expect, it } from 'vitest';
import { meshOf, proxyOf } from '../../testing/compiled-mesh.ts';
import { GRANT_LINGER_MS, SecretGrants } from './secret-grants.ts';

const gateway = (credential: string) => `
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: { name: edge, namespace: istio-system }
spec:
  selector: { istio: ingressgateway }
  servers:
  - port: { number: 443, name: https, protocol: HTTPS }
    hosts: ['*']
    tls: { mode: MUTUAL, credentialName: ${credential} }`;
const router = (credential: string) =>
  proxyOf(meshOf(gateway(credential)), 'router~istio-system/istio-ingressgateway', {
    istio: 'ingressgateway',
  });
const asked = (...names: readonly string[]) => new Set(['ROOTCA', 'file-root:system', ...names]);
const none = () => [];

describe('the secrets that a proxy may ask for', () => {
  it('are those that its configuration names, CA certificates among them, and what everybody may have', () => {
    const grants = new SecretGrants();
    const names = asked(
      'kubernetes://a',
      'kubernetes://a-cacert',
      'kubernetes://b',
      'kubernetes://istio-system/a',
    );
    expect([...grants.among(names, router('a'), none, 0)].sort()).toEqual([
      'ROOTCA',
      'file-root:system',
      'kubernetes://a',
      'kubernetes://a-cacert',
    ]);
  });

  it('stay for a while when they are no longer named, so that the old listener works until the new one does', () => {
    const grants = new SecretGrants();
    const names = asked('kubernetes://a', 'kubernetes://b');
    const mayAt = (credential: string, nowMs: number) =>
      [...grants.among(names, router(credential), none, nowMs)]
        .filter((name) => name.startsWith('kubernetes'))
        .sort();
    expect(mayAt('a', 0)).toEqual(['kubernetes://a']);
    expect(mayAt('b', 1)).toEqual(['kubernetes://a', 'kubernetes://b']);
    expect(mayAt('b', GRANT_LINGER_MS)).toEqual(['kubernetes://a', 'kubernetes://b']);
    expect(mayAt('b', GRANT_LINGER_MS + 1)).toEqual(['kubernetes://b']);
    expect(mayAt('b', GRANT_LINGER_MS + 2)).toEqual(['kubernetes://b']);
  });

  it('are forgotten when nobody asks for them any more', () => {
    const grants = new SecretGrants();
    grants.among(asked('kubernetes://a'), router('a'), none, 0);
    grants.among(asked(), router('b'), none, 1);
    expect([...grants.among(asked('kubernetes://a'), router('b'), none, 2)]).not.toContain('kubernetes://a');
  });
});
