import { join } from 'node:path';
import { freePort } from '../../src/testing/free-port.ts';
import type { Target } from './client.ts';
import type { CertificateFiles } from './hop.ts';
import type { Peer } from './peers.ts';
import { type CpuTime, cpuTime, residentBytes } from './process-usage.ts';
import { type StartedProcess, type StartTimes, startListening } from './proxy-process.ts';
import type { Scenario } from './scenario.ts';

/** A peer that runs a scenario: one process, or two sidecars in a row, of which the sums count. */
export interface Contestant {
  readonly name: string;
  readonly target: Target;
  cpu(): CpuTime;
  residentBytes(): number;
  /** Starts one more process like the first, for measuring the start. */
  startAnother(): Promise<StartedProcess & StartTimes>;
  /** What a process of it wrote that has ended by itself. */
  epitaph(): string | undefined;
  stop(): Promise<void>;
}

/** Where a contestant works. */
export interface Place {
  readonly folder: string;
  readonly files: CertificateFiles;
  readonly upstreamPort: number;
}

/** Starts the processes of a peer, the one next to the upstream first. @throws StartRefused */
export async function startContestant(peer: Peer, scenario: Scenario, place: Place): Promise<Contestant> {
  const processes: StartedProcess[] = [];
  let port = place.upstreamPort;
  const startHop = async (part: Scenario['hops'][number], i: number, upstreamPort: number) => {
    const listenPort = await freePort();
    const reporting = part.traces ? { collectorPort: place.upstreamPort } : {}; // it answers whatever it is sent
    const hop = { protocol: scenario.protocol, ...part, ...reporting, listenPort, upstreamPort };
    const folder = join(place.folder, `${scenario.name}-${peer.name}-${i}`);
    const started = await startListening(peer.command(hop, place.files, folder), listenPort);
    return { started, listenPort };
  };
  try {
    for (const [i, part] of scenario.hops.entries()) {
      const { started, listenPort } = await startHop(part, i, port);
      processes.push(started);
      port = listenPort;
    }
  } catch (error) {
    await Promise.all(processes.map((one) => one.stop()));
    throw error;
  }
  const sum = (of: (pid: number) => number): number =>
    processes.reduce((total, { pid }) => total + of(pid), 0);
  return {
    name: peer.name,
    target: {
      port,
      protocol: scenario.protocol,
      tls: scenario.hops.at(-1)?.downstreamTls ?? 'none',
      requestBytes: scenario.requestBytes,
      files: place.files,
    },
    cpu: () => ({ total: sum((pid) => cpuTime(pid).total), kernel: sum((pid) => cpuTime(pid).kernel) }),
    residentBytes: () => sum(residentBytes),
    async startAnother() {
      const { started } = await startHop(scenario.hops[0]!, scenario.hops.length, place.upstreamPort);
      return started;
    },
    epitaph: () => processes.map((one) => one.epitaph()).find((text) => text !== undefined),
    stop: async () => void (await Promise.all(processes.map((one) => one.stop()))),
  };
}
