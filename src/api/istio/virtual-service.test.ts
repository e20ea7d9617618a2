import { describe, expect, it } from 'vitest';
import { errorFields, errorText, warningFields } from '../test-kit.ts';

const id = 'networking.istio.io/VirtualService';
const to = (host: string, weight?: number) => ({
  destination: { host },
  ...(weight === undefined ? {} : { weight }),
});
const route = [to('reviews')];
/** Fields with errors of one http rule. */
const rule = (http: object, rest: object = {}) =>
  errorFields(id, { hosts: ['reviews'], http: [{ route, ...http }], ...rest }).map((field) =>
    field.replace(/^http\[0\]\.?/, ''),
  );

describe('VirtualService', () => {
  it('takes what ordinary routes are made of', () => {
    const http = [
      {
        name: 'jason',
        match: [
          {
            headers: { 'end-user': { exact: 'jason' } },
            uri: { prefix: '' },
            queryParams: { v: { regex: '[0-9]+' } },
          },
        ],
        route: [
          to('reviews', 90),
          { destination: { host: 'reviews', subset: 'v2', port: { number: 9080 } }, weight: 10 },
        ],
        timeout: '1m30s',
        retries: { attempts: 2, perTryTimeout: '250ms', retryOn: '5xx,connect-failure,409' },
        headers: { request: { set: { 'x-a': '%REQ(x-b)% 100%%', host: 'b' }, remove: ['x-c'] } },
      },
      { match: [{ uri: { exact: '/old' } }], redirect: { uri: '/new', redirectCode: 308 } },
      {
        match: [{ withoutHeaders: { x: { regex: '*' }, y: null } }],
        directResponse: { status: 503, body: { string: 'no' } },
      },
    ];
    expect(errorFields(id, { hosts: ['reviews', '*.shop.example'], http })).toEqual([]);
  });

  it.each([
    ['one', ['a b'], ['hosts[0]']],
    ['a number at the end', ['shop.10'], ['hosts[0]']],
    ['an address', ['10.0.0.1'], []],
    ['a final dot', ['shop.example.'], []],
    ['a final dot of a short name', ['reviews.'], []],
    ['"*" within', ['a.*.example'], ['hosts[0]']],
    ['"*" for sidecars', ['*'], ['hosts[0]']],
    ['overlaps', ['*.example', 'a.example'], ['hosts[1]']],
    ['doubles', ['a', 'a'], ['hosts[1]']],
    ['a label of 64', ['x'.repeat(64)], ['hosts[0]']],
  ])('judges hosts: %s', (_title, hosts, fields) => {
    expect(errorFields(id, { hosts, http: [{ route }] })).toEqual(fields);
  });

  it('takes "*" and claims of tokens on gateways only', () => {
    const http = [{ match: [{ headers: { '@request.auth.claims.group': { exact: 'a' } } }], route }];
    expect(errorFields(id, { hosts: ['*'], gateways: ['web/gw'], http })).toEqual([]);
    expect(errorFields(id, { hosts: ['a'], gateways: ['web/gw', 'mesh'], http })).toEqual([
      'http[0].match[0].headers["@request.auth.claims.group"]',
    ]);
  });

  it('judges names of gateways, and warns of the old way to write them', () => {
    expect(errorFields(id, { hosts: ['a'], gateways: ['a/b/c', '/b', 'x y'], http: [{ route }] })).toEqual([
      'gateways[0]',
      'gateways[1]',
      'gateways[2]',
    ]);
    expect(
      warningFields(id, { hosts: ['a'], gateways: ['gw.web.svc.cluster.local'], http: [{ route }] }),
    ).toEqual(['gateways[0]']);
  });

  it('needs rules, and one thing to do in each', () => {
    expect(errorFields(id, { hosts: ['a'] })).toEqual(['']);
    expect(errorFields(id, { hosts: ['a'], http: [{}] })).toEqual(['http[0].route']);
    expect(rule({ redirect: { uri: '/' }, fault: { delay: { fixedDelay: '1s' } } })).toEqual([
      'route',
      'fault',
    ]);
    expect(rule({ directResponse: { status: 200 }, rewrite: { uri: '/' } })).toEqual(['route', 'rewrite']);
    expect(rule({ delegate: { name: 'x' } })).toEqual(['route']);
    expect(
      errorFields(id, { http: [{ delegate: { name: 'x' }, route }], gateways: ['g'], tcp: [{ route }] }),
    ).toEqual(['gateways', 'tcp', 'http[0].delegate']);
    expect(rule({ mirror: { host: 'a' }, mirrors: [{ destination: { host: 'b' } }] })).toEqual(['mirrors']);
  });

  it.each([
    ['negative', [to('a', -1), to('b', 2)], ['route[0].weight']],
    ['none for several', [to('a'), to('b')], ['route']],
    ['none for one', [to('a')], []],
    ['not adding up to 100', [to('a', 1), to('b', 2)], []],
    ['to nobody', [to('*', 1)], ['route[0].destination.host']],
    ['a bad subset', [{ destination: { host: 'a', subset: 'v_1' } }], ['route[0].destination.subset']],
    ['a port by name', [{ destination: { host: 'a', port: {} } }], ['route[0].destination.port.number']],
    [
      'a port that is none',
      [{ destination: { host: 'a', port: { number: 0 } } }],
      ['route[0].destination.port.number'],
    ],
  ])('judges destinations: %s', (_title, route, fields) => {
    expect(rule({ route })).toEqual(fields);
  });

  it.each([
    [{ timeout: '0s' }, 'timeout'],
    [{ timeout: '5' }, 'timeout'],
    [{ timeout: '1.5ms' }, 'timeout'],
    [{ retries: { attempts: -1 } }, 'retries.attempts'],
    [{ retries: { attempts: 0, retryOn: '5xx' } }, 'retries.attempts'],
    [{ retries: { attempts: 1, retryOn: '5xx, reset' } }, 'retries.retryOn'],
    [{ retries: { attempts: 1, retryOn: '299' } }, 'retries.retryOn'],
    [{ fault: {} }, 'fault'],
    [{ fault: { delay: { exponentialDelay: '1s' } } }, 'fault.delay.exponentialDelay'],
    [{ fault: { abort: { httpStatus: 199 } } }, 'fault.abort.httpStatus'],
    [{ fault: { abort: { grpcStatus: '14' } } }, 'fault.abort.grpcStatus'],
    [{ fault: { abort: { httpStatus: 500, grpcStatus: 'INTERNAL' } } }, 'fault.abort.grpcStatus'],
    [
      { fault: { abort: { httpStatus: 500, percentage: { value: 0.00001 } } } },
      'fault.abort.percentage.value',
    ],
    [{ mirrorPercentage: { value: 101 } }, 'mirrorPercentage.value'],
    [{ mirrorPercent: 101 }, 'mirrorPercent'],
    [{ rewrite: {} }, 'rewrite'],
    [{ rewrite: { uri: '/a', uriRegexRewrite: { match: 'a', rewrite: 'b' } } }, 'rewrite.uriRegexRewrite'],
    [{ rewrite: { uriRegexRewrite: { match: '(', rewrite: 'b' } } }, 'rewrite.uriRegexRewrite.match'],
    [{ corsPolicy: { allowMethods: ['get'] } }, 'corsPolicy.allowMethods[0]'],
    [{ corsPolicy: { allowOrigins: [{}] } }, 'corsPolicy.allowOrigins[0]'],
    [{ corsPolicy: { maxAge: '1.5s' } }, 'corsPolicy.maxAge'],
    [{ corsPolicy: { exposeHeaders: ['a b'] } }, 'corsPolicy.exposeHeaders[0]'],
    [{ match: [{ uri: { regex: '(?=a)' } }] }, 'match[0].uri.regex'],
    [{ match: [{ uri: { regex: 'a'.repeat(1025) } }] }, 'match[0].uri.regex'],
    [{ match: [{ uri: { exact: 'a', prefix: 'b' } }] }, 'match[0].uri.prefix'],
    [{ match: [{ authority: { prefix: '' } }] }, 'match[0].authority.prefix'],
    [{ match: [{ headers: { 'a b': { exact: 'x' } } }] }, 'match[0].headers["a b"]'],
    [{ match: [{ headers: { ':status2': { exact: 'x' } } }] }, 'match[0].headers[":status2"]'],
    [{ match: [{ port: 70000 }] }, 'match[0].port'],
    [{ match: [{ sourceLabels: { 'a b': 'c' } }] }, 'match[0].sourceLabels["a b"]'],
    [{ match: [{ sourceNamespace: 'a.b' }] }, 'match[0].sourceNamespace'],
    [{ headers: { request: { remove: ['Host'] } } }, 'headers.request.remove[0]'],
    [{ headers: { response: { set: { ':status': '1' } } } }, 'headers.response.set[":status"]'],
    [{ headers: { request: { add: { x: '50%' } } } }, 'headers.request.add.x'],
    [{ headers: { request: { add: { x: '%A(%' } } } }, 'headers.request.add.x'],
    [
      { headers: { request: { set: { host: 'a' }, add: { ':authority': 'b' } } } },
      'headers.request.add[":authority"]',
    ],
    [
      { rewrite: { authority: 'a' }, headers: { request: { set: { host: 'b' } } } },
      'headers.request.set.host',
    ],
  ])('refuses %j', (http, field) => {
    expect(rule(http)).toEqual([field]);
  });

  it.each([
    [{ uri: '/a', prefixRewrite: '/b' }, ['prefixRewrite']],
    [{}, ['']],
    [{ authority: 'a', redirectCode: 200 }, ['redirectCode']],
    [{ scheme: 'ftp' }, ['scheme']],
    [{ port: 99999 }, ['port']],
    [{ port: 1, derivePort: 'FROM_REQUEST_PORT' }, ['derivePort']],
  ])('refuses the redirect %j', (redirect, fields) => {
    const found = errorFields(id, { hosts: ['a'], http: [{ redirect }] });
    expect(found).toEqual(fields.map((field) => `http[0].redirect${field === '' ? '' : `.${field}`}`));
  });

  it('replaces prefixes only where prefixes are matched', () => {
    const http = [{ match: [{ uri: { exact: '/a' } }], redirect: { prefixRewrite: '/b' } }];
    expect(errorText(id, { hosts: ['a'], http })).toContain('match[0] matches otherwise');
  });

  it('judges rules for TLS and TCP', () => {
    const tls = (match: object, hosts = ['*.example']) =>
      errorFields(id, { hosts, tls: [{ match: [match], route }] });
    expect(tls({ sniHosts: ['a.example'], destinationSubnets: ['10.0.0.0/8'], port: 443 })).toEqual([]);
    expect(tls({ sniHosts: ['a.other'] })).toEqual(['tls[0].match[0].sniHosts[0]']);
    expect(tls({})).toEqual(['tls[0].match[0].sniHosts']);
    expect(tls({ sniHosts: ['a.example'], destinationSubnets: ['10.0.0.0/33', 'x'] })).toEqual([
      'tls[0].match[0].destinationSubnets[0]',
      'tls[0].match[0].destinationSubnets[1]',
    ]);
    expect(errorFields(id, { hosts: ['a'], tcp: [{ match: [{ port: 1 }] }] })).toEqual(['tcp[0].route']);
    expect(
      warningFields(id, { hosts: ['10.0.0.1'], tls: [{ match: [{ sniHosts: ['10.0.0.1'] }], route }] }),
    ).toEqual(['tls[0].match[0].sniHosts[0]']);
  });

  it('warns of rules that are never used', () => {
    const match = (prefix: string) => [{ uri: { prefix } }];
    const of = (...http: object[]) => warningFields(id, { hosts: ['a'], http });
    expect(of({ route }, { match: match('/a'), route })).toEqual(['http[1]']);
    expect(of({ match: match('/a'), route }, { match: match('/a'), route })).toEqual([
      'http[1].match[0]',
      'http[1]',
    ]);
    expect(of({ match: match('/a'), route }, { match: match('/a/b'), route })).toEqual(['http[1].match[0]']);
    expect(of({ match: match('/a/b'), route }, { match: match('/a'), route }, { route })).toEqual([]);
  });

  it('judges who may use it', () => {
    const of = (...exportTo: string[]) => errorFields(id, { hosts: ['a'], http: [{ route }], exportTo });
    expect(of('.', 'other')).toEqual([]);
    expect(of('.', 'web')).toEqual(['exportTo[1]']);
    expect(of('*', 'web')).toEqual(['exportTo']);
    expect(of('~')).toEqual(['exportTo[0]']);
    expect(of('a b')).toEqual(['exportTo[0]']);
  });

  it('wants base64 in the bytes of an answer', () => {
    const http = (bytes: string) => [{ directResponse: { status: 200, body: { bytes } } }];
    for (const bytes of ['', 'bm8=', 'bm8', 'bm9v', '-_-_'])
      expect(errorFields(id, { hosts: ['reviews'], http: http(bytes) })).toEqual([]);
    for (const bytes of ['b', 'no!', 'bm8==', 'bm=8'])
      expect(errorFields(id, { hosts: ['reviews'], http: http(bytes) })).toEqual([
        'http[0].directResponse.body.bytes',
      ]);
  });

  it('counts empty conditions for none when matches are compared', () => {
    const http = [
      { match: [{ uri: { prefix: '/a' } }], route },
      { match: [{ uri: { prefix: '/a' }, headers: {}, gateways: [] }], route },
    ];
    expect(warningFields(id, { hosts: ['reviews'], http })).toEqual(['http[1].match[0]', 'http[1]']);
  });
});
