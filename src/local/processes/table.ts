import type { Clock, Timer } from '../../lib/clock.ts';
import { writeWhole } from '../publish.ts';
import { LOG_CHECK_MS } from './log-file.ts';
import type { Reaper } from './reaper.ts';
import { type ProcessOrder, type ProcessStatus, SupervisedProcess } from './supervise.ts';
import { type Usage, usageOf } from './usage.ts';

/** Changes within this are written together. */
const WRITE_DELAY_MS = 20;

/** A pod as `weft status` shows it. */
export interface PodStatus {
  readonly namespace: string;
  readonly name: string;
  readonly workload: string;
  readonly address: string | undefined;
  readonly ready: boolean;
  readonly stopping: boolean;
  readonly proxy: 'weft' | 'envoy' | 'none';
  readonly kind: 'sidecar' | 'gateway' | 'none';
}

/** What is wrong with files of the user's folder. */
export interface ProblemStatus {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** The content of status.json and of the answer to `{"get":"status"}`. */
export interface PlatformStatus {
  readonly way: string;
  readonly startedMs: number;
  readonly processes: readonly ProcessStatus[];
  readonly pods: readonly PodStatus[];
  readonly problems: readonly ProblemStatus[];
}

/** A process with what it has used; `usage` is undefined while it does not run and where it cannot be told. */
export type ProcessWithUsage = ProcessStatus & { readonly usage: Usage | undefined };

/** All processes of a run, and the one place that tells of them. Also turns their logs over. */
export class ProcessTable {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #head: { readonly way: string; readonly startedMs: number };
  readonly #reaper: Reaper | undefined;
  readonly #processes = new Map<string, SupervisedProcess>();
  #pods: readonly PodStatus[] = [];
  #problems: readonly ProblemStatus[] = [];
  #writing: Timer | undefined;
  #rotating: Timer;

  constructor(file: string, way: string, clock: Clock, reaper?: Reaper) {
    this.#reaper = reaper;
    this.#file = file;
    this.#clock = clock;
    this.#head = { way, startedMs: clock.nowMs() };
    this.#rotating = this.#rotateLater();
  }

  /** Adds a process and starts it. `onChange` hears of every change of its state. */
  run(order: ProcessOrder, onChange: (process: SupervisedProcess) => void): SupervisedProcess {
    const supervised = new SupervisedProcess(order, this.#clock, (changed) => {
      this.#reaper?.tell(order.name, changed.status.pid);
      this.#changed();
      onChange(changed);
    });
    this.#processes.set(order.name, supervised);
    supervised.start();
    return supervised;
  }

  /** Stops a process and forgets it. */
  async remove(supervised: SupervisedProcess, graceMs?: number): Promise<void> {
    await supervised.stop(graceMs);
    supervised.order.log.close();
    if (this.#processes.get(supervised.order.name) === supervised)
      this.#processes.delete(supervised.order.name);
    this.#changed();
  }

  setPods(pods: readonly PodStatus[]): void {
    this.#pods = pods;
    this.#changed();
  }

  setProblems(problems: readonly ProblemStatus[]): void {
    this.#problems = problems;
    this.#changed();
  }

  get status(): PlatformStatus {
    const processes = [...this.#processes.values()].map((supervised) => supervised.status);
    return { ...this.#head, processes, pods: this.#pods, problems: this.#problems };
  }

  /** The status with each process's CPU and memory as of now, and `self`: the platform's own process. */
  statusWithUsage(): Omit<PlatformStatus, 'processes'> & {
    readonly processes: readonly ProcessWithUsage[];
    readonly self: Usage | undefined;
  } {
    const { status } = this;
    const processes = status.processes.map((row) => ({
      ...row,
      usage: row.pid === undefined ? undefined : usageOf(row.pid),
    }));
    return { ...status, processes, self: usageOf(process.pid) };
  }

  close(): void {
    this.#reaper?.close();
    this.#writing?.cancel();
    this.#rotating.cancel();
  }

  #changed(): void {
    this.#writing ??= this.#clock.setTimeout(() => {
      this.#writing = undefined;
      writeWhole(this.#file, `${JSON.stringify(this.status, undefined, 1)}\n`);
    }, WRITE_DELAY_MS);
  }

  #rotateLater(): Timer {
    return this.#clock.setTimeout(() => {
      for (const supervised of this.#processes.values()) supervised.order.log.rotate();
      this.#rotating = this.#rotateLater();
    }, LOG_CHECK_MS);
  }
}
