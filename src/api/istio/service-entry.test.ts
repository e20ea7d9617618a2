import { describe, expect, it } from 'vitest';
import { errorFields, warningFields } from '../test-kit.ts';

const id = 'networking.istio.io/ServiceEntry';
const https = { number: 443, name: 'https', protocol: 'TLS' };
const tcp = { number: 27017, name: 'mongo', protocol: 'MONGO' };
const entry = (spec: object, metadata?: object) =>
  errorFields(id, { hosts: ['db.example'], ports: [tcp], ...spec }, metadata);

describe('ServiceEntry', () => {
  it('takes services by DNS, by addresses and by workloads', () => {
    expect(entry({ resolution: 'DNS' })).toEqual([]);
    expect(
      entry({
        resolution: 'STATIC',
        endpoints: [{ address: '10.0.0.1', ports: { mongo: 1 } }, { address: 'fd00::1' }],
      }),
    ).toEqual([]);
    expect(entry({ resolution: 'STATIC', workloadSelector: { labels: { app: 'db' } } })).toEqual([]);
    expect(
      entry({ hosts: ['*.example'], ports: [https], resolution: 'NONE', location: 'MESH_EXTERNAL' }),
    ).toEqual([]);
    expect(
      entry({ hosts: ['*.example'], ports: [https], resolution: 'DYNAMIC_DNS', exportTo: ['~'] }),
    ).toEqual([]);
  });

  it.each([
    [{ hosts: [] }, ['hosts']],
    [{ hosts: ['*'] }, ['hosts[0]']],
    [{ addresses: ['10.0.0.0/8', 'x'] }, ['addresses[1]']],
    [{ addresses: ['10.0.0.0/8'], resolution: 'DNS' }, ['addresses[0]']],
    [{ ports: [tcp, tcp] }, ['ports[1].name', 'ports[1].number']],
    [
      { ports: [{ number: 0, name: 'a_b', protocol: 'X', targetPort: 70000 }] },
      ['ports[0].number', 'ports[0].protocol', 'ports[0].name', 'ports[0].targetPort'],
    ],
    [{ endpoints: [{ address: '10.0.0.1' }] }, ['endpoints']],
    [
      { resolution: 'STATIC', endpoints: [{ address: 'a.example' }, {}] },
      ['endpoints[0].address', 'endpoints[1].address'],
    ],
    [
      { resolution: 'STATIC', endpoints: [{ address: '10.0.0.1', ports: { http: 80 } }] },
      ['endpoints[0].ports.http'],
    ],
    [
      { resolution: 'STATIC', endpoints: [{ address: 'unix:///run/x', ports: { mongo: 1 } }] },
      ['endpoints[0].ports'],
    ],
    [
      { resolution: 'STATIC', ports: [tcp, https], endpoints: [{ address: 'unix://x' }] },
      ['endpoints[0].address'],
    ],
    [
      {
        resolution: 'STATIC',
        workloadSelector: { labels: { a: 'b' } },
        endpoints: [{ address: '10.0.0.1' }],
      },
      ['endpoints'],
    ],
    [{ workloadSelector: { labels: { 'a*': 'b' } } }, ['workloadSelector.labels["a*"]']],
    [{ hosts: ['*.example'], resolution: 'DNS' }, ['hosts[0]']],
    [
      { resolution: 'DNS', endpoints: [{ address: 'a b', labels: { x: '*' } }] },
      ['endpoints[0].address', 'endpoints[0].labels.x'],
    ],
    [{ resolution: 'DNS_ROUND_ROBIN', endpoints: [{ address: 'a' }, { address: 'b' }] }, ['endpoints']],
    [{ hosts: ['a.example', 'b.example'], resolution: 'DNS' }, ['ports[0].protocol']],
    [{ hosts: ['a.example', 'b.example'], resolution: 'DNS', ports: [https] }, []],
    [
      { hosts: ['a.example'], resolution: 'DYNAMIC_DNS', addresses: ['10.0.0.1'] },
      ['addresses', 'hosts[0]', 'ports[0].protocol'],
    ],
  ])('refuses %j', (spec, fields) => {
    expect(entry(spec).toSorted()).toEqual(fields.toSorted());
  });

  it('does not resolve wildcards within the mesh through a waypoint', () => {
    const spec = {
      hosts: ['*.example'],
      ports: [https],
      resolution: 'DYNAMIC_DNS',
      location: 'MESH_INTERNAL',
    };
    expect(entry(spec)).toEqual([]);
    expect(entry(spec, { labels: { 'istio.io/use-waypoint': 'w' } })).toEqual(['location']);
  });

  it('warns of TCP that cannot be told apart', () => {
    const warns = (spec: object, metadata?: object) =>
      warningFields(id, { hosts: ['db.example'], ports: [tcp], ...spec }, metadata);
    const plain = { ports: [{ number: 1, name: 'a', protocol: 'TCP' }] };
    expect(warns(plain)).toEqual(['ports[0].protocol']);
    expect(warns({ ...plain, resolution: 'DNS' })).toEqual([]);
    expect(
      warns(
        { ...plain, resolution: 'DNS' },
        { labels: { 'networking.istio.io/enable-autoallocate-ip': 'False' } },
      ),
    ).toEqual(['ports[0].protocol']);
    expect(warns({ hosts: ['*a.example'] })).toEqual(['hosts[0]']);
  });
});

describe('WorkloadEntry', () => {
  const of = (spec: object) => errorFields('networking.istio.io/WorkloadEntry', spec);

  it('needs an address, or a network to be reached through', () => {
    expect(of({ address: 'vm.example', ports: { http: 80 }, labels: { app: 'a' } })).toEqual([]);
    expect(of({ network: 'n' })).toEqual([]);
    expect(of({})).toEqual(['address']);
    expect(of({ address: 'unix://x/' })).toEqual(['address']);
    expect(of({ address: 'a b', ports: { http: 0, x_y: 1 } })).toEqual([
      'address',
      'ports.http',
      'ports.x_y',
    ]);
  });
});

describe('WorkloadGroup', () => {
  const of = (spec: object) => errorFields('networking.istio.io/WorkloadGroup', spec);

  it('needs a template, and a probe that probes something', () => {
    expect(
      of({ template: {}, probe: { httpGet: { port: 80, scheme: 'HTTPS', httpHeaders: [{ name: 'x-a' }] } } }),
    ).toEqual([]);
    expect(of({})).toEqual(['template']);
    expect(of({ template: {}, probe: { periodSeconds: -1 } })).toEqual(['probe.periodSeconds', 'probe']);
    expect(of({ template: {}, probe: { exec: {}, tcpSocket: { port: 0 } } })).toEqual([
      'probe.exec',
      'probe.tcpSocket.port',
      'probe.exec.command',
    ]);
    expect(
      of({ template: {}, probe: { httpGet: { port: 1, scheme: 'http', httpHeaders: [{ name: 'x_a' }] } } }),
    ).toEqual(['probe.httpGet.scheme', 'probe.httpGet.httpHeaders[0].name']);
    expect(of({ metadata: { labels: { a: 'b c' } }, template: {} })).toEqual(['metadata.labels.a']);
  });
});
