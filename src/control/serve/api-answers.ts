import type { Clock } from '../../lib/clock.ts';
import type { PartStatus, Usage } from '../../server/contract.ts';
import type { ApiAnswers } from '../../server/http-api.ts';
import type { PlatformParts } from '../../server/platform-parts.ts';
import { ON_DEMAND } from '../../xds/names.ts';
import type { AnyMessage } from '../../xds/resources.ts';
import type { ProxyNode, WorkloadSummary } from '../compile.ts';
import { configDump } from '../emit/config-dump.ts';
import type { ObjectStatus } from '../watch/status.ts';
import type { Fleet } from './fleet.ts';
import { proxyStatuses, statusReport } from './status-report.ts';

/** What the answers are made from. */
export interface AnswerSources {
  readonly version: string;
  readonly trustDomain: string;
  readonly startedAtMs: number;
  readonly clock: Clock;
  readonly fleet: Fleet;
  /** Of every document. */
  readonly statuses: () => readonly ObjectStatus[];
  readonly parts: PlatformParts;
}

/** The control plane's answers to the questions of the HTTP API. */
export function apiAnswers(sources: AnswerSources): ApiAnswers {
  const { clock, fleet } = sources;
  const { version, trustDomain, startedAtMs } = sources;
  const ownUsage = ownUsageSince(clock);
  return {
    async status() {
      const { processes, problems } = await sources.parts.read();
      const own = processes.some(({ kind }) => kind === 'control') ? [] : [ownPart(ownUsage())];
      const platform = { processes: [...own, ...processes], problems };
      const nowMs = clock.nowMs();
      const statuses = sources.statuses();
      return statusReport({ version, trustDomain, startedAtMs, nowMs, fleet, statuses, platform });
    },
    proxies: () => ({ nowMs: clock.nowMs(), proxies: proxyStatuses(fleet) }),
    dump(proxy, parts) {
      const { compiled } = fleet.state();
      const node = nodeOf(proxy, fleet);
      const view = node && compiled.forProxy(node);
      if (node === undefined || view === undefined) return undefined;
      const dump = configDump({
        nodeId: node.id,
        version: String(compiled.revision),
        listeners: view.listeners(),
        clusters: view.clusters(),
        routes: view.routes(),
        endpoints: view.endpoints(),
      });
      return parts.length === 0 ? dump : { configs: dump.configs.filter((one) => isPart(one, parts)) };
    },
    isReady: () => true,
  };
}

/** `envoy.admin.v3.ListenersConfigDump` is the part `listeners`. */
function isPart(config: AnyMessage, parts: readonly string[]): boolean {
  const [, name = ''] = /\.(\w+)ConfigDump$/.exec(config['@type']) ?? [];
  return parts.includes(name.toLowerCase());
}

/** The node of `NAME.NAMESPACE`, `NAMESPACE/NAME` or a node id: a connected proxy, or a workload that has none. */
function nodeOf(proxy: string, fleet: Fleet): ProxyNode | undefined {
  const [namespace, inNamespace] = proxy.split('/');
  const name = inNamespace === undefined ? proxy : `${inNamespace}.${namespace}`;
  for (const stream of fleet.streams()) {
    const one = stream.proxy;
    if (one === undefined) continue;
    const { node, id } = one;
    if (node.id === proxy || `${id.name}.${id.namespace}` === name) {
      // All that it can get, be it asked for or not.
      const { [ON_DEMAND]: _onDemand, ...metadata } = node.metadata ?? {};
      return { id: node.id ?? '', metadata };
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
