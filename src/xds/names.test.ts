import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addressListener,
  clusterSni,
  formatClusterName,
  formatNodeId,
  hostPort,
  parseAddressListener,
  parseClusterName,
  parseClusterSni,
  parseHostPort,
  parseNodeId,
} from './names.ts';

const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
const hostname = fc.array(label, { minLength: 1, maxLength: 5 }).map((labels) => labels.join('.'));
const port = fc.integer({ min: 0, max: 65535 });
const subset = fc.oneof(fc.constant(''), label);
const address = fc.oneof(fc.ipV4(), fc.ipV6());

describe('names', () => {
  it('writes clusters as Istio does', () => {
    expect(
      formatClusterName({
        direction: 'outbound',
        port: 9080,
        subset: 'v1',
        hostname: 'reviews.default.svc.cluster.local',
      }),
    ).toBe('outbound|9080|v1|reviews.default.svc.cluster.local');
    expect(formatClusterName({ direction: 'inbound', port: 9080 })).toBe('inbound|9080||');
    expect(clusterSni(9080, 'v1', 'a.b')).toBe('outbound_.9080_.v1_.a.b');
  });

  it('reads back every cluster it writes', () => {
    fc.assert(
      fc.property(port, subset, hostname, (port, subset, hostname) => {
        const name = { direction: 'outbound', port, subset, hostname } as const;
        expect(parseClusterName(formatClusterName(name))).toEqual(name);
        expect(parseClusterSni(clusterSni(port, subset, hostname))).toEqual(name);
        expect(parseClusterName(formatClusterName({ direction: 'inbound', port }))).toEqual({
          direction: 'inbound',
          port,
        });
      }),
    );
  });

  it('reads back every listener, virtual host and node id it writes', () => {
    fc.assert(
      fc.property(address, port, hostname, label, (address, port, hostname, namespace) => {
        expect(parseAddressListener(addressListener(address, port))).toEqual({ address, port });
        expect(parseHostPort(hostPort(hostname, port))).toEqual({ hostname, port });
        const id = {
          type: 'sidecar',
          ip: address,
          name: hostname,
          namespace,
          domain: `${namespace}.svc.x`,
        } as const;
        expect(parseNodeId(formatNodeId(id))).toEqual(id);
      }),
    );
  });

  it('takes nothing else for a name', () => {
    const odd = [
      '',
      'PassthroughCluster',
      'outbound|x||a',
      'outbound|99999||a',
      'outbound|080||a',
      'inbound|80|a|b',
      'outbound|80||',
    ];
    for (const text of odd) expect(parseClusterName(text)).toBeUndefined();
    for (const text of ['', 'virtualInbound', 'a_80', '_80'])
      expect(parseAddressListener(text)).toBeUndefined();
    for (const text of ['', 'sidecar~1.1.1.1~a~b', 'agent~~a.b~c', 'sidecar~~a.~c', 'sidecar~~a.b~c~d'])
      expect(parseNodeId(text)).toBeUndefined();
    fc.assert(
      fc.property(fc.string(), (text) => {
        const name = parseClusterName(text);
        if (name !== undefined) expect(formatClusterName(name)).toBe(text);
      }),
    );
  });
});
