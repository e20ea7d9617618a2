import type { FieldError } from '../../api/finding.ts';
import { keyText, type ObjectKey } from '../../api/object.ts';
import type {
  FieldReport,
  ObjectReport,
  PartStatus,
  ProxyStatus,
  StatusReport,
  WorkloadStatus,
} from '../../server/contract.ts';
import type { PlatformReport } from '../../server/platform-parts.ts';
import type { CompileFinding, WorkloadSummary } from '../compile.ts';
import type { ObjectStatus } from '../watch/status.ts';
import { deliveryOf } from './delivery.ts';
import type { Fleet } from './fleet.ts';
import { proxyStatusOf } from './proxy-status.ts';

/** What a report is made from. */
export interface ReportSources {
  readonly version: string;
  readonly trustDomain: string;
  readonly startedAtMs: number;
  readonly nowMs: number;
  readonly fleet: Fleet;
  readonly statuses: readonly ObjectStatus[];
  readonly platform: PlatformReport;
}

/** The answer to "what runs, and is it in sync?". */
export function statusReport(sources: ReportSources): StatusReport {
  const { fleet } = sources;
  const { processes, problems } = sources.platform;
  const { compiled, bytes } = fleet.state();
  const proxies = proxyStatuses(fleet);
  const findings = findingsByObject(compiled.findings());
  const delivery = deliveryOf(fleet.streams(), compiled, bytes);
  const { version, trustDomain, startedAtMs, nowMs } = sources;
  return {
    version,
    nowMs,
    startedAtMs,
    revision: compiled.revision,
    trustDomain,
    workloads: workloadStatuses(compiled.workloads(), proxies, processes),
    proxies,
    configuration: sources.statuses.map((status) =>
      objectReport(
        status,
        delivery.liveOf(status.key ?? nobody),
        findings.get(keyText(status.key ?? nobody)) ?? [],
      ),
    ),
    findings: compiled.findings().map(findingReport),
    processes,
    problems,
  };
}

/** Connected proxies and those that were, by name; of two streams of one proxy the newer. */
export function proxyStatuses(fleet: Fleet): readonly ProxyStatus[] {
  const byNode = new Map<string, ProxyStatus>();
  for (const stream of fleet.ended()) put(byNode, proxyStatusOf(stream, false));
  for (const stream of fleet.streams()) put(byNode, proxyStatusOf(stream, true));
  return [...byNode.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function put(byNode: Map<string, ProxyStatus>, status: ProxyStatus | undefined): void {
  if (status !== undefined) byNode.set(status.node, status);
}

function workloadStatuses(
  workloads: readonly WorkloadSummary[],
  proxies: readonly ProxyStatus[],
  parts: readonly PartStatus[],
): readonly WorkloadStatus[] {
  const byName = new Map(proxies.map((proxy) => [proxy.name, proxy]));
  const usages = new Map(parts.map(({ name, usage }) => [name, usage]));
  return workloads.map((one) => {
    const proxy = byName.get(`${one.name}.${one.namespace}`);
    const connected = proxy?.connected ? proxy.state : 'away';
    const usage = usages.get(`${one.namespace}/${one.name} app`);
    const proxyUsage = usages.get(`${one.namespace}/${one.name} proxy`);
    return {
      namespace: one.namespace,
      workload: one.workload,
      pod: one.name,
      serviceAccount: one.serviceAccount,
      ip: one.ip,
      ready: one.ready,
      dataPlane: one.dataPlane,
      gateway: one.gateway,
      services: one.services,
      proxy: one.dataPlane === 'none' ? 'none' : connected,
      ...(usage && { usage }),
      ...(proxyUsage && { proxyUsage }),
    };
  });
}

const nobody: ObjectKey = { group: '', kind: '', namespace: '', name: '' };

/** One document; `findings` are those about its object. */
export function objectReport(
  status: ObjectStatus,
  live: ObjectReport['live'],
  findings: readonly CompileFinding[],
): ObjectReport {
  const { key = nobody, file, line, state } = status;
  const { group, kind, namespace, name } = key;
  const atLine = ({ field, message }: FieldError): FieldReport => ({ field, message, line });
  // What is odd about the live version is told where the object is, among its errors: people look there.
  const odd = state === 'invalid' ? [] : findings;
  return {
    group,
    kind,
    namespace,
    name,
    file,
    line,
    // Valid, and yet the compiler failed on it.
    state: odd.find((one) => one.state !== undefined)?.state ?? state,
    errors: [
      ...status.errors.map(atLine),
      ...odd.map((one) => ({ field: one.field, message: one.message, line: one.line })),
    ],
    warnings: status.warnings.map(atLine),
    live,
  };
}

function findingsByObject(
  findings: readonly CompileFinding[],
): ReadonlyMap<string, readonly CompileFinding[]> {
  return Map.groupBy(findings, ({ key }) => keyText(key));
}

function findingReport({
  key,
  field,
  message,
  file,
  line,
}: CompileFinding): StatusReport['findings'][number] {
  return { kind: key.kind, namespace: key.namespace, name: key.name, file, line, field, message };
}
