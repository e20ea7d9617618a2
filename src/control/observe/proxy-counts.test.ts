import { describe, expect, it } from 'vitest';
import { MAX_PLAINTEXT_CALLERS } from '../emit/listener/plaintext-log.ts';
import { proxyCountsOf, WANTED_STATISTICS } from './proxy-counts.ts';

// The same proxy as Envoy and as weft's proxy write it.
const envoy = `# TYPE envoy_weft_plaintext_requests counter
envoy_weft_plaintext_requests{port="9080",peer="10.244.0.2"} 7
envoy_weft_plaintext_connections{port="5432",peer="10.244.0.9"} 2
envoy_http_0_0_0_9080_downstream_rq_total{envoy_http_conn_manager_prefix="inbound_0"} 20
envoy_http_0_0_0_9080_downstream_cx_active{envoy_http_conn_manager_prefix="inbound_0"} 5
envoy_http_0_0_0_9080_downstream_cx_ssl_active{envoy_http_conn_manager_prefix="inbound_0"} 3
envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="InboundPassthroughCluster"} 4
envoy_http_downstream_rq_total{envoy_http_conn_manager_prefix="admin"} 99
envoy_tcp_downstream_cx_total{envoy_tcp_prefix="inbound|5432||"} 6
envoy_tcp_downstream_cx_total{envoy_tcp_prefix="BlackHoleCluster"} 6
envoy_server_uptime{} 61
`;
const weft = envoy
  .replaceAll('envoy_http_0_0_0_9080_', 'envoy_http_')
  .replaceAll('"inbound_0"', '"inbound_0.0.0.0_9080"');

describe('the counters of a proxy', () => {
  it.each([
    ['Envoy', envoy],
    ["weft's proxy", weft],
  ])('are read from the statistics of %s', (_name, text) => {
    expect(proxyCountsOf(text)).toEqual({
      uptimeMs: 61_000,
      callers: [
        { unit: 'requests', port: 9080, peer: '10.244.0.2', count: 7 },
        { unit: 'connections', port: 5432, peer: '10.244.0.9', count: 2 },
      ],
      ports: [
        { unit: 'requests', port: 9080, count: 20, openPlain: 2 },
        { unit: 'requests', port: 0, count: 4, openPlain: 0 },
        { unit: 'connections', port: 5432, count: 6, openPlain: 0 },
      ],
      isFull: false,
    });
  });

  it('are asked for by names', () => {
    const wanted = new RegExp(WANTED_STATISTICS);
    for (const name of [
      'weft_plaintext.requests.port.9080.peer.10.244.0.2',
      'http.inbound_0.0.0.0_9080.downstream_rq_total',
      'http.InboundPassthroughCluster.downstream_cx_ssl_active',
      'tcp.inbound|5432||.downstream_cx_total',
      'server.uptime',
    ])
      expect(wanted.test(name), name).toBe(true);
    expect(wanted.test('cluster.outbound|80||web.upstream_rq_total')).toBe(false);
  });

  it('may be more than are kept', () => {
    const line = (i: number) => `envoy_weft_plaintext_requests{port="80",peer="10.0.0.${i}"} 1`;
    const text = Array.from({ length: MAX_PLAINTEXT_CALLERS }, (_, i) => line(i)).join('\n');
    expect(proxyCountsOf(text).isFull).toBe(true);
    expect(proxyCountsOf('nonsense\n{}\nenvoy_x{ 1').callers).toEqual([]);
  });
});
