import type { Clock, Timer } from '../../lib/clock.ts';
import { writeWhole } from '../publish.ts';
import type { Reaper } from './reaper.ts';
import { type ProcessOrder, type ProcessStatus, SupervisedProcess } from './supervise.ts';
import { usageOf } from './usage.ts';

/** Changes within this are written together. */
const WRITE_DELAY_MS = 20;
/** How often usage is measured and written, and logs are looked at. */
const LOOK_MS = 2_000;

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

/** A row with what the process used since its start; absent while it does not run and where that cannot be told. */
export interface ProcessRow extends ProcessStatus {
  readonly cpuSeconds?: number;
  readonly rssBytes?: number;
}

/** The content of status.json, and the answer to `{"get":"status"}`. */
export interface PlatformStatus {
  readonly way: string;
  readonly startedMs: number;
  /** When it was written; wall time in milliseconds, as `startedMs`. */
  readonly atMs: number;
  readonly processes: readonly ProcessRow[];
  readonly pods: readonly PodStatus[];
  readonly problems: readonly ProblemStatus[];
}

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
  #looking: Timer;

  constructor(file: string, way: string, clock: Clock, reaper?: Reaper) {
    this.#reaper = reaper;
    this.#file = file;
    this.#clock = clock;
    this.#head = { way, startedMs: clock.nowMs() };
    this.#looking = this.#lookLater();
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

  /** As of now. */
  status(): PlatformStatus {
    const processes = [...this.#processes.values()].map(({ status }) => ({
      ...status,
      ...(status.pid === undefined ? {} : usageOf(status.pid)),
    }));
    const atMs = this.#clock.nowMs();
    return { ...this.#head, atMs, processes, pods: this.#pods, problems: this.#problems };
  }

  close(): void {
    this.#reaper?.close();
    this.#writing?.cancel();
    this.#looking.cancel();
  }

  #changed(): void {
    this.#writing ??= this.#clock.setTimeout(() => {
      this.#writing = undefined;
      this.#write();
    }, WRITE_DELAY_MS);
  }

  #write(): void {
    writeWhole(this.#file, `${JSON.stringify(this.status(), undefined, 1)}\n`);
  }

  #lookLater(): Timer {
    return this.#clock.setTimeout(() => {
      for (const supervised of this.#processes.values()) supervised.order.log.rotate();
      this.#write();
      this.#looking = this.#lookLater();
    }, LOOK_MS);
  }
}
