import { describe, expect, it } from 'vitest';
import { errorFields } from '../test-kit.ts';

const backendRefs = [{ name: 'reviews', port: 9080 }];

describe('HTTPRoute', () => {
  const of = (spec: object) => errorFields('gateway.networking.k8s.io/HTTPRoute', spec);
  const rule = (entry: object) => of({ rules: [entry] }).map((field) => field.replace(/^rules\[0\]\.?/, ''));

  it('takes what ordinary routes are made of', () => {
    const spec = {
      parentRefs: [
        { name: 'gw', sectionName: 'http' },
        { group: '', kind: 'Service', name: 'reviews', port: 9080 },
      ],
      hostnames: ['*.shop.example'],
      rules: [
        {
          name: 'a',
          matches: [{ path: { value: '/a' }, headers: [{ name: 'X', value: '1' }], method: 'GET' }],
          filters: [
            {
              type: 'URLRewrite',
              urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } },
            },
          ],
          backendRefs: [
            { ...backendRefs[0], weight: 9 },
            { name: 'b', port: 80, weight: 0 },
          ],
          timeouts: { request: '10s', backendRequest: '2s500ms' },
          retry: { attempts: 2, codes: [503], backoff: '100ms' },
        },
        { filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https', statusCode: 301 } }] },
      ],
    };
    expect(of(spec)).toEqual([]);
    expect(of({})).toEqual([]);
  });

  it.each([
    [{ parentRefs: [{ name: 'a' }, { name: 'a' }] }, ['parentRefs[1]']],
    [
      { parentRefs: [{ name: 'a', kind: 'a b', namespace: 'A', port: 0 }] },
      ['parentRefs[0].port', 'parentRefs[0].kind', 'parentRefs[0].namespace'],
    ],
    [
      { hostnames: ['10.0.0.1', 'A.example', 'a.*.example'] },
      ['hostnames[0]', 'hostnames[1]', 'hostnames[2]'],
    ],
  ])('refuses %j', (spec, fields) => {
    expect(of(spec).toSorted()).toEqual(fields.toSorted());
  });

  it.each([
    [{ backendRefs: [{ name: 'a' }] }, ['backendRefs[0].port']],
    [{ backendRefs: [{ name: 'a', port: 1, weight: -1 }] }, ['backendRefs[0].weight']],
    [{ matches: [{ path: { value: 'a' } }] }, ['matches[0].path.value']],
    [{ matches: [{ path: { value: '/a//b' } }] }, ['matches[0].path.value']],
    [{ matches: [{ path: { value: '/a/../b' } }] }, ['matches[0].path.value']],
    [{ matches: [{ path: { value: '/a%2fb' } }] }, ['matches[0].path.value']],
    [{ matches: [{ path: { type: 'RegularExpression', value: '(' } }] }, ['matches[0].path.value']],
    [
      {
        matches: [
          {
            headers: [
              { name: 'a', value: '1' },
              { name: 'A', value: '2' },
            ],
          },
        ],
      },
      ['matches[0].headers[1].name'],
    ],
    [
      {
        matches: [
          {
            queryParams: [
              { name: 'a', value: '1' },
              { name: 'A', value: '2' },
            ],
          },
        ],
      },
      [],
    ],
    [{ filters: [{ type: 'RequestMirror' }] }, ['filters[0].requestMirror']],
    [{ filters: [{ type: 'CORS', cors: {}, urlRewrite: {} }] }, ['filters[0].urlRewrite']],
    [
      {
        filters: [
          { type: 'CORS', cors: {} },
          { type: 'CORS', cors: {} },
        ],
      },
      ['filters[1].type'],
    ],
    [
      {
        filters: [
          {
            type: 'RequestHeaderModifier',
            requestHeaderModifier: { remove: ['a', 'A'], set: [{ name: 'b', value: 'c\nd' }] },
          },
        ],
      },
      ['filters[0].requestHeaderModifier.set[0].value', 'filters[0].requestHeaderModifier.remove[1]'],
    ],
    [
      {
        filters: [
          {
            type: 'RequestMirror',
            requestMirror: {
              backendRef: backendRefs[0],
              percent: 101,
              fraction: { numerator: 3, denominator: 2 },
            },
          },
        ],
      },
      ['filters[0].requestMirror.fraction', 'filters[0].requestMirror.percent'],
    ],
    [
      {
        filters: [
          {
            type: 'RequestRedirect',
            requestRedirect: { statusCode: 304, path: { type: 'ReplaceFullPath' } },
          },
        ],
      },
      ['filters[0].requestRedirect.path.replaceFullPath', 'filters[0].requestRedirect.statusCode'],
    ],
    [{ filters: [{ type: 'RequestRedirect', requestRedirect: {} }], backendRefs }, ['backendRefs']],
    [{ timeouts: { request: '1s', backendRequest: '2s' } }, ['timeouts.backendRequest']],
    [{ timeouts: { request: '1.5s' } }, ['timeouts.request']],
    [{ retry: { codes: [200] } }, ['retry.codes[0]']],
  ])('refuses the rule %j', (entry, fields) => {
    expect(rule(entry)).toEqual(fields);
  });

  it('replaces a prefix only where one prefix is matched', () => {
    const filters = [
      { type: 'URLRewrite', urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } } },
    ];
    expect(rule({ filters, matches: [{ path: { type: 'Exact', value: '/a' } }] })).toEqual([
      'filters[0].urlRewrite.path',
    ]);
  });
});

describe('Gateway and ListenerSet', () => {
  const gateway = (...listeners: object[]) =>
    errorFields('gateway.networking.k8s.io/Gateway', { gatewayClassName: 'weft', listeners }).map((field) =>
      field.replace('listeners', 'l'),
    );
  const http = { name: 'http', port: 80, protocol: 'HTTP' };

  it.each([
    [[http, { name: 'https', port: 443, protocol: 'HTTPS', tls: { certificateRefs: [{ name: 'c' }] } }], []],
    [[], ['l']],
    [
      [http, http],
      ['l[1].name', 'l[1]'],
    ],
    [[{ name: 'A', port: 0, protocol: '' }], ['l[0].name', 'l[0].port', 'l[0].protocol']],
    [[{ ...http, tls: {} }], ['l[0].tls', 'l[0].tls.certificateRefs']],
    [[{ name: 'a', port: 1, protocol: 'TLS', tls: { certificateRefs: [{ name: 'c' }] } }], ['l[0].tls.mode']],
    [[{ name: 'a', port: 1, protocol: 'TCP', hostname: 'a.example' }], ['l[0].hostname']],
    [[{ name: 'a', port: 1, protocol: 'HTTPS', tls: { mode: 'Passthrough' } }], ['l[0].tls.mode']],
  ])('judges listeners %j', (listeners, fields) => {
    expect(gateway(...listeners)).toEqual(fields);
    const spec = { parentRef: { name: 'gw' }, listeners };
    const inSet = errorFields('gateway.networking.k8s.io/ListenerSet', spec).map((field) =>
      field.replace('listeners', 'l'),
    );
    expect(inSet).toEqual(fields);
  });

  it('judges addresses', () => {
    const addresses = [
      { value: '10.0.0.1' },
      { value: 'x' },
      { type: 'Hostname', value: 'a b' },
      { type: 'v.example/own', value: 'any thing' },
    ];
    const spec = { gatewayClassName: 'weft', listeners: [http], addresses };
    expect(errorFields('gateway.networking.k8s.io/Gateway', spec)).toEqual([
      'addresses[1].value',
      'addresses[2].value',
    ]);
  });
});

describe('the other kinds of the Gateway API', () => {
  it('judges GRPCRoutes', () => {
    const of = (rule: object) => errorFields('gateway.networking.k8s.io/GRPCRoute', { rules: [rule] });
    expect(of({ matches: [{ method: { service: 'a.B', method: 'C' } }], backendRefs })).toEqual([]);
    expect(of({ matches: [{ method: {} }] })).toEqual(['rules[0].matches[0].method']);
    expect(of({ matches: [{ method: { service: 'a/b' } }] })).toEqual(['rules[0].matches[0].method.service']);
    expect(of({ matches: [{ method: { type: 'RegularExpression', method: '(' } }] })).toEqual([
      'rules[0].matches[0].method.method',
    ]);
  });

  it('judges TLSRoutes and TCPRoutes', () => {
    const rules = [{ backendRefs }];
    expect(errorFields('gateway.networking.k8s.io/TLSRoute', { hostnames: ['a.example'], rules })).toEqual(
      [],
    );
    expect(errorFields('gateway.networking.k8s.io/TLSRoute', { hostnames: [], rules: [] })).toEqual([
      'rules',
      'hostnames',
    ]);
    expect(
      errorFields('gateway.networking.k8s.io/TCPRoute', { rules: [...rules, { backendRefs: [] }] }),
    ).toEqual(['rules', 'rules[1].backendRefs']);
    expect(errorFields('gateway.networking.k8s.io/UDPRoute', {})).toEqual(['rules']);
  });

  it('judges grants, classes and BackendTLSPolicies', () => {
    const grant = {
      from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: '' }],
      to: [],
    };
    expect(errorFields('gateway.networking.k8s.io/ReferenceGrant', grant)).toEqual([
      'to',
      'from[0].namespace',
    ]);
    expect(errorFields('gateway.networking.k8s.io/GatewayClass', { controllerName: 'a' })).toEqual([
      'controllerName',
    ]);
    const tls = (validation: object) =>
      errorFields('gateway.networking.k8s.io/BackendTLSPolicy', {
        targetRefs: [{ group: '', kind: 'Service', name: 'a' }],
        validation,
      });
    expect(tls({ hostname: 'a.example', wellKnownCACertificates: 'System' })).toEqual([]);
    expect(tls({ hostname: 'a_b', subjectAltNames: [{ type: 'URI', hostname: 'x' }] })).toEqual([
      'validation.hostname',
      'validation',
      'validation.subjectAltNames[0].uri',
      'validation.subjectAltNames[0].hostname',
    ]);
  });
});

describe('names in the Gateway API', () => {
  const listeners = [{ name: 'http', port: 80, protocol: 'HTTP' }];

  it('of references, protocols and sections are judged', () => {
    const gateway = (spec: object) => errorFields('gateway.networking.k8s.io/Gateway', spec);
    expect(
      gateway({
        gatewayClassName: 'weft',
        listeners: [
          { name: 'a', port: 80, protocol: 'a b', allowedRoutes: { kinds: [{ kind: ':x', group: 'G' }] } },
          { name: 'b', port: 81, protocol: 'example.com/bar' },
        ],
        infrastructure: { parametersRef: { group: 'A', kind: 'B', name: 'c' } },
      }),
    ).toEqual([
      'listeners[0].protocol',
      'listeners[0].allowedRoutes.kinds[0].group',
      'listeners[0].allowedRoutes.kinds[0].kind',
      'infrastructure.parametersRef.group',
    ]);
    expect(
      errorFields('gateway.networking.k8s.io/GatewayClass', {
        controllerName: 'weft.dev/gateway',
        parametersRef: { group: 'G', kind: 'K', name: 'n', namespace: 'N' },
      }),
    ).toEqual(['parametersRef.group', 'parametersRef.namespace']);
    expect(
      errorFields('gateway.networking.k8s.io/ListenerSet', { parentRef: { name: '', kind: '/' }, listeners }),
    ).toEqual(['parentRef.name', 'parentRef.kind']);
  });

  it('of certificates and targets of a BackendTLSPolicy, too', () => {
    const of = (target: object, validation: object) =>
      errorFields('gateway.networking.k8s.io/BackendTLSPolicy', {
        targetRefs: [{ group: '', kind: 'Service', name: 'web', ...target }],
        validation: { hostname: 'a.com', ...validation },
      });
    expect(of({}, { wellKnownCACertificates: 'example.com/roots' })).toEqual([]);
    expect(of({ group: '%', sectionName: '(' }, { wellKnownCACertificates: 'system' })).toEqual([
      'targetRefs[0].group',
      'targetRefs[0].sectionName',
      'validation.wellKnownCACertificates',
    ]);
    const subjectAltNames = [{ type: 'Hostname', hostname: '*' }];
    expect(of({}, { wellKnownCACertificates: 'System', subjectAltNames })).toEqual([
      'validation.subjectAltNames[0].hostname',
    ]);
  });

  it('of rules, and rules at all', () => {
    expect(errorFields('gateway.networking.k8s.io/HTTPRoute', { rules: [] })).toEqual(['rules']);
    const rules = [{ name: 'GET', backendRefs }];
    expect(errorFields('gateway.networking.k8s.io/TCPRoute', { rules, useDefaultGateways: 'None' })).toEqual([
      'rules[0].name',
    ]);
  });
});
