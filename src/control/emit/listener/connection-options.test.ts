import { describe, expect, it } from 'vitest';
import { filterOf, httpService, meshOf, named, proxyOf } from '../../../testing/compiled-mesh.ts';
import type { FilterChain } from '../../../xds/resources.ts';

const services = `
apiVersion: v1
kind: Service
metadata: { name: db, namespace: default }
spec: { selector: { app: db }, clusterIP: 10.96.0.5, ports: [{ name: tcp, port: 5432 }, { name: tcp-more, port: 5433 }] }
---${httpService('web')}`;

function rule(kind: string, name: string, spec: string): string {
  return `
---
apiVersion: networking.istio.io/v1
kind: ${kind}
metadata: { name: ${name}, namespace: default }
spec: ${spec}`;
}

function chains(objects: string, port = 5432): readonly FilterChain[] {
  const view = proxyOf(meshOf(services + objects), 'sidecar~default/web-v1');
  return named(view.listeners(), `10.96.0.5_${port}`).filter_chains ?? [];
}

describe('connections to a service whose bytes are passed on', () => {
  it('end when they are idle or old, and are spread by their source, as its rule says', () => {
    const policy =
      '{ connectionPool: { tcp: { idleTimeout: 60s, maxConnectionDuration: 1h } }, loadBalancer: { consistentHash: { useSourceIp: true } } }';
    const made = chains(rule('DestinationRule', 'db', `{ host: db, trafficPolicy: ${policy} }`));
    expect(filterOf(made[0])).toMatchObject({
      cluster: 'outbound|5432||db.default.svc.cluster.local',
      idle_timeout: '60s',
      max_downstream_connection_duration: '3600s',
      hash_policy: [{ source_ip: {} }],
    });
    expect(filterOf(chains('')[0])).not.toHaveProperty('idle_timeout');
  });

  it('go by the policy of the port', () => {
    const ports = '[{ port: { number: 5433 }, connectionPool: { tcp: { idleTimeout: 0s } } }]';
    const objects = rule(
      'DestinationRule',
      'db',
      `{ host: db, trafficPolicy: { connectionPool: { tcp: { idleTimeout: 60s } }, portLevelSettings: ${ports} } }`,
    );
    expect(filterOf(chains(objects, 5432)[0])).toMatchObject({ idle_timeout: '60s' });
    expect(filterOf(chains(objects, 5433)[0])).toMatchObject({ idle_timeout: '0s' });
  });

  it('go through a tunnel where the destination, or the subset that a rule names, is to be asked for one', () => {
    const tunnel = (protocol: string) =>
      `{ tunnel: { targetHost: db.example.com, targetPort: 443${protocol} } }`;
    const subsets = `[{ name: v1, labels: { version: v1 }, trafficPolicy: ${tunnel(', protocol: POST')} }]`;
    const objects =
      rule('DestinationRule', 'db', `{ host: db, trafficPolicy: ${tunnel('')}, subsets: ${subsets} }`) +
      rule(
        'VirtualService',
        'db',
        '{ hosts: [db], tcp: [{ match: [{ port: 5432 }], route: [{ destination: { host: db, subset: v1, port: { number: 5432 } } }] }] }',
      );
    expect(filterOf(chains(objects, 5432)[0])).toMatchObject({
      cluster: 'outbound|5432|v1|db.default.svc.cluster.local',
      tunneling_config: { hostname: 'db.example.com:443', use_post: true },
    });
    expect(filterOf(chains(objects, 5433)[0])).toMatchObject({
      tunneling_config: { hostname: 'db.example.com:443' },
    });
  });
});

describe('rules for connections', () => {
  it('that name all addresses are about every connection', () => {
    const route = 'route: [{ destination: { host: db, port: { number: 5433 } } }]';
    const matches = '{ sourceSubnet: 0.0.0.0/0, destinationSubnets: [0.0.0.0/0] }';
    const made = chains(
      rule('VirtualService', 'db', `{ hosts: [db], tcp: [{ match: [${matches}], ${route} }] }`),
    );
    expect(made.map(({ filter_chain_match }) => filter_chain_match)).toEqual([undefined]);
  });

  it('mean parts of the ranges that a service has', () => {
    const entry = rule(
      'ServiceEntry',
      'ledger',
      '{ hosts: [ledger.example.org], addresses: [10.201.0.0/16], location: MESH_EXTERNAL, resolution: STATIC, ports: [{ number: 3306, name: tcp, protocol: TCP }], endpoints: [{ address: 192.0.2.10 }] }',
    );
    const route = 'route: [{ destination: { host: db, port: { number: 5432 } } }]';
    const split = rule(
      'VirtualService',
      'ledger',
      `{ hosts: [ledger.example.org], tcp: [{ match: [{ destinationSubnets: [10.201.9.0/24] }], ${route} }] }`,
    );
    const view = proxyOf(meshOf(services + entry + split), 'sidecar~default/web-v1');
    const { filter_chains = [] } = named(view.listeners(), '0.0.0.0_3306');
    expect(
      filter_chains.map((chain) => [
        chain.filter_chain_match?.prefix_ranges?.[0]?.prefix_len,
        filterOf(chain).cluster,
      ]),
    ).toEqual([
      [24, 'outbound|5432||db.default.svc.cluster.local'],
      [16, 'outbound|3306||ledger.example.org'],
    ]);
  });

  it('tell callers apart by their addresses', () => {
    const route = 'route: [{ destination: { host: db, port: { number: 5433 } } }]';
    const [first, rest] = chains(
      rule(
        'VirtualService',
        'db',
        `{ hosts: [db], tcp: [{ match: [{ sourceSubnet: 10.1.0.0/16 }], ${route} }] }`,
      ),
    );
    expect(first?.filter_chain_match).toEqual({
      source_prefix_ranges: [{ address_prefix: '10.1.0.0', prefix_len: 16 }],
    });
    expect(filterOf(first)).toMatchObject({ cluster: 'outbound|5433||db.default.svc.cluster.local' });
    expect(filterOf(rest)).toMatchObject({ cluster: 'outbound|5432||db.default.svc.cluster.local' });
  });
});
