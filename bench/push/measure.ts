import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { median } from '../peers/median.ts';
import { type CpuTime, cpuTime, peakResidentBytes, residentBytes } from '../peers/process-usage.ts';
import { type ControlProcess, startControl } from './control-process.ts';
import { Crowd } from './crowd.ts';
import { type BenchService, MeshFiles, type MeshSize } from './mesh-files.ts';

/** One combination. */
export interface Setting extends MeshSize {
  readonly proxies: number;
  readonly rounds: number;
  readonly profile: string | undefined;
}

/** The cost of one change: medians over the rounds. */
export interface ChangeCost {
  readonly kind: string;
  /** CPU of the control plane, from the change until all is quiet. */
  readonly cpuMs: number;
  /** The part of it in the kernel: mostly writes to sockets. */
  readonly kernelMs: number;
  /** From the change of the file to the last answer of a proxy. */
  readonly lastAckMs: number;
  /** Proxies that it concerns, and what they were sent. */
  readonly proxies: number;
  readonly bytes: number;
}

/** What one combination gave. */
export interface Measured {
  readonly services: number;
  readonly proxies: number;
  /** From the start of the process until it serves. */
  readonly loadCpuMs: number;
  /** From the first connection until all proxies have everything. */
  readonly coldCpuMs: number;
  readonly coldKernelMs: number;
  readonly coldMs: number;
  readonly coldBytes: number;
  readonly idleRssBytes: number;
  /** At rest, after all changes. */
  readonly rssBytes: number;
  /** The most that it ever was. */
  readonly peakRssBytes: number;
  readonly rssBytesPerProxy: number;
  readonly changes: readonly ChangeCost[];
}

/** So long without a response, and a change is taken to be delivered. */
const QUIET_MS = 400;
const COLD_QUIET_MS = 1500;
/** The control plane frees garbage when it has nothing to do (src/control/memory-at-rest.ts). */
const REST_MS = 12_000;
const CHANGE_LIMIT_MS = 30_000;
const COLD_LIMIT_MS = 240_000;

/** Starts everything anew, measures, and stops it. */
export async function measure(setting: Setting, progress: (text: string) => void): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'weft-push-'));
  const crowd = new Crowd();
  let control: ControlProcess | undefined;
  try {
    const mesh = new MeshFiles(folder, setting);
    control = await startControl(mesh, folder, setting.profile);
    return await run(setting, { mesh, crowd, control }, progress);
  } finally {
    await Promise.all([crowd.stop(), control?.stop()]);
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Bench {
  readonly mesh: MeshFiles;
  readonly crowd: Crowd;
  readonly control: ControlProcess;
}

async function run(setting: Setting, bench: Bench, progress: (text: string) => void): Promise<Measured> {
  const { mesh, crowd, control } = bench;
  const { proxies, services } = setting;
  const loadCpuMs = cpuTime(control.pid).total / 1000;
  await pause(COLD_QUIET_MS);
  const idleRssBytes = residentBytes(control.pid);
  const before = cpuTime(control.pid);
  const startNs = process.hrtime.bigint();
  const callers = callersOf(mesh, proxies);
  await crowd.open(control.port, callers);
  const cold = await crowd.everyone(proxies, true, COLD_QUIET_MS, COLD_LIMIT_MS);
  const { cpuMs: coldCpuMs, kernelMs: coldKernelMs } = spentSince(before, control);
  progress(`${services} services, ${proxies} proxies: cold ${coldCpuMs.toFixed(0)} ms of CPU`);
  const changes: ChangeCost[] = [];
  for (const change of changesOf(mesh, callers)) {
    changes.push(await costOf(change, setting.rounds, bench));
    progress(`  ${change[0]}: ${JSON.stringify(changes.at(-1))}`);
  }
  const peakRssBytes = peakResidentBytes(control.pid);
  await pause(REST_MS);
  const rssBytes = residentBytes(control.pid);
  return {
    services,
    proxies,
    loadCpuMs,
    coldCpuMs,
    coldKernelMs,
    coldMs: Number(BigInt(cold.lastAckNs) - startNs) / 1e6,
    coldBytes: cold.bytes,
    idleRssBytes,
    rssBytes,
    peakRssBytes,
    rssBytesPerProxy: (rssBytes - idleRssBytes) / proxies,
    changes,
  };
}

/** A kind of change, how many proxies it concerns, and how it is made in a round. */
type Change = readonly [kind: string, clients: number, make: (round: number) => void];

function changesOf(mesh: MeshFiles, callers: readonly BenchService[]): readonly Change[] {
  const all = callers.length;
  const ruled = mesh.ruled();
  const ofRound = (round: number): BenchService => ruled[round % ruled.length] as BenchService;
  /** An endpoint goes; once all have gone, they come back. */
  const isBack = (round: number): boolean => Math.floor(round / ruled.length) % 2 === 1;
  const { namespace } = callers[0] as BenchService;
  const near = callers.filter((caller) => caller.namespace === namespace).length;
  const changes: readonly Change[] = [
    ['VirtualService', all, (round) => mesh.setWeight(ofRound(round), 51 + round)],
    ['endpoint', all, (round) => mesh.setReady(ofRound(round), 2, isBack(round))],
    ['DestinationRule', all, (round) => mesh.setMaxConnections(ofRound(round), 101 + round)],
  ];
  // Where there is but one namespace, its Sidecar takes nothing away.
  if (namespace === mesh.services.at(-1)?.namespace) return changes;
  return [
    ...changes,
    ['Sidecar (comes, goes)', near, (round) => mesh.setSidecar(namespace, round % 2 === 0)],
  ];
}

async function costOf(
  [kind, clients, make]: Change,
  rounds: number,
  { crowd, control }: Bench,
): Promise<ChangeCost> {
  const costs: ChangeCost[] = [];
  for (let round = 0; round < rounds; round++) {
    await crowd.mark();
    const before = cpuTime(control.pid);
    const startNs = process.hrtime.bigint();
    make(round);
    const { lastAckNs, bytes, ...had } = await crowd.everyone(clients, false, QUIET_MS, CHANGE_LIMIT_MS);
    const lastAckMs = Number(BigInt(lastAckNs) - startNs) / 1e6;
    costs.push({ kind, ...spentSince(before, control), lastAckMs, proxies: had.clients, bytes });
  }
  const middle = (of: (cost: ChangeCost) => number): number => median(costs.map(of));
  return {
    kind,
    cpuMs: middle((cost) => cost.cpuMs),
    kernelMs: middle((cost) => cost.kernelMs),
    lastAckMs: middle((cost) => cost.lastAckMs),
    proxies: middle((cost) => cost.proxies),
    bytes: middle((cost) => cost.bytes),
  };
}

/** Services spread over the mesh, each with one proxy. */
function callersOf(mesh: MeshFiles, proxies: number): readonly BenchService[] {
  const { services } = mesh;
  return Array.from({ length: proxies }, (_, i) => {
    return services[Math.floor((i * services.length) / proxies)] as BenchService;
  });
}

/** CPU of the control plane since then, all its threads. */
function spentSince(before: CpuTime, { pid }: ControlProcess): Pick<ChangeCost, 'cpuMs' | 'kernelMs'> {
  const now = cpuTime(pid);
  return { cpuMs: (now.total - before.total) / 1000, kernelMs: (now.kernel - before.kernel) / 1000 };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
