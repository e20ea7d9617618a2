import { type ComputedGauges, GAUGES, StatusCounts } from './envoy-stats.ts';
import { Histogram } from './histogram.ts';
import { Counter, type StatRegistry } from './stat-scope.ts';

// Envoy's statistics as Prometheus text and as Envoy's own lines.

/** A label's value between quotes. */
export function escapeLabel(value: string): string {
  return value.replace(/[\\"\n]/g, (found) => (found === '\n' ? '\\n' : `\\${found}`));
}

/** One kind of scope: `cluster`, `http` or `tcp`, with the objects by the name that is their label. */
export interface StatGroup {
  readonly scope: string;
  readonly label: string;
  readonly stats: ReadonlyMap<string, object>;
}

/** Prometheus text: metrics in groups, each with its type. */
export function prometheusText(scopes: readonly StatGroup[]): string {
  const groups = new Map<string, string[]>();
  const add = (name: string, type: string, line: string): void => {
    const lines = groups.get(name) ?? [`# TYPE ${name} ${type}\n`];
    lines.push(line);
    groups.set(name, lines);
  };
  for (const { scope, label, stats } of scopes)
    for (const [name, fields] of stats)
      addFields(`envoy_${scope}_`, `${label}="${escapeLabel(name)}"`, fields, add);
  return [...groups.values()].map((lines) => lines.join('')).join('');
}

function addFields(
  prefix: string,
  labels: string,
  fields: object,
  add: (name: string, type: string, line: string) => void,
): void {
  const direction = 'upstream_rq_total' in fields ? 'upstream' : 'downstream';
  for (const [field, value] of Object.entries(fields)) {
    const name = `${prefix}${field}`;
    if (typeof value === 'number')
      add(name, GAUGES.has(field) ? 'gauge' : 'counter', `${name}{${labels}} ${value}\n`);
    else if (value instanceof Histogram) add(name, 'histogram', value.lines(name, labels));
    else if (value instanceof StatusCounts) {
      const scope = field === 'statuses' ? '' : `${field}_`;
      addStatuses(`${prefix}${scope}${direction}_rq`, labels, value, add);
    } else if (isComputed(value))
      for (const [gauge, count] of value.gauges()) {
        const full = `${prefix}${gauge.replaceAll('.', '_')}`;
        add(full, 'gauge', `${full}{${labels}} ${count}\n`);
      }
  }
}

function isComputed(value: unknown): value is ComputedGauges {
  return typeof value === 'object' && value !== null && 'gauges' in value;
}

function addStatuses(
  name: string,
  labels: string,
  counts: StatusCounts,
  add: (name: string, type: string, line: string) => void,
): void {
  for (const [group, count] of byClass(counts))
    add(`${name}_xx`, 'counter', `${name}_xx{envoy_response_code_class="${group}",${labels}} ${count}\n`);
  for (const [status, count] of counts.byStatus())
    add(name, 'counter', `${name}{envoy_response_code="${status}",${labels}} ${count}\n`);
}

/** Envoy's /stats: `cluster.reviews.upstream_rq_total: 5`, sorted. */
export function statLines(scopes: readonly StatGroup[]): string {
  const lines: string[] = [];
  for (const { scope, stats } of scopes)
    for (const [name, fields] of stats) {
      const direction = 'upstream_rq_total' in fields ? 'upstream' : 'downstream';
      for (const [field, value] of Object.entries(fields)) {
        if (typeof value === 'number') lines.push(`${scope}.${name}.${field}: ${value}`);
        if (isComputed(value))
          for (const [gauge, count] of value.gauges()) lines.push(`${scope}.${name}.${gauge}: ${count}`);
        if (!(value instanceof StatusCounts)) continue;
        const within = field === 'statuses' ? '' : `${field}.`;
        const rq = `${scope}.${name}.${within}${direction}_rq_`;
        for (const [group, count] of byClass(value)) lines.push(`${rq}${group}xx: ${count}`);
        // Of clients only classes are told apart, as Envoy has it.
        if (direction === 'downstream') continue;
        for (const [status, count] of value.byStatus()) lines.push(`${rq}${status}: ${count}`);
        if (within !== '' && value.total > 0) lines.push(`${rq}completed: ${value.total}`);
      }
    }
  return lines.length === 0 ? '' : `${lines.sort().join('\n')}\n`;
}

function byClass(counts: StatusCounts): Map<number, number> {
  const groups = new Map<number, number>();
  for (const [status, count] of counts.byStatus()) {
    const group = Math.floor(status / 100);
    groups.set(group, (groups.get(group) ?? 0) + count);
  }
  return groups;
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
    pattern: /^cluster\.(.+?)\.((?:grpc|ext_authz|ratelimit)\..+)$/,
    name: 'cluster_',
    labels: ['envoy_cluster_name'],
  },
  {
    pattern: /^(.+)\.http_local_rate_limit\.(.+)$/,
    name: 'http_local_rate_limit_',
    labels: ['envoy_local_http_ratelimit_prefix'],
  },
];

/** `http.ingress.fault.aborts_injected` -> `envoy_http_fault_aborts_injected` and the label of `ingress`. */
function tagged(full: string): { readonly name: string; readonly labels: string } {
  const plain = (text: string): string => `envoy_${text.replace(/[^a-zA-Z0-9_]/g, '_')}`;
  for (const { pattern, name, labels } of TAGS) {
    const found = pattern.exec(full);
    if (found === null) continue;
    const values = labels.map((label, i) => `${label}="${escapeLabel(found[i + 1] as string)}"`);
    return { name: plain(name + found[labels.length + 1]), labels: values.join(',') };
  }
  return { name: plain(full), labels: '' };
}

/** Statistics of filters as Prometheus text; prefixes and names of clusters are labels. */
export function heldPrometheus(registry: StatRegistry): string {
  const groups = new Map<string, string>();
  for (const [full, statistic] of registry.entries()) {
    const { name, labels } = tagged(full);
    const type =
      statistic instanceof Histogram ? 'histogram' : statistic instanceof Counter ? 'counter' : 'gauge';
    const lines =
      statistic instanceof Histogram
        ? statistic.lines(name, labels)
        : `${name}{${labels}} ${statistic.value}\n`;
    groups.set(name, (groups.get(name) ?? `# TYPE ${name} ${type}\n`) + lines);
  }
  return [...groups.values()].join('');
}

/** Statistics of filters as Envoy's lines, sorted. */
export function heldLines(registry: StatRegistry): string {
  const lines: string[] = [];
  for (const [name, statistic] of registry.entries())
    if (!(statistic instanceof Histogram)) lines.push(`${name}: ${statistic.value}\n`);
  return lines.sort().join('');
}
