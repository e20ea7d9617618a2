import { expect, it } from 'vitest';
import { prometheusText } from './prometheus.ts';
import { heldRows } from './stat-rows.ts';
import { StatRegistry } from './stat-scope.ts';
import { readStatsConfig } from './stats-config.ts';

type Config = Parameters<typeof readStatsConfig>[0];

const NAMES = ['http.in.fault.aborts', 'wasm.v1.requests', 'cluster.a.b.grpc.total'];

function shown(config: Config): readonly string[] {
  const registry = new StatRegistry();
  const held = NAMES.map((name) => registry.scope('').counter(name));
  const rules = readStatsConfig(
    config,
    (field, message) => {
      throw new Error(`${field} ${message}`);
    },
    'stats_config',
  );
  const rows = rules?.(heldRows(registry)) ?? heldRows(registry);
  const lines = prometheusText(rows).split('\n');
  expect(held).toHaveLength(NAMES.length);
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}

it('inclusion and exclusion lists choose what is shown', () => {
  expect(shown({ stats_matcher: { inclusion_list: { patterns: [{ prefix: 'wasm.' }] } } })).toEqual([
    'envoy_wasm_v1_requests{} 0',
  ]);
  const regex = { safe_regex: { regex: '(http|wasm)\\..*' } };
  expect(shown({ stats_matcher: { exclusion_list: { patterns: [regex] } } })).toEqual([
    'envoy_cluster_grpc_total{envoy_cluster_name="a.b"} 0',
  ]);
  expect(shown({ stats_matcher: { reject_all: true } })).toEqual([]);
});

it('tags are labels, and what they stand for leaves the name', () => {
  const stats_tags = [
    { tag_name: 'revision', regex: '^wasm(\\.(v\\d+))' },
    { tag_name: 'cluster_name', regex: '^cluster\\.((.+?)\\.)grpc' },
    { tag_name: 'mesh', fixed_value: 'one' },
  ];
  expect(shown({ stats_tags })).toEqual([
    'envoy_http_fault_aborts{envoy_http_conn_manager_prefix="in",mesh="one"} 0',
    'envoy_wasm_requests{revision="v1",mesh="one"} 0',
    'envoy_cluster_grpc_total{envoy_cluster_name="a.b",cluster_name="a.b",mesh="one"} 0',
  ]);
});

it('an expression that takes no linear time is refused', () => {
  expect(() => shown({ stats_tags: [{ tag_name: 'x', regex: '(?=a)' }] })).toThrow('stats_tags[0].regex');
});
