import { describe, expect, it } from 'vitest';
import type { KindId } from '../kinds.ts';
import { errorFields, warningFields } from '../test-kit.ts';

describe('Telemetry', () => {
  const id = 'telemetry.istio.io/Telemetry';
  const of = (spec: object) => errorFields(id, spec);

  it.each([
    [
      {
        tracing: [
          {
            providers: [{ name: 'a' }],
            randomSamplingPercentage: 10,
            customTags: { a: { literal: { value: 'b' } } },
          },
        ],
      },
      [],
    ],
    [{ accessLogging: [{ filter: { expression: 'response.code >= 400' }, match: { mode: 'SERVER' } }] }, []],
    [
      {
        metrics: [
          { overrides: [{ match: { metric: 'ALL_METRICS' }, tagOverrides: { a: { operation: 'REMOVE' } } }] },
        ],
      },
      [],
    ],
    [
      { accessLogging: [{ providers: [{ name: '' }], filter: { expression: 'a ==' } }] },
      ['accessLogging[0].providers[0].name', 'accessLogging[0].filter.expression'],
    ],
    [{ tracing: [{ randomSamplingPercentage: -1 }] }, ['tracing[0].randomSamplingPercentage']],
    [
      { tracing: [{ customTags: { a: { header: { name: '' }, literal: { value: '' } }, b: null } }] },
      ['tracing[0].customTags.b'],
    ],
    [
      { tracing: [{ customTags: { a: { header: { name: '' }, literal: { value: '' } } } }] },
      [
        'tracing[0].customTags.a.header',
        'tracing[0].customTags.a.literal.value',
        'tracing[0].customTags.a.header.name',
      ],
    ],
    [
      { metrics: [{ overrides: [{ tagOverrides: { a: {}, b: { operation: 'REMOVE', value: 'c' } } }] }] },
      ['metrics[0].overrides[0].tagOverrides.a.value', 'metrics[0].overrides[0].tagOverrides.b.value'],
    ],
    [
      { metrics: [{ overrides: [{ match: { metric: 'REQUEST_COUNT', customMetric: '' } }] }] },
      ['metrics[0].overrides[0].match.customMetric'],
    ],
    [{ metrics: [{ reportingInterval: '5' }] }, ['metrics[0].reportingInterval']],
  ])('judges %j', (spec, fields) => {
    expect(of(spec)).toEqual(fields);
  });

  it('warns of entries that are not used', () => {
    expect(warningFields(id, { tracing: [{ providers: [{ name: 'a' }, { name: 'b' }] }, {}] })).toEqual([
      'tracing',
      'tracing[0].providers',
    ]);
  });
});

describe('WasmPlugin and TrafficExtension', () => {
  const plugin = (spec: object) =>
    errorFields('extensions.istio.io/WasmPlugin', { url: 'oci://a.example/b:1', ...spec });
  const extension = (spec: object) => errorFields('extensions.istio.io/TrafficExtension', spec);

  it.each([
    [
      { pluginConfig: { any: [null, { x: null }] }, match: [{ mode: 'CLIENT', ports: [{ number: 80 }] }] },
      [],
    ],
    [{ url: '' }, ['url']],
    [{ url: 'ftp://a/b' }, ['url']],
    [{ url: 'a.example/b:1' }, []],
    [{ url: 'file:///opt/a.wasm' }, []],
    [{ url: 'https://a.example/%zz' }, ['url']],
    [{ sha256: 'ABC' }, ['sha256']],
    [{ imagePullSecret: 'a'.repeat(254), pluginName: 'a'.repeat(257) }, ['imagePullSecret', 'pluginName']],
    [
      { vmConfig: { env: [{ name: 'A', valueFrom: 'HOST', value: 'b' }, { name: 'A' }, { name: '' }] } },
      ['vmConfig.env[0].value', 'vmConfig.env[1].name', 'vmConfig.env[2].name'],
    ],
    [{ match: [{ ports: [{ number: 0 }] }] }, ['match[0].ports[0].number']],
    [{ selector: { matchLabels: { a: 'b' } }, targetRef: { kind: 'Service', name: 'a' } }, ['targetRef']],
  ])('judges the plugin %j', (spec, fields) => {
    expect(plugin(spec)).toEqual(fields);
  });

  it('judges the host of a URL', () => {
    for (const url of ['registry.example/a:b', 'oci://[::1]/a', 'http://u:p%20@a.example/b%41'])
      expect(errorFields('extensions.istio.io/WasmPlugin', { url })).toEqual([]);
    for (const url of ['a%41/b', 'oci://{a}/b', 'http://a b/c'])
      expect(errorFields('extensions.istio.io/WasmPlugin', { url })).toEqual(['url']);
  });

  it('runs a module or a script, and one of them', () => {
    expect(extension({ lua: { inlineCode: 'x' } })).toEqual([]);
    expect(extension({ wasm: { url: 'a/b' } })).toEqual([]);
    expect(extension({})).toEqual(['']);
    expect(extension({ lua: { inlineCode: '' }, wasm: { url: '' } })).toEqual([
      'lua',
      'wasm.url',
      'lua.inlineCode',
    ]);
    expect(extension({ lua: { inlineCode: 'x'.repeat(65_537) } })).toEqual(['lua.inlineCode']);
  });
});

describe('typed configs of an EnvoyFilter', () => {
  const fields = (config: object) =>
    errorFields('networking.istio.io/EnvoyFilter', {
      configPatches: [
        {
          applyTo: 'CLUSTER',
          patch: { operation: 'ADD', value: { transport_socket: { name: 's', typed_config: config } } },
        },
      ],
    });
  const at = 'configPatches[0].patch.value.transport_socket.typed_config.@type';

  it('say what they are', () => {
    expect(
      fields({ '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer' }),
    ).toEqual([]);
    expect(fields({})).toEqual([]);
    expect(fields({ sni: 'a' })).toEqual([at]);
    expect(fields({ '@type': 'RawBuffer' })).toEqual([at]);
    expect(fields({ '@type': 'type.googleapis.com/not a name' })).toEqual([at]);
  });
});

describe('ProxyConfig and EnvoyFilter', () => {
  const of = (kind: KindId, spec: object) => errorFields(kind, spec);

  it('judges concurrency', () => {
    expect(
      of('networking.istio.io/ProxyConfig', { concurrency: 0, image: { imageType: 'distroless' } }),
    ).toEqual([]);
    expect(of('networking.istio.io/ProxyConfig', { concurrency: -1 })).toEqual(['concurrency']);
  });

  const patch = (entry: object) =>
    of('networking.istio.io/EnvoyFilter', { configPatches: [entry] }).map((field) =>
      field.replace(/^configPatches\[0\]\.?/, ''),
    );
  const merge = { operation: 'MERGE', value: { a: null } };

  it.each([
    [{ applyTo: 'CLUSTER', patch: merge, match: { context: 'GATEWAY', cluster: { service: 'a' } } }, []],
    [{ applyTo: 'CLUSTER', patch: { operation: 'REMOVE' } }, []],
    [{}, ['applyTo', 'patch']],
    [{ applyTo: 'CLUSTER', patch: { operation: 'ADD' } }, ['patch.value']],
    [{ applyTo: 'CLUSTER', patch: merge, match: { listener: {} } }, ['match.listener']],
    [
      { applyTo: 'CLUSTER', patch: merge, match: { listener: {}, cluster: {} } },
      ['match.cluster', 'match.listener'],
    ],
    [
      { applyTo: 'HTTP_FILTER', patch: merge, match: { proxy: { proxyVersion: '(' } } },
      ['match.proxy.proxyVersion'],
    ],
    [
      {
        applyTo: 'HTTP_FILTER',
        patch: merge,
        match: { listener: { filterChain: { filter: { name: 'x', subFilter: { name: 'y' } } } } },
      },
      ['match.listener.filterChain.filter.name'],
    ],
    [
      {
        applyTo: 'NETWORK_FILTER',
        patch: merge,
        match: { listener: { filterChain: { filter: { name: 'x', subFilter: {} } } } },
      },
      ['match.listener.filterChain.filter.subFilter'],
    ],
  ])('judges the patch %j', (entry, fields) => {
    expect(patch(entry)).toEqual(fields);
  });

  it('warns of a condition on versions that is too long to be used', () => {
    const spec = (proxyVersion: string) => ({
      configPatches: [
        { applyTo: 'CLUSTER', match: { proxy: { proxyVersion } }, patch: { operation: 'REMOVE' } },
      ],
    });
    const field = 'configPatches[0].match.proxy.proxyVersion';
    expect(errorFields('networking.istio.io/EnvoyFilter', spec('['))).toEqual([field]);
    expect(errorFields('networking.istio.io/EnvoyFilter', spec('x'.repeat(1025)))).toEqual([]);
    expect(warningFields('networking.istio.io/EnvoyFilter', spec('x'.repeat(1025)))).toContain(field);
  });

  it('always warns of EnvoyFilter', () => {
    expect(warningFields('networking.istio.io/EnvoyFilter', {})).toEqual(['']);
  });
});
