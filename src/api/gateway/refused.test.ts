import { describe, expect, it } from 'vitest';
import { errorFields } from '../test-kit.ts';

// What a cluster refuses of the Gateway API by the schemas and rules of its CRDs.

const times = <T>(count: number, make: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => make(i));
const backend = { name: 'a', port: 80 };
const filters = (...list: object[]) => ({ rules: [{ filters: list, backendRefs: [backend] }] });
const listener = { name: 'a', port: 80, protocol: 'HTTP' };
const gateway = (more: object) => ({ gatewayClassName: 'weft', listeners: [listener], ...more });
const tls = (more: object) => ({
  targetRefs: [{ group: '', kind: 'Service', name: 'a' }],
  validation: { hostname: 'a.b', wellKnownCACertificates: 'System', ...more },
});

describe('the Gateway API', () => {
  it.each<[kind: string, spec: object, field: string]>([
    ['HTTPRoute', { rules: times(17, () => ({})) }, 'rules'],
    [
      'HTTPRoute',
      { rules: [{ matches: times(65, (i) => ({ path: { value: `/${i}` } })) }] },
      'rules[0].matches',
    ],
    ['HTTPRoute', { parentRefs: times(33, (i) => ({ name: `g${i}` })) }, 'parentRefs'],
    [
      'HTTPRoute',
      { parentRefs: [{ name: 'g' }, { name: 'g', sectionName: 'a' }] },
      'parentRefs[0].sectionName',
    ],
    ['HTTPRoute', { parentRefs: [{ name: 'g', port: 80 }, { name: 'g' }] }, 'parentRefs[1].port'],
    ['HTTPRoute', { rules: [{ name: 'a' }, { name: 'a' }] }, 'rules[1].name'],
    ['HTTPRoute', { parentRefs: [{ name: 'g' }, { name: 'g', kind: 'Gateway' }] }, 'parentRefs[1]'],
    ['HTTPRoute', { parentRefs: [{ name: 'g'.repeat(254) }] }, 'parentRefs[0].name'],
    ['HTTPRoute', { parentRefs: [{ name: 'g', kind: 'K'.repeat(64) }] }, 'parentRefs[0].kind'],
    ['HTTPRoute', { parentRefs: [{ name: 'g', group: 'g'.repeat(254) }] }, 'parentRefs[0].group'],
    [
      'HTTPRoute',
      filters({ type: 'ExtensionRef', extensionRef: { group: 'a b', kind: 'K', name: 'n' } }),
      'rules[0].filters[0].extensionRef.group',
    ],
    [
      'HTTPRoute',
      filters({
        type: 'RequestHeaderModifier',
        requestHeaderModifier: { set: [{ name: 'a', value: 'v'.repeat(4097) }] },
      }),
      'rules[0].filters[0].requestHeaderModifier.set[0].value',
    ],
    [
      'HTTPRoute',
      { rules: [{ matches: [{ headers: [{ name: 'h'.repeat(257), value: 'v' }] }] }] },
      'rules[0].matches[0].headers[0].name',
    ],
    [
      'HTTPRoute',
      filters({ type: 'ExternalAuth', externalAuth: { protocol: 'HTTP', backendRef: backend } }),
      'rules[0].filters[0].externalAuth.http',
    ],
    [
      'HTTPRoute',
      { rules: [{ sessionPersistence: { cookieConfig: { lifetimeType: 'Permanent' } } }] },
      'rules[0].sessionPersistence.absoluteTimeout',
    ],
    [
      'GRPCRoute',
      { rules: [{ matches: [{ method: { service: '1.b' } }] }] },
      'rules[0].matches[0].method.service',
    ],
    [
      'GRPCRoute',
      { rules: [{ matches: [{ method: { method: '1' } }] }] },
      'rules[0].matches[0].method.method',
    ],
    ['HTTPRoute', { rules: [{ retry: { attempts: -1 } }] }, 'rules[0].retry.attempts'],
    [
      'HTTPRoute',
      { rules: [{ sessionPersistence: { cookie: { lifetimeType: 'Permanent' } } }] },
      'rules[0].sessionPersistence.absoluteTimeout',
    ],
    [
      'HTTPRoute',
      { rules: [{ sessionPersistence: { cookie: { path: '/a;Domain=b' } } }] },
      'rules[0].sessionPersistence.cookie.path',
    ],
    [
      'HTTPRoute',
      { rules: [{ sessionPersistence: { type: 'Header', cookie: {} } }] },
      'rules[0].sessionPersistence.cookie',
    ],
    [
      'HTTPRoute',
      filters({ type: 'CORS', cors: { allowOrigins: ['*', 'https://a.b'] } }),
      'rules[0].filters[0].cors.allowOrigins',
    ],
    [
      'HTTPRoute',
      filters({ type: 'CORS', cors: { allowOrigins: ['a.b'] } }),
      'rules[0].filters[0].cors.allowOrigins[0]',
    ],
    ['HTTPRoute', filters({ type: 'CORS', cors: { maxAge: 0 } }), 'rules[0].filters[0].cors.maxAge'],
    [
      'HTTPRoute',
      filters({
        type: 'ExternalAuth',
        externalAuth: { protocol: 'HTTP', backendRef: backend, http: {}, grpc: {} },
      }),
      'rules[0].filters[0].externalAuth.grpc',
    ],
    [
      'HTTPRoute',
      filters({
        type: 'ExternalAuth',
        externalAuth: { protocol: 'GRPC', backendRef: { name: 'a' }, grpc: {} },
      }),
      'rules[0].filters[0].externalAuth.backendRef.port',
    ],
    ['GRPCRoute', { rules: [{ name: 'a' }, { name: 'a' }] }, 'rules[1].name'],
    ['Gateway', gateway({ defaultScope: 'Everything' }), 'defaultScope'],
    ['Gateway', gateway({ addresses: times(17, (i) => ({ value: `10.0.0.${i}` })) }), 'addresses'],
    [
      'Gateway',
      gateway({ tls: { frontend: { default: { validation: { caCertificateRefs: [] } } } } }),
      'tls.frontend.default.validation.caCertificateRefs',
    ],
    [
      'Gateway',
      gateway({ tls: { frontend: { default: {}, perPort: times(2, () => ({ port: 443, tls: {} })) } } }),
      'tls.frontend.perPort[1].port',
    ],
    [
      'BackendTLSPolicy',
      tls({ subjectAltNames: [{ type: 'URI', uri: 'nowhere' }] }),
      'validation.subjectAltNames[0].uri',
    ],
    [
      'BackendTLSPolicy',
      {
        ...tls({}),
        targetRefs: [
          { group: '', kind: 'Service', name: 'a' },
          { group: '', kind: 'Service', name: 'a', sectionName: 'x' },
        ],
      },
      'targetRefs[1].sectionName',
    ],
    [
      'ReferenceGrant',
      {
        from: times(17, (i) => ({ group: '', kind: 'A', namespace: `n${i}` })),
        to: [{ group: '', kind: 'Service' }],
      },
      'from',
    ],
  ])('refuses of a %s %j', (kind, spec, field) => {
    expect(
      errorFields(`gateway.networking.k8s.io/${kind}` as 'gateway.networking.k8s.io/HTTPRoute', spec),
    ).toEqual([field]);
  });

  it.each<[kind: string, spec: object, field: string]>([
    ['XBackendTrafficPolicy', { targetRefs: [] }, 'targetRefs'],
    [
      'XBackendTrafficPolicy',
      {
        targetRefs: [{ group: '', kind: 'Service', name: 'a' }],
        retryConstraint: { budget: { interval: '2h' } },
      },
      'retryConstraint.budget.interval',
    ],
    ['XBackend', { type: 'ExternalHostname', port: { number: 1 } }, 'externalHostname'],
    ['XBackend', { type: 'EndpointSelector', port: {}, endpointSelector: {} }, 'port'],
    ['XMesh', { controllerName: 'weft' }, 'controllerName'],
    ['XListenerSet', { parentRef: { name: '' }, listeners: [listener] }, 'parentRef.name'],
  ])('refuses of an %s %j', (kind, spec, field) => {
    expect(
      errorFields(`gateway.networking.x-k8s.io/${kind}` as 'gateway.networking.x-k8s.io/XMesh', spec),
    ).toEqual([field]);
  });
});
