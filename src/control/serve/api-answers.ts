import type { Clock } from '../../lib/clock.ts';
import type { PartStatus, Usage } from '../../server/contract.ts';
import type { ApiAnswers } from '../../server/http-api.ts';
import type { PlatformParts } from '../../server/platform-parts.ts';
import type { ProxyNode, WorkloadSummary } from '../compile.ts';
import type { ResourceStore } from '../watch/store.ts';
import { configDump, DUMP_PARTS } from './config-dump.ts';
import type { Fleet } from './fleet.ts';
import { proxyStatuses, statusReport } from './status-report.ts';

/** What the answers are made from. */
export interface AnswerSources {
  readonly version: string;
  readonly trustDomain: string;
  readonly startedAtMs: number;
  readonly clock: Clock;
  readonly fleet: Fleet;
  readonly store: ResourceStore;
  readonly parts: PlatformParts;
}

/** The control plane's answers to the questions of the HTTP API. */
export function apiAnswers(sources: AnswerSources): ApiAnswers {
  const { clock, fleet, store } = sources;
  const { version, trustDomain, startedAtMs } = sources;
  const ownUsage = ownUsageSince(clock);
  return {
    async status() {
      const told = await sources.parts.read();
      const processes = told.some(({ kind }) => kind === 'control') ? told : [ownPart(ownUsage()), ...told];
      const nowMs = clock.nowMs();
      const statuses = store.statuses();
      return statusReport({ version, trustDomain, startedAtMs, nowMs, fleet, statuses, processes });
    },
    proxies: () => ({ nowMs: clock.nowMs(), proxies: proxyStatuses(fleet) }),
    dump(proxy, asked) {
      const { compiled, bytes } = fleet.state();
      const node = nodeOf(proxy, fleet);
      const view = node && compiled.forProxy(node);
      const parts = DUMP_PARTS.filter((part) => asked.length === 0 || asked.includes(part));
      return view && configDump(view, bytes, parts);
    },
    isReady: () => true,
  };
}

/** The node of `NAME.NAMESPACE`, `NAMESPACE/NAME` or a node id: a connected proxy, or a workload that has none. */
function nodeOf(proxy: string, fleet: Fleet): ProxyNode | undefined {
  const [namespace, inNamespace] = proxy.split('/');
  const name = inNamespace === undefined ? proxy : `${inNamespace}.${namespace}`;
  for (const stream of fleet.streams()) {
    const one = stream.proxy();
    if (one === undefined) continue;
    const { node, id } = one;
    if (node.id === proxy || `${id.name}.${id.namespace}` === name) {
      return { id: node.id ?? '', ...(node.metadata && { metadata: node.metadata }) };
    }
  }
  const workloads = fleet.state().compiled.workloads();
  const named = workloads.find((one) => `${one.name}.${one.namespace}` === name);
  const found = named ?? workloads.find((one) => `${one.workload}.${one.namespace}` === name);
  return found && { id: nodeIdOf(found) };
}

function nodeIdOf({ gateway, ip, name, namespace }: WorkloadSummary): string {
  return `${gateway ? 'router' : 'sidecar'}~${ip}~${name}.${namespace}~${namespace}.svc.cluster.local`;
}

function ownPart(usage: Usage): PartStatus {
  return { kind: 'control', name: 'control', state: 'running', pid: process.pid, restarts: 0, usage };
}

/** What this process used since the call before. */
function ownUsageSince(clock: Clock): () => Usage {
  let lastMs = clock.monotonicMs();
  let last = process.cpuUsage();
  return () => {
    const nowMs = clock.monotonicMs();
    const { user, system } = process.cpuUsage(last);
    const cpu = (user + system) / 1000 / Math.max(1, nowMs - lastMs);
    lastMs = nowMs;
    last = process.cpuUsage();
    return { cpu, memoryBytes: process.memoryUsage.rss() };
  };
}
