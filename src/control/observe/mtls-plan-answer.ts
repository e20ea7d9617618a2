import type { Origin } from '../../mesh/origin.ts';
import type { Workload } from '../../mesh/workload.ts';
import type { MtlsPlan, MtlsPlanQuestion, MtlsWorkloadPlan } from '../../server/contract.ts';
import { type Compiled, readOf } from '../compile.ts';
import { inboundPorts } from '../resolve/inbound-ports.ts';
import { peerModes, peerModesKey } from '../resolve/peer-authentication.ts';
import { proxyKey } from '../resolve/proxies.ts';
import { workloads } from '../resolve/workloads.ts';
import type { Read } from '../resolve/world.ts';
import { type PlanFacts, planWorkload, worstOf } from './mtls-plan.ts';
import type { Observer } from './observer.ts';
import { type PolicySubject, strictPolicies } from './strict-policies.ts';

/** What STRICT would do, after reading the proxies once more; undefined where there is no such workload. */
export async function mtlsPlanAnswer(
  question: MtlsPlanQuestion,
  compiled: () => Compiled,
  observer: Observer,
  nowMs: () => number,
): Promise<MtlsPlan | undefined> {
  const { namespace, workload: wanted, lookBackMs, atLeastMs } = question;
  await observer.readNow(
    (pod) => pod.namespace === namespace && (wanted === undefined || pod.workload === wanted),
  );
  const read = readOf(compiled());
  const all = read.of(workloads, '');
  const byOwner = Map.groupBy(
    all.filter((one) => one.namespace === namespace && !one.gateway),
    ({ owner }) => owner,
  );
  const chosen = [...byOwner].filter(([owner]) => wanted === undefined || owner === wanted);
  if (chosen.length === 0) return undefined;
  const facts: PlanFacts = {
    ledger: observer.ledger,
    haveProxies: (ns, owner) => haveProxies(all.filter((one) => one.namespace === ns && one.owner === owner)),
    nowMs: nowMs(),
    lookBackMs,
    atLeastMs,
  };
  const planned = chosen.map(([owner, pods]) => planOf(read, owner, pods, facts));
  const plans = planned.map(({ plan }) => plan).sort((a, b) => (a.workload < b.workload ? -1 : 1));
  const withProxy = planned.filter(({ plan }) => !plan.noProxy);
  const existing = withProxy.map(({ ofNamespace }) => ofNamespace).find((origin) => origin !== undefined);
  return {
    nowMs: facts.nowMs,
    namespace,
    ...(wanted === undefined ? {} : { workload: wanted }),
    lookBackMs,
    atLeastMs,
    verdict: worstOf(withProxy.map(({ plan }) => plan.verdict)),
    workloads: plans,
    apply: strictPolicies(namespace, withProxy, wanted === undefined ? { existing } : undefined),
  };
}

interface Planned extends PolicySubject {
  /** The policy of the namespace as a whole. */
  readonly ofNamespace: Origin | undefined;
}

function planOf(read: Read, owner: string, pods: readonly Workload[], facts: PlanFacts): Planned {
  const withProxy = pods.filter(({ dataPlane }) => dataPlane !== 'none');
  const [first] = withProxy;
  if (first === undefined)
    return { plan: unprotected(owner), labels: {}, own: undefined, ofNamespace: undefined };
  const { namespace, labels } = first;
  const modes = read.of(peerModes, peerModesKey(namespace, labels));
  const ports = withProxy.flatMap(({ name, ips, labels }) => {
    const key = proxyKey({ type: 'sidecar', ip: ips[0] ?? '', name, namespace, labels });
    return read.of(inboundPorts, key).map(({ number }) => number);
  });
  const names = withProxy.map(({ name }) => name);
  const plan = planWorkload({ namespace, workload: owner, pods: names, modes, ports }, facts);
  const ofNamespace = modes.origins.find((origin) => origin.namespace === namespace && origin !== modes.own);
  return { plan, labels: common(withProxy), own: modes.own, ofNamespace };
}

function unprotected(workload: string): MtlsWorkloadPlan {
  return { workload, verdict: 'unknown', noProxy: true, reasons: ['it has no proxy'], ports: [] };
}

function haveProxies(pods: readonly Workload[]): boolean | undefined {
  return pods.length === 0 ? undefined : pods.every(({ dataPlane }) => dataPlane !== 'none');
}

/** Labels that all of them have. */
function common([first, ...others]: readonly Workload[]): Readonly<Record<string, string>> {
  const labels = Object.entries(first?.labels ?? {});
  return Object.fromEntries(
    labels.filter(([key, value]) => others.every((other) => other.labels[key] === value)),
  );
}
