import { describe, expect, it } from 'vitest';
import { errorFields, warningFields } from '../test-kit.ts';

const id = 'networking.istio.io/Sidecar';
const port = { number: 9080, protocol: 'HTTP', name: 'http' };

describe('Sidecar', () => {
  it('takes scopes and listeners', () => {
    const spec = {
      workloadSelector: { labels: { app: 'a' } },
      ingress: [
        { port, defaultEndpoint: '127.0.0.1:8080' },
        { port: { number: 1, protocol: 'TCP' }, defaultEndpoint: 'unix:///run/x' },
      ],
      egress: [
        { port: { number: 0, protocol: 'HTTP' }, bind: 'unix://@x', hosts: ['./*'] },
        { port: { number: 3306, protocol: 'MYSQL' }, bind: '127.0.0.1', hosts: ['*/db.example'] },
        { hosts: ['istio-system/*', '~web/a.example', './*.web.svc.cluster.local'] },
      ],
      outboundTrafficPolicy: {
        mode: 'ALLOW_ANY',
        egressProxy: { host: 'out.example', port: { number: 80 } },
      },
    };
    expect(errorFields(id, spec)).toEqual([]);
    expect(warningFields(id, spec)).toEqual([]);
  });

  it.each([
    [{}, ['']],
    [{ ingress: [{}] }, ['ingress[0].port']],
    [{ ingress: [{ port }, { port }] }, ['ingress[1].port.number']],
    [
      { ingress: [{ port: { number: 0, protocol: 'X', name: 'a_b', targetPort: 1 }, bind: 'x' }] },
      [
        'ingress[0].port.name',
        'ingress[0].port.targetPort',
        'ingress[0].port.number',
        'ingress[0].port.protocol',
        'ingress[0].bind',
      ],
    ],
    [{ ingress: [{ port, defaultEndpoint: '10.0.0.1:80' }] }, ['ingress[0].defaultEndpoint']],
    [{ ingress: [{ port, defaultEndpoint: '[::1]:0' }] }, ['ingress[0].defaultEndpoint']],
    [
      { ingress: [{ port, tls: { mode: 'SIMPLE', serverCertificate: 'a', privateKey: 'b' } }] },
      ['ingress[0].tls'],
    ],
    [
      {
        ingress: [
          { port: { ...port, protocol: 'HTTPS' }, tls: { mode: 'ISTIO_MUTUAL', httpsRedirect: true } },
        ],
      },
      ['ingress[0].tls.httpsRedirect', 'ingress[0].tls.mode'],
    ],
    [{ inboundConnectionPool: {} }, ['inboundConnectionPool']],
    [{ egress: [{}] }, ['egress[0].hosts']],
    [{ egress: [{ hosts: ['./*'] }, { hosts: ['./*'] }] }, ['egress[0]']],
    [{ egress: [{ port, hosts: ['a'] }] }, ['egress[0].hosts[0]']],
    [{ egress: [{ port, hosts: ['./reviews'] }] }, ['egress[0].hosts[0]']],
    [{ egress: [{ port, hosts: ['a b/*'] }] }, ['egress[0].hosts[0]']],
    [{ egress: [{ port, hosts: ['./*x.example'] }] }, ['egress[0].hosts[0]']],
    [{ egress: [{ port: { number: 0, protocol: 'HTTP' }, hosts: ['./*'] }] }, ['egress[0].bind']],
    [
      {
        egress: [
          {
            port: { number: 0, protocol: 'HTTP' },
            bind: 'unix:///x',
            captureMode: 'IPTABLES',
            hosts: ['./*'],
          },
        ],
      },
      ['egress[0].captureMode'],
    ],
    [{ outboundTrafficPolicy: { mode: 'ALLOW_ANY_DYNAMIC_DNS' } }, ['outboundTrafficPolicy.mode']],
    [{ outboundTrafficPolicy: { egressProxy: { host: 'a' } } }, ['outboundTrafficPolicy.egressProxy']],
    [
      { outboundTrafficPolicy: { mode: 'ALLOW_ANY', egressProxy: { host: '*', subset: 'x' } } },
      ['outboundTrafficPolicy.egressProxy.host', 'outboundTrafficPolicy.egressProxy.port'],
    ],
  ])('refuses %j', (spec, fields) => {
    expect(errorFields(id, spec)).toEqual(fields);
  });

  it('warns of what is said twice or has no effect', () => {
    const hosts = (...entries: string[]) => warningFields(id, { egress: [{ hosts: entries }] });
    expect(hosts('./a.example', 'web/a.example')).toEqual(['egress[0].hosts[1]']);
    expect(hosts('web/*', './a.example')).toEqual(['egress[0].hosts[1]']);
    expect(hosts('*/*', 'web/*')).toEqual(['egress[0].hosts']);
    expect(hosts('./*', '~./a.example')).toEqual([]);
    const tcp = { port: { number: 1, protocol: 'TCP' }, connectionPool: { http: { maxRetries: 1 } } };
    expect(warningFields(id, { ingress: [tcp] })).toEqual(['ingress[0].connectionPool.http']);
    expect(warningFields(id, { workloadSelector: {}, egress: [{ hosts: ['./*'] }] })).toEqual([
      'workloadSelector.labels',
    ]);
  });
});
