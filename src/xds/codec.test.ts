import { describe, expect, it } from 'vitest';
import { decode } from './decode.ts';
import { type EncodedParts, encode, encodeByParts } from './encode.ts';
import { joined } from './joined.ts';
import type { Cluster } from './resources.ts';
import { any } from './resources.ts';

const name = 'envoy.config.cluster.v3.Cluster';

describe('xDS objects to bytes and back', () => {
  it('keeps names of enums, durations, wrappers, nested messages and typed configs', () => {
    const cluster: Cluster = {
      name: 'outbound|9080|v1|reviews.default.svc.cluster.local',
      type: 'EDS',
      connect_timeout: '0.25s',
      per_connection_buffer_limit_bytes: 32768,
      lb_policy: 'LEAST_REQUEST',
      metadata: {
        filter_metadata: { istio: { services: [{ host: 'reviews', n: 1.5, no: null, yes: true }] } },
      },
      transport_socket: {
        name: 'envoy.transport_sockets.tls',
        typed_config: any('envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext', {
          sni: 'outbound_.9080_._.reviews',
          common_tls_context: {
            alpn_protocols: ['istio'],
            tls_params: { tls_minimum_protocol_version: 'TLSv1_2' },
          },
        }),
      },
      outlier_detection: { consecutive_5xx: 5, interval: '10s' },
    };
    expect(decode(name, encode(name, cluster))).toEqual(cluster);
  });

  it('encodes shared parts of messages once, and means the same', () => {
    const parts: EncodedParts = new WeakMap();
    const routes = 'envoy.config.route.v3.RouteConfiguration';
    const shared = { name: 'a', domains: ['a.com'], routes: [{ match: { prefix: '/' }, name: 'r' }] };
    for (const name of ['80', '81', '80']) {
      const configuration = { name, virtual_hosts: [shared, { ...shared, name: `own-${name}` }] };
      const chunks = encodeByParts(routes, configuration, parts);
      expect(decode(routes, joined(chunks))).toEqual(configuration);
      expect(chunks).toEqual(encodeByParts(routes, configuration, new WeakMap()));
      expect(chunks[1]).toBe(encodeByParts(routes, { virtual_hosts: [shared] }, parts)[1]);
    }
    expect(() => encodeByParts(routes, { virtual_hosts: [{ nmae: 'x' }] }, parts)).toThrow("no field 'nmae'");
  });

  it('refuses to write a field that the message does not have, and names it', () => {
    expect(() => encode(name, { nmae: 'x' })).toThrow("envoy.config.cluster.v3.Cluster has no field 'nmae'");
    expect(() => encode(name, { type: 'EDSS' })).toThrow("'EDSS' is not a value of");
  });

  it('reports fields and typed configs it has no table of', () => {
    const seen: string[] = [];
    const bytes = encode(name, {
      name: 'a',
      transport_socket: {
        name: 'x',
        typed_config: { '@type': 'type.googleapis.com/foo.Bar', value: 'AQI=' },
      },
    });
    // field 9999, varint 1, appended to the message
    const odd = new Uint8Array([...bytes, 0xf8, 0xf0, 0x04, 0x01]);
    expect(decode(name, odd, (path) => seen.push(path))).toMatchObject({ name: 'a' });
    expect(seen).toEqual([
      'transport_socket.typed_config.@type type.googleapis.com/foo.Bar',
      '#9999 of envoy.config.cluster.v3.Cluster',
    ]);
  });

  it('never follows hostile bytes out of their message', () => {
    expect(() => decode(name, new Uint8Array([0x0a, 0xff, 0xff, 0xff, 0x0f]))).toThrow();
  });
});
