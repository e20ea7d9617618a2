import { describe, expect, it } from 'vitest';
import { httpService, meshOf, proxyOf } from '../../../testing/compiled-mesh.ts';
import type { FilterChain, HttpConnectionManager, Listener } from '../../../xds/resources.ts';

const RBAC = 'envoy.filters.http.rbac';

const policy = (name: string, spec: string, more = ''): string => `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ${name}, namespace: default${more}}
spec: ${spec}`;

const inbound = (text: string): Listener => {
  const found = proxyOf(meshOf(text), 'sidecar~default/web-v1')
    .listeners()
    .find(({ name }) => name === 'virtualInbound');
  return found?.object ?? {};
};

/** Names of the HTTP filters of the chains that speak HTTP, each kind of chain once. */
function httpFilters(listener: Listener): readonly string[] {
  const managers = (listener.filter_chains ?? []).flatMap(({ filters = [] }: FilterChain) =>
    filters.filter(({ name }) => name === 'envoy.filters.network.http_connection_manager'),
  );
  const names = managers.map(({ typed_config }) =>
    ((typed_config as HttpConnectionManager).http_filters ?? []).map(({ name = '' }) => name).join(' '),
  );
  return [...new Set(names)];
}

describe('policies in filter chains', () => {
  it('tokens first, then what is denied, then what is allowed', () => {
    const text = [
      httpService('web'),
      policy('a', '{rules: [{}]}'),
      policy('d', '{action: DENY, rules: [{to: [{operation: {paths: [/x]}}]}]}'),
      `
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: t, namespace: default}
spec: {jwtRules: [{issuer: a, jwks: test}]}`,
    ].join('\n---');
    expect(httpFilters(inbound(text))).toEqual([
      `envoy.filters.http.jwt_authn ${RBAC} ${RBAC} envoy.filters.http.router`,
    ]);
  });

  it('nothing where no policy holds: of another namespace, or for other labels', () => {
    const text = [
      httpService('web'),
      policy('other', '{selector: {matchLabels: {app: other}}, rules: [{}]}'),
      policy('elsewhere', '{rules: [{}]}').replace('namespace: default', 'namespace: elsewhere'),
    ].join('\n---');
    expect(httpFilters(inbound(text))).toEqual(['envoy.filters.http.router']);
  });

  it('connections that are not HTTP are judged before they are passed on', () => {
    const text = [
      httpService('web'),
      policy('d', '{action: DENY, rules: [{to: [{operation: {ports: ["1"]}}]}]}'),
    ];
    const tcp = (inbound(text.join('\n---')).filter_chains ?? []).filter(
      ({ name, filters = [] }) =>
        name === 'virtualInbound' && filters.at(-1)?.name === 'envoy.filters.network.tcp_proxy',
    );
    expect(tcp.length).toBeGreaterThan(0);
    for (const { filters = [] } of tcp)
      expect(filters.map(({ name }) => name)).toEqual([
        'envoy.filters.network.rbac',
        'envoy.filters.network.tcp_proxy',
      ]);
  });

  it('whoever is not asked for want of an authorizer is denied, and the author is told', () => {
    const mesh = meshOf(
      [httpService('web'), policy('ask', '{action: CUSTOM, provider: {name: nobody}, rules: [{}]}')].join(
        '\n---',
      ),
    );
    expect(mesh.findings().map(({ field }) => field)).toEqual(['spec.provider.name']);
    expect(
      httpFilters(
        inbound(
          `${httpService('web')}\n---${policy('ask', '{action: CUSTOM, provider: {name: nobody}, rules: [{}]}')}`,
        ),
      ),
    ).toEqual([`${RBAC} envoy.filters.http.router`]);
  });
});
