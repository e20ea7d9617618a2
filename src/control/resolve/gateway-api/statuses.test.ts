import { describe, expect, it } from 'vitest';
import { httpService, meshOf } from '../../../testing/compiled-mesh.ts';
import { certificateSecret, gatewayApiObject as object } from '../../../testing/gateway-api.ts';

const services = httpService('web');
const rule = '[{ backendRefs: [{ name: web, port: 80 }] }]';

function statusOf(mesh: string, kind: string, name: string) {
  return meshOf(services + mesh)
    .gatewayApiStatuses()
    .find(({ key }) => key.kind === kind && key.name === name)?.status;
}

function gateway(listeners: string, more = ''): string {
  return object('Gateway', 'edge', `{ gatewayClassName: weft, ${more} listeners: [${listeners}] }`);
}

/** `Accepted=True/Accepted` and so on. */
function texts(conditions: readonly { type: string; status: string; reason: string }[] = []): string[] {
  return conditions.map(({ type, status, reason }) => `${type}=${status}/${reason}`);
}

const plain = '{ name: http, port: 80, protocol: HTTP }';

describe('the status of a Gateway', () => {
  it('is only for classes of these controllers', () => {
    const classes =
      '\n---\napiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: { name: other }\nspec: { controllerName: example.com/other }' +
      '\n---\napiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: { name: ours }\nspec: { controllerName: istio.io/gateway-controller }';
    const of = (name: string) =>
      object('Gateway', name, `{ gatewayClassName: ${name}, listeners: [${plain}] }`);
    const mesh = classes + of('other') + of('ours');
    expect(texts(statusOf(mesh, 'GatewayClass', 'ours')?.conditions)).toEqual(['Accepted=True/Accepted']);
    expect(statusOf(mesh, 'GatewayClass', 'other')).toBeUndefined();
    expect(statusOf(mesh, 'Gateway', 'other')).toBeUndefined();
    expect(texts(statusOf(mesh, 'Gateway', 'ours')?.conditions)).toEqual([
      'Accepted=True/Accepted',
      'Programmed=False/NoResources',
      'ResolvedRefs=True/ResolvedRefs',
    ]);
  });

  it('counts the routes of each listener', () => {
    const route = (name: string, hosts: string) =>
      object('HTTPRoute', name, `{ parentRefs: [{ name: edge }], hostnames: ${hosts}, rules: ${rule} }`);
    const mesh =
      gateway(`${plain}, { name: named, port: 80, protocol: HTTP, hostname: '*.example.com' }`) +
      route('one', '[a.example.com]') +
      route('two', '[b.org]');
    expect(statusOf(mesh, 'Gateway', 'edge')?.listeners).toMatchObject([
      { name: 'http', attachedRoutes: 2, supportedKinds: [{ kind: 'HTTPRoute' }, { kind: 'GRPCRoute' }] },
      { name: 'named', attachedRoutes: 1 },
    ]);
  });

  it('names listeners that cannot be opened, and opens the others', () => {
    const mesh =
      gateway(`${plain},
        { name: udp, port: 53, protocol: UDP },
        { name: lost, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: nobody }] } },
        { name: far, port: 444, protocol: HTTPS, tls: { certificateRefs: [{ name: cert, namespace: shop }] } },
        { name: kinds, port: 81, protocol: HTTP, allowedRoutes: { kinds: [{ kind: TCPRoute }] } },
        { name: twice-a, port: 90, protocol: HTTP },
        { name: twice-b, port: 90, protocol: TCP }`) + certificateSecret('cert', 'shop');
    const status = statusOf(mesh, 'Gateway', 'edge');
    const bad = (status?.listeners ?? []).map(({ name, conditions }) => [
      name,
      ...texts(conditions).filter(
        (text) => !/True\/(Accepted|ResolvedRefs|Programmed)|NoConflicts/.test(text),
      ),
    ]);
    expect(bad).toEqual([
      ['http'],
      ['udp', 'Accepted=False/UnsupportedProtocol', 'Programmed=False/Invalid'],
      ['lost', 'ResolvedRefs=False/InvalidCertificateRef', 'Programmed=False/Invalid'],
      ['far', 'ResolvedRefs=False/RefNotPermitted', 'Programmed=False/Invalid'],
      ['kinds', 'ResolvedRefs=False/InvalidRouteKinds', 'Programmed=False/Invalid'],
      [
        'twice-a',
        'Accepted=False/ProtocolConflict',
        'Conflicted=True/ProtocolConflict',
        'Programmed=False/Invalid',
      ],
      [
        'twice-b',
        'Accepted=False/ProtocolConflict',
        'Conflicted=True/ProtocolConflict',
        'Programmed=False/Invalid',
      ],
    ]);
    expect(texts(status?.conditions)[0]).toBe('Accepted=True/ListenersNotValid');
  });

  it('tells a ListenerSet whether it is let in', () => {
    const set = object(
      'ListenerSet',
      'more',
      '{ parentRef: { name: edge }, listeners: [{ name: extra, port: 8000, protocol: HTTP }] }',
    );
    const open = 'allowedListeners: { namespaces: { from: Same } },';
    expect(texts(statusOf(gateway(plain) + set, 'ListenerSet', 'more')?.conditions)[0]).toBe(
      'Accepted=False/NotAllowed',
    );
    const status = statusOf(gateway(plain, open) + set, 'ListenerSet', 'more');
    expect(texts(status?.conditions)[0]).toBe('Accepted=True/Accepted');
    expect(status?.listeners).toMatchObject([{ name: 'extra', port: 8000 }]);
  });
});

describe('the status of a route', () => {
  const parents = (
    spec: string,
    mesh = gateway(`${plain}, { name: org, port: 81, protocol: HTTP, hostname: a.org }`),
    namespace = 'default',
  ) =>
    (statusOf(mesh + object('HTTPRoute', 'r', spec, namespace), 'HTTPRoute', 'r')?.parents ?? []).map(
      ({ conditions }) => texts(conditions),
    );

  it.each([
    ['{ name: edge }', 'Accepted=True/Accepted'],
    ['{ name: edge, sectionName: none }', 'Accepted=False/NoMatchingParent'],
    ['{ name: edge, port: 82 }', 'Accepted=False/NoMatchingParent'],
    ['{ name: edge, sectionName: org }', 'Accepted=False/NoMatchingListenerHostname'],
    ["{ kind: Service, group: '', name: web }", 'Accepted=True/Accepted'],
    ["{ kind: Service, group: '', name: nobody }", 'Accepted=False/NoMatchingParent'],
  ])('%s: %s', (ref, accepted) => {
    expect(parents(`{ parentRefs: [${ref}], hostnames: [b.org], rules: ${rule} }`)).toEqual([
      [accepted, 'ResolvedRefs=True/ResolvedRefs'],
    ]);
  });

  it('says who may attach from other namespaces', () => {
    const spec = '{ parentRefs: [{ name: edge, namespace: default }] }';
    const open = (namespaces: string) =>
      gateway(`{ name: http, port: 80, protocol: HTTP, allowedRoutes: { namespaces: ${namespaces} } }`) +
      '\n---\napiVersion: v1\nkind: Namespace\nmetadata: { name: shop, labels: { team: a } }';
    const accepted = (namespaces: string) => parents(spec, open(namespaces), 'shop')[0]?.[0];
    expect(accepted('{ from: Same }')).toBe('Accepted=False/NotAllowedByListeners');
    expect(accepted('{ from: All }')).toBe('Accepted=True/Accepted');
    expect(accepted('{ from: Selector, selector: { matchLabels: { team: a } } }')).toBe(
      'Accepted=True/Accepted',
    );
    expect(accepted('{ from: Selector, selector: { matchLabels: { team: b } } }')).toBe(
      'Accepted=False/NotAllowedByListeners',
    );
  });

  it.each([
    ['{ name: nobody, port: 80 }', 'BackendNotFound'],
    ['{ name: web, port: 81 }', 'BackendNotFound'],
    ['{ kind: Pod, name: web, port: 80 }', 'InvalidKind'],
    ['{ name: web, namespace: shop, port: 80 }', 'RefNotPermitted'],
  ])('backend %s: %s', (ref, reason) => {
    const spec = `{ parentRefs: [{ name: edge }], rules: [{ backendRefs: [${ref}] }] }`;
    expect(parents(spec)).toEqual([['Accepted=True/Accepted', `ResolvedRefs=False/${reason}`]]);
    const mesh = meshOf(services + gateway(plain) + object('HTTPRoute', 'r', spec));
    expect(mesh.findings().map(({ key, field }) => [key.name, field])).toEqual([['r', 'spec.rules']]);
  });

  it('is left to others where the parent is not known', () => {
    expect(parents(`{ parentRefs: [{ name: nobody }], rules: ${rule} }`)).toEqual([]);
  });
});

describe('what the Gateway API wants to be told', () => {
  const route = (rules: string) =>
    object('HTTPRoute', 'r', `{ parentRefs: [{ name: edge }], rules: ${rules} }`);
  const login = '{ type: ExtensionRef, extensionRef: { group: example.com, kind: Login, name: a } }';
  const conditionsOf = (mesh: string, kind: string, name: string) => {
    const status = statusOf(mesh, kind, name);
    return texts(status?.parents?.[0]?.conditions ?? status?.conditions);
  };

  it('what a class can', () => {
    const mesh =
      '\n---\napiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: { name: ours }\nspec: { controllerName: weft.dev/gateway-controller, parametersRef: { group: "", kind: ConfigMap, name: nobody, namespace: default } }';
    const status = statusOf(mesh, 'GatewayClass', 'ours');
    expect(texts(status?.conditions)).toEqual(['Accepted=False/InvalidParameters']);
    const names = status?.supportedFeatures?.map(({ name }) => name) ?? [];
    expect(names).toContain('HTTPRouteCORS');
    expect(names).toEqual([...names].sort());
  });

  it('which rules of a route cannot be had', () => {
    const good = '{ backendRefs: [{ name: web, port: 80 }] }';
    const bad = `{ filters: [${login}], backendRefs: [{ name: web, port: 80 }] }`;
    expect(conditionsOf(gateway(plain) + route(`[${good}, ${bad}]`), 'HTTPRoute', 'r')).toEqual([
      'Accepted=True/Accepted',
      'PartiallyInvalid=True/UnsupportedValue',
      'ResolvedRefs=True/ResolvedRefs',
    ]);
    expect(conditionsOf(gateway(plain) + route(`[${bad}]`), 'HTTPRoute', 'r')[0]).toBe(
      'Accepted=False/UnsupportedValue',
    );
    const [condition] =
      statusOf(
        gateway(plain) + route(`[${good}, ${bad}]`),
        'HTTPRoute',
        'r',
      )?.parents?.[0]?.conditions.filter(({ type }) => type === 'PartiallyInvalid') ?? [];
    expect(condition?.message).toMatch(/^Dropped Rule 1: /);
  });

  it('whether references of Gateways lead somewhere, and what they let in', () => {
    const backend = (name: string) =>
      gateway(plain, `tls: { backend: { clientCertificateRef: { name: ${name} } } },`) +
      certificateSecret('own');
    expect(conditionsOf(backend('own'), 'Gateway', 'edge')).toContain('ResolvedRefs=True/ResolvedRefs');
    expect(conditionsOf(backend('nobody'), 'Gateway', 'edge')).toContain(
      'ResolvedRefs=False/InvalidClientCertificateRef',
    );
    const https =
      '{ name: https, port: 443, protocol: HTTPS, hostname: a.example.com, tls: { certificateRefs: [{ name: own }] } }';
    const frontend = (mode: string, ca: string) =>
      gateway(
        https,
        `tls: { frontend: { default: { validation: { mode: ${mode}, caCertificateRefs: [{ group: '', kind: ConfigMap, name: ${ca} }] } } } },`,
      ) +
      certificateSecret('own') +
      "\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: ca }\ndata: { ca.crt: '-----BEGIN CERTIFICATE-----' }";
    expect(conditionsOf(frontend('AllowInsecureFallback', 'ca'), 'Gateway', 'edge')).toContain(
      'InsecureFrontendValidationMode=True/ConfigurationChanged',
    );
    const lost = statusOf(frontend('AllowValidOnly', 'nobody'), 'Gateway', 'edge');
    expect(texts(lost?.listeners?.[0]?.conditions)).toContain('Accepted=False/NoValidCACertificate');
    expect(texts(lost?.conditions)).toContain('ResolvedRefs=False/ListenersNotResolved');
  });

  it('listeners that clients could take for each other', () => {
    const https = (name: string, hostname: string) =>
      `{ name: ${name}, port: 443, protocol: HTTPS, hostname: '${hostname}', tls: { certificateRefs: [{ name: own }] } }`;
    const mesh =
      gateway(
        [https('a', 'foo.example.com'), https('b', 'foo.example.org'), https('c', '*.example.com')].join(),
      ) + certificateSecret('own');
    const overlapping = statusOf(mesh, 'Gateway', 'edge')?.listeners?.map(({ conditions }) =>
      conditions.some(({ type }) => type === 'OverlappingTLSConfig'),
    );
    expect(overlapping).toEqual([true, false, true]);
  });

  it('addresses that nobody has', () => {
    const at = (address: string) =>
      conditionsOf(gateway(plain, `addresses: [${address}],`), 'Gateway', 'edge');
    expect(at('{ type: example.com/own, value: x }')).toContain('Accepted=False/UnsupportedAddress');
    expect(at('{ type: Hostname, value: nobody }')).toContain('Programmed=False/AddressNotUsable');
    expect(at('{ value: 192.0.2.7 }')).toContain('Programmed=False/AddressNotUsable');
  });

  it('routes that nobody carries', () => {
    const udp = object(
      'UDPRoute',
      'u',
      '{ parentRefs: [{ name: edge }], rules: [{ backendRefs: [{ name: web, port: 80 }] }] }',
    );
    expect(conditionsOf(gateway(plain) + udp, 'UDPRoute', 'u')).toEqual([
      'Accepted=False/NotAllowedByListeners',
    ]);
  });

  it('default Gateways, for routes that ask for any', () => {
    const anywhere = object('HTTPRoute', 'r', `{ useDefaultGateways: All, rules: ${rule} }`);
    expect(conditionsOf(gateway(plain, 'defaultScope: All,') + anywhere, 'HTTPRoute', 'r')[0]).toBe(
      'Accepted=True/Accepted',
    );
    expect(statusOf(gateway(plain) + anywhere, 'HTTPRoute', 'r')).toBeUndefined();
  });
});
