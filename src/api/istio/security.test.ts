import { describe, expect, it } from 'vitest';
import { errorFields, warningFields } from '../test-kit.ts';

describe('PeerAuthentication', () => {
  const of = (spec: object) => errorFields('security.istio.io/PeerAuthentication', spec);

  it('needs a selector for ports', () => {
    expect(of({})).toEqual([]);
    expect(of({ mtls: { mode: 'STRICT' } })).toEqual([]);
    expect(
      of({ selector: { matchLabels: { a: 'b' } }, portLevelMtls: { 80: { mode: 'DISABLE' }, 81: null } }),
    ).toEqual([]);
    expect(of({ portLevelMtls: { 80: { mode: 'DISABLE' } } })).toEqual(['portLevelMtls']);
    expect(of({ selector: { matchLabels: { a: 'b' } }, portLevelMtls: {} })).toEqual(['portLevelMtls']);
    expect(of({ selector: { matchLabels: { a: 'b' } }, portLevelMtls: { http: {}, 0: {} } })).toEqual([
      'portLevelMtls["0"]',
      'portLevelMtls.http',
    ]);
    expect(of({ mtls: { mode: 'strict' } })).toEqual(['mtls.mode']);
  });
});

describe('RequestAuthentication', () => {
  const of = (rule: object) =>
    errorFields('security.istio.io/RequestAuthentication', { jwtRules: [rule] }).map((field) =>
      field.replace('jwtRules[0].', ''),
    );
  const warns = (jwks: string) =>
    warningFields('security.istio.io/RequestAuthentication', { jwtRules: [{ issuer: 'a', jwks }] });
  const key = { kty: 'EC', crv: 'P-256', x: 'a', y: 'b' };

  it.each([
    [{ issuer: 'a', jwksUri: 'https://a.example:8443/keys' }, []],
    [{ jwks_uri: 'http://a.example/keys' }, []],
    [{}, ['issuer']],
    [{ issuer: 'a', jwksUri: 'file:///keys' }, ['jwksUri']],
    [{ issuer: 'a', jwksUri: 'https://a b' }, ['jwksUri']],
    [{ issuer: 'a', jwks: 'x' }, ['jwks']],
    [{ issuer: 'a', jwks: '{"keys":[{"kty":"RSA","e":"AQAB"}]}' }, ['jwks']],
    [{ issuer: 'a', jwks: JSON.stringify({ keys: [key] }) }, []],
    [
      { issuer: 'a', audiences: [''], fromParams: [''], fromCookies: [''] },
      ['audiences[0]', 'fromParams[0]', 'fromCookies[0]'],
    ],
    [{ issuer: 'a', fromHeaders: [{ name: '' }] }, ['fromHeaders[0].name']],
    [
      { issuer: 'a', outputClaimToHeaders: [{ header: 'a b', claim: '' }] },
      ['outputClaimToHeaders[0].claim', 'outputClaimToHeaders[0].header'],
    ],
    [{ issuer: 'a', timeout: '0s' }, ['timeout']],
  ])('judges the rule %j', (rule, fields) => {
    expect(of(rule)).toEqual(fields);
  });

  it('warns of private keys, and of the word that only tests trust', () => {
    expect(warns(JSON.stringify({ keys: [key] }))).toEqual([]);
    expect(warns(JSON.stringify({ keys: [{ ...key, d: 'c' }] }))).toEqual(['jwtRules[0].jwks']);
    expect(warns('test')).toEqual(['jwtRules[0].jwks']);
  });
});

describe('AuthorizationPolicy', () => {
  const id = 'security.istio.io/AuthorizationPolicy';
  const of = (spec: object, metadata?: object) => errorFields(id, spec, metadata);
  const rule = (entry: object) => of({ rules: [entry] }).map((field) => field.replace('rules[0].', ''));

  it('takes everything that a rule can ask for', () => {
    const spec = {
      selector: { matchLabels: { app: 'a' } },
      action: 'DENY',
      rules: [
        {
          from: [
            { source: { principals: ['*/sa/a'], notIpBlocks: ['10.0.0.0/8', '::1'] } },
            { source: { serviceAccounts: ['web/a', 'b'] } },
          ],
          to: [{ operation: { ports: ['80', '0'], paths: ['/a/*', '/b/{*}/c/{**}'], methods: ['GET'] } }],
          when: [
            { key: 'request.headers[x-a]', values: ['1'] },
            { key: 'destination.port', notValues: ['81'] },
            { key: 'request.auth.claims[a][b]', values: ['*'] },
            { key: 'source.trustDomain', values: ['*.example'] },
          ],
        },
      ],
    };
    expect(of(spec)).toEqual([]);
    expect(warningFields(id, spec)).toEqual([]);
    expect(of({})).toEqual([]);
  });

  it.each([
    [{ action: 'DENY' }, ['rules']],
    [{ action: 'CUSTOM', rules: [{}] }, ['provider.name']],
    [{ action: 'CUSTOM', rules: [], provider: { name: 'a' } }, ['rules']],
    [{ action: 'ALLOW', provider: { name: 'a' } }, ['provider']],
    [
      {
        action: 'CUSTOM',
        provider: { name: 'a' },
        rules: [
          {
            from: [{ source: { namespaces: ['a'] } }],
            when: [{ key: 'request.auth.principal', values: ['*'] }],
          },
        ],
      },
      ['rules[0].from[0].source.namespaces', 'rules[0].when[0].key'],
    ],
    [{ selector: { matchLabels: { a: '*' } } }, ['selector.matchLabels.a']],
    [{ selector: { matchLabels: { a: 'b' } }, targetRefs: [{ kind: 'Service', name: 'a' }] }, ['targetRefs']],
    [
      {
        targetRefs: [
          { kind: 'Service', name: '', namespace: 'b' },
          { group: 'apps', kind: 'Deployment', name: 'a' },
        ],
      },
      ['targetRefs[0].name', 'targetRefs[0].namespace', 'targetRefs[1].kind'],
    ],
  ])('refuses %j', (spec, fields) => {
    expect(of(spec)).toEqual(fields);
  });

  it.each([
    [{ from: [{}] }, ['from[0].source']],
    [{ from: [{ source: {} }] }, ['from[0].source']],
    [{ from: [{ source: { principals: [''] } }] }, ['from[0].source.principals[0]']],
    [{ from: [{ source: { remoteIpBlocks: ['10.0.0.1/99'] } }] }, ['from[0].source.remoteIpBlocks[0]']],
    [
      { from: [{ source: { serviceAccounts: ['a'], namespaces: ['b'] } }] },
      ['from[0].source.serviceAccounts'],
    ],
    [{ from: [{ source: { serviceAccounts: ['a/b/c'] } }] }, ['from[0].source.serviceAccounts']],
    [{ from: [{ source: { serviceAccounts: ['a*'] } }] }, ['from[0].source.serviceAccounts']],
    [
      { from: [{ source: { trustDomains: ['a/b', 'a*b'] } }] },
      ['from[0].source.trustDomains[0]', 'from[0].source.trustDomains[1]'],
    ],
    [
      { to: [{ operation: { ports: ['http', '65536'] } }] },
      ['to[0].operation.ports[0]', 'to[0].operation.ports[1]'],
    ],
    [
      { to: [{ operation: { paths: ['/{**}/{*}', '/a{b}', '/{*}/*'] } }] },
      ['to[0].operation.paths[0]', 'to[0].operation.paths[1]', 'to[0].operation.paths[2]'],
    ],
    [{ when: [{ key: '' }] }, ['when[0].key']],
    [{ when: [{ key: 'source.ip' }] }, ['when[0].values']],
    [{ when: [{ key: 'source.ip', values: ['a'] }] }, ['when[0].values']],
    [{ when: [{ key: 'request.headers', values: ['a'] }] }, ['when[0].key']],
    [{ when: [{ key: 'destination.labels[a]', values: ['a'] }] }, ['when[0].key']],
    [{ when: [{ key: 'toString', values: ['a'] }] }, ['when[0].key']],
    [{ form: [] }, ['form']],
  ])('refuses the rule %j', (entry, fields) => {
    expect(rule(entry)).toEqual(fields);
  });

  it('warns of a DENY rule that would deny all TCP', () => {
    const warns = (entry: object) => warningFields(id, { action: 'DENY', rules: [entry] });
    expect(warns({ to: [{ operation: { methods: ['GET'] } }] })).toEqual(['rules[0]']);
    expect(warns({ to: [{ operation: { methods: ['GET'], ports: ['80'] } }] })).toEqual([]);
    expect(warns({ from: [{ source: { requestPrincipals: ['*'] } }] })).toEqual(['rules[0]']);
    expect(warns({ from: [{ source: { namespaces: ['a'] } }] })).toEqual([]);
  });

  it('takes a dry run of ALLOW and DENY', () => {
    const dry = (value: string, spec: object = {}) =>
      of(spec, { annotations: { 'istio.io/dry-run': value } });
    expect(dry('true')).toEqual([]);
    expect(dry('yes')).toEqual(['metadata.annotations["istio.io/dry-run"]']);
    expect(dry('true', { action: 'AUDIT' })).toEqual(['metadata.annotations["istio.io/dry-run"]']);
  });
});
