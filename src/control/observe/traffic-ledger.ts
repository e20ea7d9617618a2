import type { CountedUnit, ProxyCounts } from './proxy-counts.ts';

// Who called which workload without TLS of the mesh, added up over its Pods and over restarts of their proxies. Counters
// of proxies only go up: what was read before is taken off. Times are of the reading: a call came at most one reading
// earlier. All in memory: after a restart of the control plane the counters of the proxies that run are there still.

/** Proxies whose last reading is kept; of more nothing is known. */
const MAX_PODS = 10_000;
/** Workloads that are kept; of more nothing is known. */
const MAX_WORKLOADS = 10_000;
/** Callers that are kept of one workload, each by port; further ones are only known to be there. */
export const MAX_CALLERS_PER_WORKLOAD = 500;

/** A Pod that was read. */
export interface ReadPod {
  readonly namespace: string;
  readonly name: string;
  /** What it belongs to: the Deployment. */
  readonly workload: string;
}

/** Who an address belonged to when it called. */
export interface Peer {
  readonly address: string;
  /** '' where nobody knows. */
  readonly namespace: string;
  readonly workload: string;
  readonly hasProxy: boolean;
}

/** One caller at one port. */
export interface CallerRecord extends Peer {
  readonly port: number;
  readonly unit: CountedUnit;
  count: number;
  readonly firstSeenMs: number;
  lastSeenMs: number;
  /** The same of calls of Pods that have a proxy and went around it; 0: none. */
  lastSeenWithProxyMs: number;
}

/** One port of a workload. */
export interface PortRecord {
  readonly port: number;
  readonly unit: CountedUnit;
  /** With TLS of the mesh. */
  mutual: number;
  lastMutualMs: number;
  plain: number;
  lastPlainMs: number;
}

/** One workload. */
export interface WorkloadTraffic {
  /** From when on it was observed: all of it, but for what came between the last reading of a proxy and its end. */
  readonly sinceMs: number;
  readonly callers: ReadonlyMap<string, CallerRecord>;
  readonly ports: ReadonlyMap<string, PortRecord>;
  /** There were more callers than are kept, last at this time; 0: never. */
  excessAtMs: number;
}

interface PodReading {
  readonly pod: ReadPod;
  startedAtMs: number;
  readAtMs: number;
  openPlain: ReadonlyMap<number, number>;
  counts: ReadonlyMap<string, number>;
}

interface MutableTraffic extends WorkloadTraffic {
  /** When it was first read. */
  readonly openedAtMs: number;
  sinceMs: number;
  readonly callers: Map<string, CallerRecord>;
  readonly ports: Map<string, PortRecord>;
}

/** How much earlier than the clock says a proxy may have started: its uptime is in whole seconds. */
const UPTIME_SLACK_MS = 2_500;

/** Everything that was read. */
export class TrafficLedger {
  readonly #pods = new Map<string, PodReading>();
  readonly #workloads = new Map<string, MutableTraffic>();

  /** A proxy was read. */
  note(pod: ReadPod, counts: ProxyCounts, whoIs: (address: string) => Peer, nowMs: number): void {
    const key = `${pod.namespace}/${pod.name}`;
    const startedAtMs = nowMs - counts.uptimeMs;
    let reading = this.#pods.get(key);
    if (reading === undefined && this.#pods.size >= MAX_PODS) return;
    const hasRestarted = reading !== undefined && startedAtMs > reading.startedAtMs + UPTIME_SLACK_MS;
    const traffic = this.#traffic(pod, startedAtMs, nowMs);
    if (reading === undefined || hasRestarted) {
      reading = { pod, startedAtMs, readAtMs: nowMs, openPlain: new Map(), counts: new Map() };
      this.#pods.set(key, reading);
    }
    const growth = growthSince(reading.counts);
    const plain = new Map<string, number>();
    for (const caller of counts.callers) {
      const more = growth(`plain ${caller.unit} ${caller.port} ${caller.peer}`, caller.count);
      if (more === 0) continue;
      const port = `${caller.unit} ${caller.port}`;
      plain.set(port, (plain.get(port) ?? 0) + more);
      addCaller(traffic, caller, whoIs(caller.peer), more, nowMs);
    }
    addPorts(traffic, counts, growth, plain, nowMs);
    if (counts.isFull) traffic.excessAtMs = nowMs;
    reading.readAtMs = nowMs;
    reading.counts = growth.seen;
    reading.openPlain = new Map(counts.ports.map(({ port, openPlain }) => [port, openPlain]));
  }

  /** Pods that are gone are forgotten; what they saw is not. */
  keep(isThere: (pod: ReadPod) => boolean): void {
    for (const [key, { pod }] of this.#pods) if (!isThere(pod)) this.#pods.delete(key);
  }

  of(namespace: string, workload: string): WorkloadTraffic | undefined {
    return this.#workloads.get(`${namespace}/${workload}`);
  }

  /** When a Pod's proxy was last read, and its open connections without TLS by port; undefined: never. */
  reading(
    namespace: string,
    pod: string,
  ): { readonly readAtMs: number; readonly openPlain: ReadonlyMap<number, number> } | undefined {
    return this.#pods.get(`${namespace}/${pod}`);
  }

  #traffic({ namespace, workload }: ReadPod, startedAtMs: number, nowMs: number): MutableTraffic {
    const key = `${namespace}/${workload}`;
    const known = this.#workloads.get(key);
    if (known !== undefined) {
      // Those that ended before the first reading of any are unknown: only since the youngest of then is it whole.
      if (startedAtMs <= known.openedAtMs) known.sinceMs = Math.max(known.sinceMs, startedAtMs);
      return known;
    }
    const made = {
      openedAtMs: nowMs,
      sinceMs: startedAtMs,
      callers: new Map(),
      ports: new Map(),
      excessAtMs: 0,
    };
    if (this.#workloads.size < MAX_WORKLOADS) this.#workloads.set(key, made);
    return made;
  }
}

/** How much counters have grown; `seen` is for the next time. One that is smaller than before began anew. */
function growthSince(before: ReadonlyMap<string, number>) {
  const seen = new Map<string, number>();
  return Object.assign(
    (key: string, count: number): number => {
      seen.set(key, count);
      const last = before.get(key) ?? 0;
      return count < last ? count : count - last;
    },
    { seen },
  );
}

type Growth = ReturnType<typeof growthSince>;

function addCaller(
  traffic: MutableTraffic,
  { port, unit }: ProxyCounts['callers'][number],
  peer: Peer,
  more: number,
  nowMs: number,
): void {
  const who = peer.workload === '' ? peer.address : `${peer.namespace}/${peer.workload}`;
  const key = `${unit} ${port} ${who}`;
  const known = traffic.callers.get(key);
  const lastSeenWithProxyMs = peer.hasProxy ? nowMs : (known?.lastSeenWithProxyMs ?? 0);
  if (known !== undefined)
    Object.assign(known, { count: known.count + more, lastSeenMs: nowMs, lastSeenWithProxyMs });
  else if (traffic.callers.size >= MAX_CALLERS_PER_WORKLOAD) traffic.excessAtMs = nowMs;
  else {
    const times = { firstSeenMs: nowMs, lastSeenMs: nowMs, lastSeenWithProxyMs };
    traffic.callers.set(key, { ...peer, port, unit, count: more, ...times });
  }
}

/** What came with TLS is everything less what came without. */
function addPorts(
  traffic: MutableTraffic,
  { ports }: ProxyCounts,
  growth: Growth,
  plain: ReadonlyMap<string, number>,
  nowMs: number,
): void {
  const named = new Set(ports.map(({ unit, port }) => `${unit} ${port}`));
  for (const { port, unit, count } of ports) {
    const total = growth(`all ${unit} ${port}`, count);
    // Ports that no service names are one to the proxy's own statistics.
    const without = port !== 0 ? (plain.get(`${unit} ${port}`) ?? 0) : sumBesides(plain, unit, named);
    const record = portRecord(traffic, port, unit);
    const mutual = Math.max(0, total - without);
    record.mutual += mutual;
    record.plain += without;
    if (mutual > 0) record.lastMutualMs = nowMs;
    if (without > 0) record.lastPlainMs = nowMs;
  }
}

function portRecord(traffic: MutableTraffic, port: number, unit: CountedUnit): PortRecord {
  const key = `${unit} ${port}`;
  const known = traffic.ports.get(key);
  if (known !== undefined) return known;
  const made: PortRecord = { port, unit, mutual: 0, lastMutualMs: 0, plain: 0, lastPlainMs: 0 };
  traffic.ports.set(key, made);
  return made;
}

function sumBesides(
  plain: ReadonlyMap<string, number>,
  unit: CountedUnit,
  named: ReadonlySet<string>,
): number {
  let sum = 0;
  for (const [key, count] of plain) if (key.startsWith(unit) && !named.has(key)) sum += count;
  return sum;
}
