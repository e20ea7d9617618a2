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
