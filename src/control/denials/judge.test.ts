import { describe, expect, it } from 'vitest';
import { httpService, meshOf } from '../../testing/compiled-mesh.ts';
import type { Json } from '../../xds/resources.ts';
import { readOf } from '../compile.ts';
import { authorization } from '../resolve/authorization/policies.ts';
import { meshSettings } from '../resolve/mesh-settings.ts';
import { subjectKey } from '../resolve/policy-attachment.ts';
import { jwtRules } from '../resolve/request-authentications.ts';
import { callOf, type LogEntry } from './entry.ts';
import { judge, type PoliciesThere } from './judge.ts';

const policy = (name: string, spec: string, more = ''): string => `
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ${name}, namespace: default${more}}
spec: ${spec}`;

function policies(...texts: readonly string[]): PoliciesThere {
  const compiled = meshOf([httpService('web'), ...texts].join('\n---'));
  const read = readOf(compiled);
  const subject = subjectKey({ namespace: 'default', labels: { app: 'web' } });
  return {
    authorization: read.of(authorization, subject),
    tokens: read.of(jwtRules, subject),
    settings: read.of(meshSettings, ''),
    locate: compiled.locate,
  };
}

const address = (text: string, port_value = 1) => ({ socket_address: { address: text, port_value } });

interface Logged {
  readonly details?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly metadata?: { readonly [filter: string]: { readonly [key: string]: Json } };
  readonly path?: string;
  readonly uri?: string;
}

function entry({ details = 'rbac_access_denied_matched_policy[none]', ...more }: Logged): LogEntry {
  const {
    headers = {},
    metadata = {},
    path = '/a?token=secret',
    uri = 'spiffe://cluster.local/ns/a/sa/b',
  } = more;
  return {
    common_properties: {
      downstream_remote_address: address('192.0.2.1'),
      downstream_direct_remote_address: address('10.0.0.1'),
      downstream_local_address: address('10.0.0.2', 8080),
      tls_properties: { peer_certificate_properties: { subject_alt_name: uri === '' ? [] : [{ uri }] } },
      start_time: '2026-01-01T00:00:00.000Z',
      metadata: { filter_metadata: metadata },
    },
    request: {
      request_method: 'GET',
      authority: 'web:8080',
      path,
      request_id: 'one',
      request_headers: headers,
    },
    response: { response_code: 403, response_code_details: details },
  };
}

const ask = (there: PoliciesThere, logged: Logged) => judge(callOf(entry(logged), 0), there);

describe('why a rule that denies took a request', () => {
  const there = policies(
    policy(
      'd',
      '{action: DENY, rules: [{to: [{operation: {methods: [POST]}}]}, {to: [{operation: {paths: ["/a*"]}}], from: [{source: {notNamespaces: [x]}}]}]}',
    ),
  );

  it('its values, and where it is written', () => {
    const [reasons] = ask(there, {
      details: 'rbac_access_denied_matched_policy[ns[default]-policy[d]-rule[1]]',
    });
    expect(reasons).toMatchObject({
      verdict: 'denied',
      why: 'AuthorizationPolicy default/d denies it by its rule 1',
      policy: { name: 'd', rule: 1 },
      nearest: false,
      values: [
        { attribute: 'source.namespace', unwanted: ['x'], was: 'a', failed: false },
        { attribute: 'request.path', wanted: ['/a*'], was: '/a', failed: false },
      ],
    });
    expect(reasons?.policy?.line).toBeGreaterThan(0);
    expect(JSON.stringify(reasons)).not.toContain('secret');
  });

  it('also where the policy is gone', () => {
    const [reasons] = ask(there, {
      details: 'rbac_access_denied_matched_policy[ns[default]-policy[z]-rule[0]]',
    });
    expect(reasons?.why).toContain('has been changed or taken away since');
    expect(reasons?.values).toEqual([]);
  });
});

describe('why no rule allowed a request', () => {
  const nearest = (rules: string, logged: Logged) =>
    ask(policies(policy('a', `{rules: ${rules}}`)), logged)[0];

  it('the rule with the fewest things that fail, and each of them', () => {
    const rules =
      '[{to: [{operation: {methods: [PUT], paths: [/z], ports: ["1"]}}]}, {to: [{operation: {methods: [GET], paths: [/b]}}, {operation: {methods: [PUT], paths: [/c]}}]}]';
    expect(nearest(rules, {})).toMatchObject({
      why: 'none of the 2 rules of 1 policy that allow takes it',
      nearest: true,
      policy: { rule: 1 },
      values: [
        { attribute: 'request.method', was: 'GET', failed: false },
        { attribute: 'request.path', wanted: ['/b'], was: '/a', failed: true },
      ],
    });
  });

  it.each<[string, string, Logged]>([
    ['from: [{source: {principals: [cluster.local/ns/x/sa/y]}}]', 'cluster.local/ns/a/sa/b', {}],
    ['from: [{source: {principals: ["*"]}}]', '(no certificate)', { uri: '' }],
    ['from: [{source: {serviceAccounts: [x/y]}}]', 'a/b', {}],
    ['from: [{source: {trustDomains: [other]}}]', 'cluster.local', {}],
    ['from: [{source: {ipBlocks: [10.1.0.0/16]}}]', '10.0.0.1', {}],
    ['from: [{source: {remoteIpBlocks: [10.1.0.0/16]}}]', '192.0.2.1', {}],
    ['from: [{source: {requestPrincipals: ["*"]}}]', '(no token)', {}],
    ['to: [{operation: {hosts: [other]}}]', 'web:8080', {}],
    ['to: [{operation: {ports: ["1"]}}]', '8080', {}],
    ['when: [{key: "request.headers[x-a]", values: [b]}]', 'c', { headers: { 'x-a': 'c' } }],
    ['when: [{key: "request.headers[x-a]", values: [b]}]', '(none)', {}],
    [
      'when: [{key: "request.headers[authorization]", values: [b]}]',
      '(not shown: it may be a secret)',
      { headers: { authorization: 'hidden' } },
    ],
    [
      'when: [{key: "request.auth.claims[groups]", values: [b]}]',
      '["c"]',
      { metadata: { 'envoy.filters.http.jwt_authn': { payload: { groups: ['c'], ssn: 'hidden' } } } },
    ],
  ])('%s: was %s', (rule, was, logged) => {
    const reasons = nearest(`[{${rule}}]`, logged);
    expect(reasons?.values).toMatchObject([{ was, failed: true }]);
    expect(JSON.stringify(reasons)).not.toContain('hidden');
  });

  it('where policies allow nothing at all', () => {
    expect(ask(policies(policy('none', '{}')), {})).toMatchObject([
      {
        why: 'none of the 0 rules of 1 policy that allow takes it',
        policy: { name: 'none', rule: -1 },
        values: [],
      },
    ]);
  });
});

describe('other reasons', () => {
  const trial = policies(
    policy('t', '{rules: [{to: [{operation: {paths: [/b]}}]}]}', ', annotations: {istio.io/dry-run: "true"}'),
  );

  it('policies on trial would have denied it', () => {
    const metadata = { 'envoy.filters.http.rbac': { istio_dry_run_allow_shadow_engine_result: 'denied' } };
    expect(ask(trial, { details: 'via_upstream', metadata })).toMatchObject([
      {
        verdict: 'would-deny',
        why: 'none of the 1 rule of 1 policy that allow would take it',
        policy: { name: 't' },
      },
    ]);
    expect(ask(trial, { details: 'via_upstream' })).toEqual([]);
  });

  it('a token that is refused', () => {
    const there = policies(`
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: r, namespace: default}
spec: {jwtRules: [{issuer: me, jwks: '{"keys":[]}'}]}`);
    expect(ask(there, { details: 'jwt_authn_access_denied{Jwt_is_expired}' })).toMatchObject([
      { check: 'token', why: 'the token is refused: Jwt is expired' },
    ]);
  });

  it('a connection: only what connections have is looked at', () => {
    const there = policies(
      policy('d', '{action: DENY, rules: [{to: [{operation: {paths: [/a], ports: ["8080"]}}]}]}'),
    );
    const { common_properties = {} } = entry({});
    const connection_termination_details = 'rbac_access_denied_matched_policy[ns[default]-policy[d]-rule[0]]';
    const call = callOf({ common_properties: { ...common_properties, connection_termination_details } }, 0);
    expect(judge(call, there)).toMatchObject([{ values: [{ attribute: 'destination.port', was: '8080' }] }]);
  });

  it('an authorizer that said no, or did not answer', () => {
    const there = policies(
      policy('c', '{action: CUSTOM, provider: {name: gate}, rules: [{to: [{operation: {paths: [/a]}}]}]}'),
    );
    const metadata = {
      'envoy.filters.http.rbac': {
        istio_ext_authz_gate_shadow_effective_policy_id: 'istio-ext-authz-gate-ns[default]-policy[c]-rule[0]',
      },
    };
    expect(ask(there, { details: 'ext_authz_denied', metadata })).toMatchObject([
      {
        check: 'authorizer',
        why: 'the authorizer gate said no',
        policy: { name: 'c', rule: 0 },
        values: [{ attribute: 'request.path', was: '/a' }],
      },
    ]);
    expect(ask(there, { details: 'ext_authz_error', metadata })[0]?.why).toBe(
      'the authorizer gate could not be asked',
    );
  });

  it('what callers wrote controls no terminal', () => {
    const there = policies(policy('a', '{rules: [{to: [{operation: {paths: [/b]}}]}]}'));
    const [reasons] = ask(there, { path: '/\u001b[2J\u009b\u202ex' });
    expect(reasons?.values[0]?.was).toBe('/?[2J??x');
  });
});
