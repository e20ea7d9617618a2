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

describe('authorizers of connections', () => {
  const mesh = `
apiVersion: v1
kind: ConfigMap
metadata: {name: istio, namespace: istio-system}
data:
  mesh: |
    extensionProviders:
      - {name: by-grpc, envoyExtAuthzGrpc: {service: authz.default.svc.cluster.local, port: 9000, timeout: 2s, failOpen: true}}
      - {name: by-http, envoyExtAuthzHttp: {service: authz.default.svc.cluster.local, port: 8000}}`;
  const custom = (provider: string, more = ''): string =>
    policy(
      'ask',
      `{action: CUSTOM, provider: {name: ${provider}}, rules: [{to: [{operation: {paths: [/a]}}]}]}`,
      more,
    );
  const filtersOfBytes = (...texts: readonly string[]) =>
    (inbound([httpService('web'), mesh, ...texts].join('\n---')).filter_chains ?? [])
      .map(({ filters = [] }) => filters)
      .filter((filters) => filters.at(-1)?.name === 'envoy.filters.network.tcp_proxy')
      .sort((a, b) => b.length - a.length)[0] ?? [];

  it('are asked over gRPC, with what is known of connections', () => {
    const [trial, ask] = filtersOfBytes(custom('by-grpc'));
    expect(trial?.typed_config).toMatchObject({
      shadow_rules_stat_prefix: 'istio_ext_authz_by-grpc_',
      shadow_rules: {
        policies: {
          'istio-ext-authz-by-grpc-ns[default]-policy[ask]-rule[0]': {
            permissions: [{ any: true }],
            principals: [{ any: true }],
          },
        },
      },
    });
    expect(ask?.typed_config).toMatchObject({
      '@type': 'type.googleapis.com/envoy.extensions.filters.network.ext_authz.v3.ExtAuthz',
      grpc_service: {
        envoy_grpc: { cluster_name: 'outbound|9000||authz.default.svc.cluster.local' },
        timeout: '2s',
      },
      failure_mode_allow: true,
      filter_enabled_metadata: { filter: 'envoy.filters.network.rbac' },
    });
  });

  it('cannot be asked over HTTP: what they would be asked about is denied', () => {
    const [rbac, ...others] = filtersOfBytes(custom('by-http'));
    expect(rbac?.typed_config).toMatchObject({ rules: { action: 'DENY' } });
    expect(others.map(({ name }) => name)).toEqual(['envoy.filters.network.tcp_proxy']);
  });

  it('are not asked for policies that only observe: those are counted', () => {
    const observed = custom('by-http', ', annotations: {weft.dev/mode: observe}');
    const [rbac, ...others] = filtersOfBytes(observed);
    expect(rbac?.typed_config).toMatchObject({ shadow_rules_stat_prefix: 'istio_dry_run_custom_' });
    expect(rbac?.typed_config).not.toHaveProperty('rules');
    expect(others.map(({ name }) => name)).toEqual(['envoy.filters.network.tcp_proxy']);
    expect(httpFilters(inbound([httpService('web'), mesh, observed].join('\n---')))).toEqual([
      `${RBAC} envoy.filters.http.router`,
    ]);
  });
});

describe('where certificates of clients are not verified', () => {
  const gateway = (tls: string) => `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: default}
spec:
  selector: {app: web}
  servers:
    - port: {number: 443, name: https, protocol: HTTPS}
      hosts: [a.org]
      tls: {credentialName: a, ${tls}}`;
  const pod = `
apiVersion: v1
kind: Pod
metadata: {name: gw, namespace: default, labels: {app: web}, annotations: {weft.dev/data-plane: envoy}}
spec: {containers: [{name: istio-proxy, image: x, args: [proxy, router]}]}
status: {podIP: 10.0.0.7, phase: Running, conditions: [{type: Ready, status: 'True'}]}`;

  const rules = (action: string, tls: string, source: string): unknown => {
    const text = [
      pod,
      gateway(tls),
      policy('p', `{action: ${action}, rules: [{from: [{source: ${source}}]}]}`),
    ];
    const listener = proxyOf(meshOf(text.join('\n---')), 'router~default/gw')
      .listeners()
      .find(({ name }) => name === '0.0.0.0_443')?.object;
    const manager = listener?.filter_chains?.[0]?.filters?.[0]?.typed_config as HttpConnectionManager;
    const rbac = manager.http_filters?.find(({ name }) => name === RBAC)?.typed_config as unknown as {
      readonly rules: { readonly policies: Readonly<Record<string, { readonly principals: unknown }>> };
    };
    return Object.values(rbac.rules.policies)[0]?.principals;
  };
  const untrusted = 'mode: MUTUAL, insecureSkipVerify: true';
  const nobody = [{ not_id: { any: true } }];

  it('nobody is allowed by an identity', () => {
    for (const source of ['{principals: ["*"]}', '{namespaces: [a]}', '{serviceAccounts: [a/b]}'])
      expect(rules('ALLOW', untrusted, source)).toEqual(nobody);
    expect(rules('ALLOW', 'mode: OPTIONAL_MUTUAL, insecureSkipVerify: true', '{namespaces: [a]}')).toEqual(
      nobody,
    );
  });

  it('nobody escapes a denial by an identity', () => {
    expect(rules('DENY', untrusted, '{notPrincipals: ["a/ns/b/sa/c"]}')).toEqual([{ any: true }]);
    expect(JSON.stringify(rules('DENY', untrusted, '{principals: ["a/ns/b/sa/c"]}'))).toContain(
      'a/ns/b/sa/c',
    );
  });

  it('all others are asked as ever', () => {
    for (const tls of ['mode: MUTUAL', 'mode: SIMPLE, insecureSkipVerify: true'])
      expect(JSON.stringify(rules('ALLOW', tls, '{principals: ["a/ns/b/sa/c"]}'))).toContain('a/ns/b/sa/c');
    expect(JSON.stringify(rules('ALLOW', untrusted, '{ipBlocks: ["10.0.0.0/8"]}'))).toContain('10.0.0.0');
  });
});
