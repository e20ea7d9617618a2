import { describe, expect, it } from 'vitest';
import { prometheusText } from './prometheus.ts';
import { heldRows } from './stat-rows.ts';
import { StatRegistry } from './stat-scope.ts';

describe('statistics of filters', () => {
  it('are one object per name, whoever asks', () => {
    const registry = new StatRegistry();
    const scope = registry.scope('http.ingress.');
    const delays = scope.scope('fault.').counter('delays_injected');
    delays.value += 2;
    registry.scope('http.ingress.fault.').counter('delays_injected').value++;
    scope.gauge('fault.active').value = 4;
    expect([...registry.entries()].map(([name, { ...fields }]) => [name, fields])).toEqual([
      ['http.ingress.fault.delays_injected', { value: 3 }],
      ['http.ingress.fault.active', { value: 4 }],
    ]);
    expect(delays.value).toBe(3);
  });

  it('have labels where Envoy has them', () => {
    const registry = new StatRegistry();
    const scope = registry.scope('');
    const held = [
      'http.in.rbac.allowed',
      'cluster.outbound|80||a.b.ratelimit.ok',
      'cluster.c.grpc.test.Echo.Say.success',
      'cluster.c.grpc.total',
      'limit.http_local_rate_limit.ok',
    ].map((name) => scope.counter(name));
    const lines = prometheusText(heldRows(registry)).split('\n');
    expect(lines.filter((line) => line !== '' && !line.startsWith('#'))).toEqual([
      'envoy_http_rbac_allowed{envoy_http_conn_manager_prefix="in"} 0',
      'envoy_cluster_ratelimit_ok{envoy_cluster_name="outbound|80||a.b"} 0',
      'envoy_cluster_grpc_success{envoy_cluster_name="c",envoy_grpc_bridge_service="test.Echo",envoy_grpc_bridge_method="Say"} 0',
      'envoy_cluster_grpc_total{envoy_cluster_name="c"} 0',
      'envoy_http_local_rate_limit_ok{envoy_local_http_ratelimit_prefix="limit"} 0',
    ]);
    expect(held.length).toBe(5);
  });

  it('many names are kept while they are held', () => {
    const registry = new StatRegistry();
    const held = Array.from({ length: 500 }, (_, i) => registry.scope('').counter(`a${i}`));
    expect([...registry.entries()].length).toBe(held.length);
  });
});
