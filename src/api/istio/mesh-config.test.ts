import { describe, expect, it } from 'vitest';
import { validateObject } from '../validate.ts';
import { meshConfigOf } from './mesh-config/config-map.ts';
import { defaultMeshConfig, parseMeshConfig } from './mesh-config.ts';

describe('MeshConfig', () => {
  it('is the defaults where nothing is written', () => {
    expect(parseMeshConfig('')).toEqual({ config: defaultMeshConfig, errors: [], warnings: [] });
    expect(defaultMeshConfig).toMatchObject({
      trustDomain: 'cluster.local',
      outboundTrafficPolicy: { mode: 'ALLOW_ANY' },
    });
  });

  it('is what is written on top of the defaults; proxy defaults field by field, providers by name', () => {
    const { config, warnings } = parseMeshConfig(`
trustDomain: prod.example
accessLogFile: /dev/stdout
outboundTrafficPolicy: {mode: REGISTRY_ONLY}
enableAutoMtls: null
defaultConfig: {concurrency: 2, proxyHeaders: {server: {disabled: true}}}
extensionProviders:
- {name: envoy, envoyFileAccessLog: {path: /tmp/log}}
- {name: zipkin, zipkin: {service: zipkin.example, port: 9411}}
`);
    expect(warnings).toEqual([]);
    expect(config).toMatchObject({
      trustDomain: 'prod.example',
      enableAutoMtls: true,
      outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
      defaultConfig: { concurrency: 2, statusPort: 15020 },
    });
    expect(config?.extensionProviders.map(({ name }) => name)).toEqual([
      'prometheus',
      'stackdriver',
      'envoy',
      'zipkin',
    ]);
    expect(config?.extensionProviders[2]).toEqual({
      name: 'envoy',
      envoyFileAccessLog: { path: '/tmp/log' },
    });
  });

  it.each([
    ['trustDomain: a b', 'trustDomain'],
    ['trustDomainAliases: [a, "x/y"]', 'trustDomainAliases[1]'],
    ['caCertificates: [{pem: nothing}]', 'caCertificates[0].pem'],
    ['caCertificates: [{trustDomains: ["a/b"]}]', 'caCertificates[0].trustDomains[0]'],
    ['rootNamespace: a.b', 'rootNamespace'],
    ['connectTimeout: 1h', 'connectTimeout'],
    ['connectTimeout: 10', 'connectTimeout'],
    ['outboundTrafficPolicy: {mode: DENY}', 'outboundTrafficPolicy.mode'],
    ['defaultConfig: {statusPort: 0}', 'defaultConfig.statusPort'],
    [
      'defaultConfig: {connectionSettings: {http2InitialStreamWindowSize: 9}}',
      'defaultConfig.connectionSettings.http2InitialStreamWindowSize',
    ],
    ['serviceSettings: [{hosts: ["a b"]}]', 'serviceSettings[0].hosts[0]'],
    [
      'extensionProviders: [{name: a, prometheus: {}}, {name: a, prometheus: {}}]',
      'extensionProviders[1].name',
    ],
    ['accessLogEncoding: [', ''],
  ])('refuses %s', (text, field) => {
    const { config, errors } = parseMeshConfig(text);
    expect(config).toBeUndefined();
    expect(errors.map((error) => error.field)).toEqual([field]);
  });

  it('warns of settings that have no effect', () => {
    const text = `
serviceEntryVisibility: {}
defaultConfig: { connectionSettings: { listenerConnectionLimit: 5, httpIdleTimeout: 5s } }`;
    expect(parseMeshConfig(text).warnings.map(({ field }) => field)).toEqual([
      'defaultConfig.connectionSettings.listenerConnectionLimit',
      'serviceEntryVisibility',
    ]);
  });

  it('warns of settings it does not know', () => {
    expect(parseMeshConfig('accesLogFile: /dev/stdout').warnings).toEqual([
      {
        field: 'accesLogFile',
        message: 'weft does not know the setting accesLogFile; did you mean accessLogFile?',
      },
    ]);
  });

  it('is judged in the ConfigMap named istio, and only there', () => {
    const configMap = (name: string, mesh: string) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: 'istio-system' },
      data: { mesh },
    });
    expect(validateObject(configMap('istio', 'trustDomain: a b')).errors[0]).toMatchObject({
      field: 'data.mesh',
    });
    expect(validateObject(configMap('other', 'trustDomain: a b')).valid).toBe(true);
    const { object } = validateObject(configMap('istio', 'trustDomain: a.b'));
    expect(meshConfigOf(object as never)?.trustDomain).toBe('a.b');
  });
});

describe('MeshNetworks', () => {
  const judged = (meshNetworks: string) =>
    validateObject({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'istio', namespace: 'istio-system' },
      data: { meshNetworks },
    }).errors.map(({ field, message }) => `${field} ${message}`);

  it.each([
    [
      '{networks: {a: {endpoints: [{fromCidr: 10.0.0.0/8}], gateways: [{address: 192.0.2.1, port: 15443}]}}}',
      [],
    ],
    ['{networks: {a: {endpoints: [{fromCidr: 10.0.0/8}]}}}', ['networks.a.endpoints[0].fromCidr']],
    ['{networks: {a: {endpoints: [{}]}}}', ['networks.a.endpoints[0]']],
    ['{networks: {a: {gateways: [{address: x, port: 0}]}}}', ['networks.a.gateways[0].port']],
    ['{networks: {a: {gateways: [{port: 1}]}}}', ['networks.a.gateways[0]']],
    ['{networks: [', ['this is not YAML']],
  ])('%s is judged', (text, wanted) => {
    const found = judged(text);
    expect(found).toHaveLength(wanted.length);
    for (const [i, field] of wanted.entries()) expect(found[i]).toContain(`data.meshNetworks ${field}`);
  });
});
