import { describe, expect, it } from 'vitest';
import { meshOf, storeOf } from '../../testing/compiled-mesh.ts';
import { certificateSecret, gatewayApiObject } from '../../testing/gateway-api.ts';
import { secretSources } from './kubernetes-secrets.ts';

const mesh =
  gatewayApiObject(
    'Gateway',
    'edge',
    '{ gatewayClassName: weft, listeners: [{ name: https, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: cert }] } }] }',
  ) +
  certificateSecret('cert') +
  certificateSecret('other') +
  `
---
apiVersion: v1
kind: ConfigMap
metadata: { name: ca, namespace: default }
data: { ca.crt: '-----BEGIN CERTIFICATE-----' }
---
apiVersion: v1
kind: Secret
metadata: { name: partners, namespace: default }
stringData: { ca.crt: authority, ca.crl: revoked }`;

const trust = { trustDomain: 'cluster.local', trustDomainAliases: [], extraRootsPem: '', federated: [] };

function namesFor(namespace: string, ...wanted: readonly string[]): string[] {
  const source = secretSources(() => 'roots')(storeOf(mesh).resources(), trust);
  const lent = meshOf(mesh).gatewaySecrets(namespace);
  return source.secretsFor(new Set(wanted), namespace, lent).map(({ name }) => name);
}

describe('secrets of Gateways', () => {
  const own = 'kubernetes-gateway://default/cert';
  const other = 'kubernetes-gateway://default/other';

  it('are for the proxies that open the listeners, and only what those name', () => {
    expect(namesFor('istio-system', own, other)).toEqual([own]);
    expect(namesFor('shop', own)).toEqual([]);
  });

  it('may be CA certificates alone, with what they revoked, in a Secret or a ConfigMap', () => {
    const source = secretSources(() => 'roots')(storeOf(mesh).resources(), trust);
    const wanted = new Set(['kubernetes://partners-cacert', 'kubernetes://ca-cacert']);
    expect(source.secretsFor(wanted, 'default').map(({ object }) => object)).toEqual([
      {
        name: 'kubernetes://partners-cacert',
        validation_context: { trusted_ca: { inline_string: 'authority' }, crl: { inline_string: 'revoked' } },
      },
      {
        name: 'kubernetes://ca-cacert',
        validation_context: { trusted_ca: { inline_string: '-----BEGIN CERTIFICATE-----' } },
      },
    ]);
    expect(source.secretsFor(wanted, 'shop')).toEqual([]);
  });

  it('CA certificates of ConfigMaps are for everybody', () => {
    const ca = 'configmap://default/ca-cacert';
    expect(namesFor('shop', ca, 'configmap://default/none-cacert', 'configmap://default/ca')).toEqual([ca]);
  });
});
