import { type ComputedCounters, type ComputedGauges, GAUGES, StatusCounts } from './envoy-stats.ts';
import { Histogram } from './histogram.ts';
import { Counter, type StatRegistry } from './stat-scope.ts';

// Every statistic as a row, whoever holds it and whoever prints it (stat-lines.ts, prometheus.ts).

/** One statistic, under both of its names. */
export interface StatRow {
  /** `cluster.reviews.upstream_rq_404` */
  readonly name: string;
  /** `cluster_upstream_rq`, and what was taken out of the name: `envoy_response_code="404",envoy_cluster_name="reviews"`. */
  readonly metric: string;
  readonly labels: string;
  readonly value: number | Histogram;
  readonly isGauge: boolean;
}

/** One kind of scope (`cluster`, `http`): objects by the name that is their label. '' is a scope without names. */
export interface StatGroup {
  readonly scope: string;
  readonly label: string;
  readonly stats: ReadonlyMap<string, object>;
}

/** A label's value between quotes. */
export function escapeLabel(value: string): string {
  return value.replace(/[\\"\n]/g, (found) => (found === '\n' ? '\\n' : `\\${found}`));
}

/** The fields of objects under Envoy's names. */
export function* groupRows(groups: readonly StatGroup[]): Generator<StatRow> {
  for (const { scope, label, stats } of groups)
    for (const [name, fields] of stats) {
      const prefix = name === '' ? `${scope}.` : `${scope}.${name}.`;
      yield* fieldRows(prefix, `${scope}_`, name === '' ? '' : `${label}="${escapeLabel(name)}"`, fields);
    }
}

function* fieldRows(prefix: string, metric: string, labels: string, fields: object): Generator<StatRow> {
  const row = (field: string, value: number | Histogram, isGauge: boolean): StatRow => ({
    name: prefix + field,
    metric: plain(metric + field),
    labels,
    value,
    isGauge,
  });
  const direction = 'upstream_rq_total' in fields ? 'upstream' : 'downstream';
  for (const [field, value] of Object.entries(fields)) {
    if (typeof value === 'number' || value instanceof Histogram) yield row(field, value, GAUGES.has(field));
    else if (value instanceof StatusCounts) {
      const within = field === 'statuses' ? '' : `${field}.`;
      for (const [status, tag, count] of statusCounts(value, direction)) {
        const made = row(`${within}${direction}_rq${status}`, count, false);
        const base = plain(`${metric}${within}${direction}_rq${tag === CLASS ? '_xx' : ''}`);
        yield { ...made, metric: base, labels: `${tag}="${status.replace(/_|xx/g, '')}",${labels}` };
      }
      if (within !== '' && value.total > 0)
        yield row(`${within}${direction}_rq_completed`, value.total, false);
    } else if (isComputed(value)) for (const [gauge, count] of value.gauges()) yield row(gauge, count, true);
    else if (isCounting(value)) for (const [name, count] of value.counters()) yield row(name, count, false);
  }
}

const CLASS = 'envoy_response_code_class';

/** `_4xx` and `_404`; of clients only classes are told apart, as Envoy has it. */
function* statusCounts(
  counts: StatusCounts,
  direction: string,
): Generator<readonly [suffix: string, tag: string, count: number]> {
  const classes = new Map<number, number>();
  for (const [status, count] of counts.byStatus()) {
    const group = Math.floor(status / 100);
    classes.set(group, (classes.get(group) ?? 0) + count);
  }
  for (const [group, count] of classes) yield [`_${group}xx`, CLASS, count];
  if (direction === 'downstream') return;
  for (const [status, count] of counts.byStatus()) yield [`_${status}`, 'envoy_response_code', count];
}

function isComputed(value: unknown): value is ComputedGauges {
  return typeof value === 'object' && value !== null && 'gauges' in value;
}

function isCounting(value: unknown): value is ComputedCounters {
  return typeof value === 'object' && value !== null && 'counters' in value;
}

/** Parts of names that are labels, as Envoy's default tags: the pattern, and what is left as the name. */
const TAGS: readonly {
  readonly pattern: RegExp;
  readonly name: string;
  readonly labels: readonly string[];
}[] = [
  { pattern: /^http\.([^.]+)\.(.+)$/, name: 'http_', labels: ['envoy_http_conn_manager_prefix'] },
  {
    pattern: /^cluster\.(.+?)\.grpc\.(.+)\.([^.]+)\.([^.]+)$/,
    name: 'cluster_grpc_',
    labels: ['envoy_cluster_name', 'envoy_grpc_bridge_service', 'envoy_grpc_bridge_method'],
  },
  {
    pattern: /^cluster\.(.+?)\.((?:grpc|ext_authz|ratelimit|health_check|outlier_detection|ssl)\..+)$/,
    name: 'cluster_',
    labels: ['envoy_cluster_name'],
  },
  { pattern: /^tcp\.([^.]+)\.(.+)$/, name: 'tcp_', labels: ['envoy_tcp_prefix'] },
  {
    pattern: /^(.+)\.http_local_rate_limit\.(.+)$/,
    name: 'http_local_rate_limit_',
    labels: ['envoy_local_http_ratelimit_prefix'],
  },
];

/** Statistics that filters hold. */
export function* heldRows(registry: StatRegistry): Generator<StatRow> {
  for (const [name, statistic] of registry.entries()) {
    const value = statistic instanceof Histogram ? statistic : statistic.value;
    const isGauge = !(statistic instanceof Counter) && typeof value === 'number';
    yield { name, ...tagged(name), value, isGauge };
  }
}

/** `http.ingress.fault.aborts_injected` -> `http_fault_aborts_injected` and the label of `ingress`. */
function tagged(full: string): { readonly metric: string; readonly labels: string } {
  for (const { pattern, name, labels } of TAGS) {
    const found = pattern.exec(full);
    if (found === null) continue;
    const values = labels.map((label, i) => `${label}="${escapeLabel(found[i + 1] as string)}"`);
    return { metric: plain(name + found[labels.length + 1]), labels: values.join(',') };
  }
  return { metric: plain(full), labels: '' };
}

function plain(text: string): string {
  return text.replace(/[^a-zA-Z0-9_]/g, '_');
}
