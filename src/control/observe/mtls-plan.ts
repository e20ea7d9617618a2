import type { PeerModes } from '../../mesh/policy.ts';
import { modeOfPort } from '../../mesh/policy.ts';
import type { MtlsCaller, MtlsPortPlan, MtlsVerdict, MtlsWorkloadPlan } from '../../server/contract.ts';
import type { CallerRecord, TrafficLedger, WorkloadTraffic } from './traffic-ledger.ts';

/** A workload as the plan needs it. */
export interface PlannedWorkload {
  readonly namespace: string;
  readonly workload: string;
  /** Those with a proxy. */
  readonly pods: readonly string[];
  readonly modes: PeerModes;
  /** Its own ports that services call. */
  readonly ports: readonly number[];
}

/** What the plan is made from. */
export interface PlanFacts {
  readonly ledger: TrafficLedger;
  /** Of the Pods of a caller that run now: do all of them have a proxy? Undefined: none runs. */
  readonly haveProxies: (namespace: string, workload: string) => boolean | undefined;
  readonly nowMs: number;
  readonly lookBackMs: number;
  readonly atLeastMs: number;
}

/** A proxy that was not read for so long counts as unread. */
const READING_GOOD_FOR_MS = 90_000;

/** What STRICT would do to one workload. */
export function planWorkload(subject: PlannedWorkload, facts: PlanFacts): MtlsWorkloadPlan {
  const { namespace, workload, modes } = subject;
  const traffic = facts.ledger.of(namespace, workload);
  const ports = portsOf(subject, traffic)
    .map((port) => planPort(port, subject, traffic, facts))
    // Of ports that no service names there is nothing to say while nobody calls one.
    .filter(({ port, verdict }) => port !== 0 || verdict !== 'quiet');
  const isStrict = modes.mode === 'strict' && ports.every(({ mode }) => mode === 'strict');
  const doubts = isStrict ? [] : doubtsAbout(subject, traffic, ports, facts);
  const breaks = breaksOf(ports);
  return {
    workload,
    noProxy: false,
    verdict: isStrict ? 'strict' : breaks.length > 0 ? 'breaks' : doubts.length > 0 ? 'unknown' : 'safe',
    reasons: isStrict ? [] : [...breaks, ...doubts],
    ...(traffic === undefined ? {} : { observedSinceMs: traffic.sinceMs }),
    ports,
  };
}

/** The verdict on several workloads: the worst that any of them has. */
export function worstOf(verdicts: readonly MtlsVerdict[]): MtlsVerdict {
  const order: readonly MtlsVerdict[] = ['breaks', 'unknown', 'safe', 'strict'];
  return order.find((verdict) => verdicts.includes(verdict)) ?? 'unknown';
}

function portsOf({ ports, modes }: PlannedWorkload, traffic: WorkloadTraffic | undefined): number[] {
  const seen = [...(traffic?.ports.values() ?? []), ...(traffic?.callers.values() ?? [])];
  const all = [...ports, ...modes.ports.keys(), ...seen.map(({ port }) => port)];
  return [...new Set(all)].sort((a, b) => a - b);
}

function planPort(
  port: number,
  { namespace, pods, modes }: PlannedWorkload,
  traffic: WorkloadTraffic | undefined,
  facts: PlanFacts,
): MtlsPortPlan {
  const mode = modeOfPort(modes, port);
  const fromMs = facts.nowMs - facts.lookBackMs;
  const records = [...(traffic?.ports.values() ?? [])].filter((one) => one.port === port);
  const callers = [...(traffic?.callers.values() ?? [])]
    .filter((caller) => caller.port === port)
    .map((caller) => judged(caller, fromMs, facts))
    .sort((a, b) => Number(b.breaks) - Number(a.breaks) || b.lastSeenMs - a.lastSeenMs);
  const lastMutualMs = Math.max(0, ...records.map((one) => one.lastMutualMs));
  const isOpen = pods.some((pod) => (facts.ledger.reading(namespace, pod)?.openPlain.get(port) ?? 0) > 0);
  const listed = callers.some(({ breaks }) => breaks);
  const verdict = (): MtlsPortPlan['verdict'] => {
    if (mode === 'strict') return 'strict';
    if (listed) return 'breaks';
    if (mode === 'disable' || isOpen) return 'unknown';
    return lastMutualMs >= fromMs && lastMutualMs > 0 ? 'safe' : 'quiet';
  };
  return {
    port,
    mode,
    verdict: verdict(),
    mutual: sum(records.map((one) => one.mutual)),
    plaintext: sum(callers.map(({ count }) => count)),
    ...(lastMutualMs > 0 ? { lastMutualMs } : {}),
    callers,
  };
}

function judged(caller: CallerRecord, fromMs: number, { haveProxies }: PlanFacts): MtlsCaller {
  const { namespace, workload, address, unit, count, firstSeenMs, lastSeenMs } = caller;
  const facts = { namespace, workload, address, unit, count, firstSeenMs, lastSeenMs };
  if (lastSeenMs < fromMs)
    return { ...facts, breaks: false, note: 'not seen for longer than is looked back' };
  if (workload === '') return { ...facts, breaks: true, note: 'nobody in the mesh has this address' };
  if (caller.lastSeenWithProxyMs >= fromMs && caller.lastSeenWithProxyMs > 0)
    return {
      ...facts,
      breaks: true,
      note: 'has a proxy and does not use TLS of the mesh: a DestinationRule says so, or its call went around the proxy',
    };
  const joined = haveProxies(namespace, workload);
  if (joined === true) return { ...facts, breaks: false, note: 'has joined the mesh since' };
  return { ...facts, breaks: true, note: joined === undefined ? 'does not run now' : 'has no proxy' };
}

function breaksOf(ports: readonly MtlsPortPlan[]): string[] {
  return ports
    .filter(({ verdict }) => verdict === 'breaks')
    .map(({ port, callers }) => {
      const who = callers.filter(({ breaks }) => breaks).map(callerName);
      return `STRICT would refuse ${who.join(', ')} at ${portName(port)}`;
    });
}

/** Reasons to promise nothing. */
function doubtsAbout(
  { namespace, pods }: PlannedWorkload,
  traffic: WorkloadTraffic | undefined,
  ports: readonly MtlsPortPlan[],
  { ledger, nowMs, lookBackMs, atLeastMs }: PlanFacts,
): string[] {
  const unread = pods.filter(
    (pod) => (ledger.reading(namespace, pod)?.readAtMs ?? 0) < nowMs - READING_GOOD_FOR_MS,
  );
  const doubts = ports.flatMap(({ port, mode, verdict }) => {
    if (mode === 'disable')
      return [
        `${portName(port)} takes plain text only (DISABLE), so that callers of the mesh use it too: make it PERMISSIVE first, and look again`,
      ];
    return verdict === 'unknown'
      ? [`somebody has an open connection without TLS to ${portName(port)} and has not been answered yet`]
      : [];
  });
  if (unread.length > 0)
    doubts.push(
      `${unread.length} of ${pods.length} proxies could not be asked: ${unread.slice(0, 5).join(', ')}`,
    );
  if (traffic === undefined) return doubts;
  if (traffic.excessAtMs >= nowMs - lookBackMs && traffic.excessAtMs > 0)
    doubts.push('there are more callers without TLS than are counted');
  const observedMs = nowMs - traffic.sinceMs;
  if (observedMs < atLeastMs)
    doubts.push(`observed for ${seconds(observedMs)} only, ${seconds(atLeastMs)} are wanted`);
  if (ports.every(({ verdict }) => verdict === 'quiet' || verdict === 'strict'))
    doubts.push('no traffic seen');
  return doubts;
}

/** `default/web`, or an address. */
export function callerName({ namespace, workload, address }: MtlsCaller): string {
  return workload === '' ? address : `${namespace}/${workload}`;
}

function portName(port: number): string {
  return port === 0 ? 'ports that no Service names' : `port ${port}`;
}

function seconds(ms: number): string {
  return `${Math.max(0, Math.floor(ms / 1000))} s`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
