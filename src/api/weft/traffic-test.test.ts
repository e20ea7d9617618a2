import { describe, expect, it } from 'vitest';
import { errorFields } from '../test-kit.ts';

const of = (spec: object) => errorFields('weft.dev/TrafficTest', spec);
const request = { from: 'default/client', send: { url: 'http://reviews:9080/a' }, expect: { status: 200 } };

describe('TrafficTest', () => {
  it('takes requests with what must come of them', () => {
    const spec = {
      resources: ['./reviews.yaml'],
      objects: [{ kind: 'Anything', x: null }],
      workloads: [{ name: 'client', mesh: false, ports: [9080] }],
      requests: [
        request,
        {
          ...request,
          from: 'gateway:istio-system/gw',
          times: 100,
          expect: { shares: { 'a/b': 0.9, 'a/c': 0.1 } },
        },
        {
          ...request,
          from: 'outside',
          send: { url: 'tcp://db:5432', jwt: { iss: 'a' } },
          expect: { tcp: 'refused' },
        },
      ],
    };
    expect(of(spec)).toEqual([]);
  });

  it.each([
    [{ requests: [] }, ['requests']],
    [{ requests: [{ ...request, from: 'client' }] }, ['requests[0].from']],
    [{ requests: [{ ...request, send: { url: '/a' } }] }, ['requests[0].send.url']],
    [{ requests: [{ ...request, send: { url: 'tcp://db' } }] }, ['requests[0].send.url']],
    [{ requests: [{ ...request, expect: { deniedBy: 'deny-x' } }] }, ['requests[0].expect.deniedBy']],
    [{ requests: [{ ...request, expect: {} }] }, ['requests[0].expect']],
    [{ requests: [{ ...request, expect: { shares: { a: 0.5 } } }] }, ['requests[0].expect.shares']],
    [{ requests: [{ ...request, times: 0 }] }, ['requests[0].times']],
    [
      { requests: [{ ...request, expect: { statuss: 200 } }] },
      ['requests[0].expect.statuss', 'requests[0].expect'],
    ],
    [
      { requests: [request], workloads: [{ name: 'a' }, { name: 'a', namespace: 'default' }] },
      ['workloads[1].name'],
    ],
  ])('refuses %j', (spec, fields) => {
    expect(of(spec)).toEqual(fields);
  });
});
