import { describe, expect, it } from 'vitest';
import type {
  config_rbac_v3_Permission,
  config_rbac_v3_Principal,
  config_rbac_v3_RBAC,
} from '../gen/types.ts';
import type { PeerFacts, RequestFacts } from './facts.ts';
import { compileRbac } from './rbac.ts';

const peer: PeerFacts = {
  directRemoteAddress: '10.0.0.9',
  remoteAddress: '192.168.1.1',
  destinationAddress: '10.0.0.1',
  destinationPort: 9080,
  requestedServerName: 'outbound_.9080_._.reviews',
  principals: ['spiffe://cluster.local/ns/default/sa/productpage'],
  presented: true,
  validated: true,
  metadata: (filter) =>
    filter === 'envoy.filters.http.jwt_authn' ? { iss: 'me', aud: ['a', 'b'] } : undefined,
};
const get: RequestFacts = {
  method: 'GET',
  path: '/reviews/1?x=y',
  authority: 'reviews:9080',
  scheme: 'http',
  header: (name) => (name === 'end-user' ? 'jason' : undefined),
};

function allows(rules: config_rbac_v3_RBAC, request: RequestFacts | undefined = get): boolean {
  return compileRbac(rules, (field, message) => expect(`${field} ${message}`).toBe(''), 'rules').evaluate(
    request,
    peer,
  ).allowed;
}

const rule = (
  permission: config_rbac_v3_Permission,
  principal: config_rbac_v3_Principal,
): config_rbac_v3_RBAC => ({
  policies: { p: { permissions: [permission], principals: [principal] } },
});

describe('who', () => {
  it.each<[config_rbac_v3_Principal, boolean]>([
    [{ any: true }, true],
    [
      { authenticated: { principal_name: { exact: 'spiffe://cluster.local/ns/default/sa/productpage' } } },
      true,
    ],
    [{ authenticated: { principal_name: { suffix: '/sa/reviews' } } }, false],
    [{ authenticated: {} }, true],
    [{ filter_state: { key: 'io.istio.peer_principal', string_match: { contains: '/ns/default/' } } }, true],
    [{ direct_remote_ip: { address_prefix: '10.0.0.0', prefix_len: 24 } }, true],
    [{ remote_ip: { address_prefix: '10.0.0.0', prefix_len: 24 } }, false],
    [{ header: { name: 'end-user', exact_match: 'jason' } }, true],
    [{ not_id: { header: { name: 'end-user', exact_match: 'jason' } } }, false],
    [
      { and_ids: { ids: [{ any: true }, { remote_ip: { address_prefix: '192.168.1.1', prefix_len: 32 } }] } },
      true,
    ],
    [
      {
        metadata: {
          filter: 'envoy.filters.http.jwt_authn',
          path: [{ key: 'aud' }],
          value: { list_match: { one_of: { string_match: { exact: 'b' } } } },
        },
      },
      true,
    ],
  ])('%j: %s', (principal, expected) => expect(allows(rule({ any: true }, principal))).toBe(expected));
});

describe('what', () => {
  it.each<[config_rbac_v3_Permission, boolean]>([
    [{ url_path: { path: { exact: '/reviews/1' } } }, true],
    [{ header: { name: ':method', exact_match: 'POST' } }, false],
    [{ destination_port: 9080 }, true],
    [{ destination_port_range: { start: 9000, end: 9080 } }, false],
    [{ requested_server_name: { prefix: 'outbound_' } }, true],
    [{ or_rules: { rules: [{ destination_port: 1 }, { not_rule: { destination_port: 2 } }] } }, true],
  ])('%j: %s', (permission, expected) => expect(allows(rule(permission, { any: true }))).toBe(expected));
});

describe('verdicts', () => {
  it('allow nothing without a match, deny nothing without one, log always', () => {
    expect(allows({})).toBe(false);
    expect(allows({ action: 'DENY' })).toBe(true);
    expect(allows({ ...rule({ any: true }, { any: true }), action: 'DENY' })).toBe(false);
    expect(allows({ action: 'LOG' })).toBe(true);
  });

  it('tell callers apart, however many there are, and policies about who from those about what', () => {
    const exact = (name: string) => ({ authenticated: { principal_name: { exact: name } } });
    const path = (prefix: string) => ({ url_path: { path: { prefix } } });
    const policies = {
      a: { permissions: [path('/reviews')], principals: [exact('caller-1')] },
      b: {
        permissions: [{ any: true }],
        principals: [{ not_id: exact('caller-1') }, { header: { name: 'x' } }],
      },
      c: { permissions: [path('/')], principals: [exact('caller-1'), exact('caller-2')] },
    };
    const rbac = compileRbac({ action: 'DENY', policies }, () => {}, '');
    const ask = (...principals: string[]) => rbac.evaluate(get, { ...peer, principals }).policy;
    for (let round = 0; round < 2; round++) {
      expect([ask('caller-1'), ask('caller-2'), ask(), ask('caller-2', 'caller-1')]).toEqual([
        'a',
        'b',
        'b',
        'a',
      ]);
      for (let i = 3; i < 1200; i++) expect(ask(`caller-${i}`)).toBe('b');
    }
  });

  it('on a connection alone, what asks for a request fails', () => {
    expect(
      compileRbac(rule({ url_path: { path: { prefix: '/' } } }, { any: true }), () => {}, '').evaluate(
        undefined,
        peer,
      ).allowed,
    ).toBe(false);
  });

  it('refuse conditions in CEL by name', () => {
    const refused: string[] = [];
    compileRbac(
      { policies: { a: { condition: { const_expr: {} } } } },
      (field) => refused.push(field),
      'rules',
    );
    expect(refused).toEqual(['rules.policies.a.condition']);
  });
});
