import { describe, expect, it } from 'vitest';
import { errorFields, warningFields } from '../test-kit.ts';

const id = 'networking.istio.io/DestinationRule';
const policy = (trafficPolicy: object) =>
  errorFields(id, { host: 'reviews', trafficPolicy }).map((field) => field.replace(/^trafficPolicy\.?/, ''));

describe('DestinationRule', () => {
  it('takes what ordinary rules are made of', () => {
    const spec = {
      host: '*.web.svc.cluster.local',
      trafficPolicy: {
        connectionPool: {
          tcp: { maxConnections: 100, connectTimeout: '30ms', idleTimeout: '0s' },
          http: { http2MaxRequests: 0 },
        },
        outlierDetection: {
          consecutive5xxErrors: 7,
          interval: '5m',
          baseEjectionTime: '15m',
          maxEjectionPercent: 100,
        },
        loadBalancer: {
          consistentHash: { httpCookie: { name: 'user', ttl: '0s' }, maglev: { tableSize: 65537 } },
        },
        portLevelSettings: [{ port: { number: 80 }, tls: { mode: 'ISTIO_MUTUAL' } }],
        retryBudget: { percent: 20, budgetInterval: '10s' },
      },
      subsets: [
        { name: 'v1', labels: { version: 'v1' } },
        { name: 'v2', trafficPolicy: { loadBalancer: { simple: 'RANDOM' } } },
      ],
      exportTo: ['.'],
    };
    expect(errorFields(id, spec)).toEqual([]);
    expect(warningFields(id, spec)).toEqual([]);
  });

  it('judges host and subsets', () => {
    expect(errorFields(id, { host: '' })).toEqual(['host']);
    expect(errorFields(id, {})).toEqual(['host']);
    const subsets = [
      { name: 'a' },
      { name: 'a' },
      { name: 'a_b', labels: { v: 'x y' } },
      { name: 'c', trafficPolicy: {} },
    ];
    expect(errorFields(id, { host: 'a', subsets })).toEqual([
      'subsets[1].name',
      'subsets[2].name',
      'subsets[2].labels.v',
      'subsets[3].trafficPolicy',
    ]);
  });

  it.each([
    [{}, ['']],
    [{ connectionPool: {} }, ['connectionPool']],
    [
      { connectionPool: { http: { maxRetries: -1, h2UpgradePolicy: 'UPGRADE', useClientProtocol: true } } },
      ['connectionPool.http.maxRetries', 'connectionPool.http.useClientProtocol'],
    ],
    [
      { connectionPool: { http: { http2KeepAlive: { interval: '1s' } } } },
      ['connectionPool.http.http2KeepAlive.timeout'],
    ],
    [
      { connectionPool: { tcp: { tcpKeepalive: { time: '0.5ms' } } } },
      ['connectionPool.tcp.tcpKeepalive.time'],
    ],
    [
      { outlierDetection: { consecutiveLocalOriginFailures: 1 } },
      ['outlierDetection.consecutiveLocalOriginFailures'],
    ],
    [{ outlierDetection: { minHealthPercent: 101 } }, ['outlierDetection.minHealthPercent']],
    [
      { loadBalancer: { simple: 'RANDOM', consistentHash: { useSourceIp: true } } },
      ['loadBalancer.consistentHash'],
    ],
    [
      { loadBalancer: { consistentHash: { useSourceIp: true, httpHeaderName: 'x' } } },
      ['loadBalancer.consistentHash.useSourceIp'],
    ],
    [
      { loadBalancer: { consistentHash: { maglev: { tableSize: 65536 } } } },
      ['loadBalancer.consistentHash.maglev.tableSize'],
    ],
    [{ loadBalancer: { consistentHash: { ringHash: { minimumRingSize: '1024' } } } }, []],
    [
      {
        loadBalancer: {
          consistentHash: { httpCookie: { name: '', attributes: [{ name: 'a' }, { name: 'a' }] } },
        },
      },
      [
        'loadBalancer.consistentHash.httpCookie.name',
        'loadBalancer.consistentHash.httpCookie.attributes[1].name',
      ],
    ],
    [
      { loadBalancer: { warmup: { minimumPercent: 200, aggression: 0 } } },
      [
        'loadBalancer.warmup.duration',
        'loadBalancer.warmup.minimumPercent',
        'loadBalancer.warmup.aggression',
      ],
    ],
    [
      { loadBalancer: { localityLbSetting: {}, zoneAwareLbSetting: {} } },
      ['loadBalancer.zoneAwareLbSetting'],
    ],
    [{ tls: { mode: 'MUTUAL' } }, ['tls.clientCertificate', 'tls.privateKey']],
    [{ tls: { mode: 'SIMPLE', credentialName: 'a', caCertificates: 'b' } }, ['tls.caCertificates']],
    [{ tls: { mode: 'SIMPLE', insecureSkipVerify: true, subjectAltNames: ['a'] } }, ['tls.subjectAltNames']],
    [{ tls: { mode: 'SIMPLE', credentialName: 'configmap://other/ca' } }, ['tls.credentialName']],
    [{ tls: { mode: 'SIMPLE', credentialName: 'configmap://web/ca' } }, []],
    [{ portLevelSettings: [{}] }, ['portLevelSettings[0].port', 'portLevelSettings[0]']],
    [
      { tunnel: { targetHost: 'a b', targetPort: 0, protocol: 'GET' } },
      ['tunnel.protocol', 'tunnel.targetHost', 'tunnel.targetPort'],
    ],
    [{ tunnel: { targetHost: '10.0.0.1', targetPort: 1 }, proxyProtocol: {} }, ['proxyProtocol']],
  ])('judges the traffic policy %j', (trafficPolicy, fields) => {
    expect(policy(trafficPolicy)).toEqual(fields);
  });

  it.each([
    [{ distribute: [{ from: 'a/*', to: { 'a/1': 70, 'a/2': 30 } }] }, []],
    [{ distribute: [{ from: 'a', to: { b: 70 } }] }, ['distribute[0].to']],
    [{ distribute: [{ from: 'a', to: { b: 0, c: 100 } }] }, ['distribute[0].to.b']],
    [
      {
        distribute: [
          { from: 'a/1', to: { b: 100 } },
          { from: 'a', to: { b: 100 } },
        ],
      },
      ['distribute[1].from'],
    ],
    [
      {
        distribute: [
          { from: 'a/1', to: { b: 100 } },
          { from: '*', to: { b: 100 } },
        ],
      },
      [],
    ],
    [
      { distribute: [{ from: '*/1', to: { 'b//c': 100 } }] },
      ['distribute[0].from', 'distribute[0].to["b//c"]'],
    ],
    [
      {
        failover: [
          { from: 'a', to: 'a' },
          { from: 'a/b', to: 'c' },
          { from: '*', to: 'c' },
        ],
      },
      ['failover[0].to', 'failover[1]', 'failover[2]'],
    ],
    [{ failover: [{ from: 'a', to: 'b' }], distribute: [{ from: 'a', to: { b: 100 } }] }, ['failover']],
    [
      { failover: [{ from: 'a', to: 'b' }], failoverPriority: ['topology.kubernetes.io/zone'] },
      ['failoverPriority[0]'],
    ],
  ])('judges localities %j', (localityLbSetting, fields) => {
    const found = policy({ loadBalancer: { localityLbSetting }, outlierDetection: {} });
    expect(found).toEqual(fields.map((field) => `loadBalancer.localityLbSetting.${field}`));
  });

  it('warns of failover without outlier detection, and of old fields', () => {
    const localityLbSetting = { failover: [{ from: 'a', to: 'b' }] };
    expect(warningFields(id, { host: 'a', trafficPolicy: { loadBalancer: { localityLbSetting } } })).toEqual([
      'trafficPolicy.loadBalancer.localityLbSetting',
    ]);
    expect(
      warningFields(id, { host: 'a', trafficPolicy: { outlierDetection: { consecutiveErrors: 3 } } }),
    ).toEqual(['trafficPolicy.outlierDetection.consecutiveErrors']);
  });

  it('stays in its namespace where it selects workloads', () => {
    const of = (exportTo: string[]) =>
      errorFields(id, { host: 'a', workloadSelector: { matchLabels: { a: 'b' } }, exportTo });
    expect(of(['.'])).toEqual([]);
    expect(of(['*'])).toEqual(['exportTo']);
    expect(of(['.', 'other'])).toEqual(['exportTo']);
  });

  it('wants a percentage for the budget of retries', () => {
    const of = (percent: number) =>
      errorFields('networking.istio.io/DestinationRule', {
        host: 'reviews',
        trafficPolicy: { retryBudget: { percent } },
      });
    expect(of(100)).toEqual([]);
    expect(of(101)).toEqual(['trafficPolicy.retryBudget.percent']);
  });
});
