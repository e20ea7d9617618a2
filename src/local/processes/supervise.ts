import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock, Timer } from '../../lib/clock.ts';
import { type Backoff, nextDelayMs, RESTART_BACKOFF } from './backoff.ts';
import type { LogFile } from './log-file.ts';

/** What a process is for. */
export type ProcessKind = 'control' | 'agent' | 'proxy' | 'app';

export interface ProcessOrder {
  /** Unique in the run, e.g. `default/reviews-v1-0 app`. */
  readonly name: string;
  readonly kind: ProcessKind;
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly log: LogFile;
  /** Milliseconds between SIGTERM and SIGKILL. */
  readonly graceMs: number;
}

export type ProcessState = 'running' | 'waiting' | 'stopping' | 'stopped';

/** One row of the status table. */
export interface ProcessStatus {
  readonly name: string;
  readonly kind: ProcessKind;
  readonly state: ProcessState;
  /** Undefined while it does not run. */
  readonly pid: number | undefined;
  readonly restarts: number;
  /** Wall time in milliseconds of the last change of state. */
  readonly sinceMs: number;
  /** How the last run ended: `code 1`, `SIGKILL`, or why it could not be started. */
  readonly lastExit: string | undefined;
}

/** Whether an exit is worth a line: the first, and of those that follow ever fewer (each power of two). */
export function isExitToTell({ state, restarts }: ProcessStatus): boolean {
  return state === 'waiting' && restarts > 0 && (restarts & (restarts - 1)) === 0;
}

/** Keeps one process running until it is stopped: starts it, and again with growing waits whenever it ends. */
export class SupervisedProcess {
  readonly order: ProcessOrder;
  readonly #clock: Clock;
  readonly #onChange: (process: SupervisedProcess) => void;
  readonly #backoff: Backoff;
  #status: ProcessStatus;
  #child: ChildProcess | undefined;
  #timer: Timer | undefined;
  #startedMs = 0;
  #delayMs: number | undefined;
  #ended: (() => void)[] = [];

  constructor(
    order: ProcessOrder,
    clock: Clock,
    onChange: (process: SupervisedProcess) => void,
    backoff: Backoff = RESTART_BACKOFF,
  ) {
    this.order = order;
    this.#clock = clock;
    this.#onChange = onChange;
    this.#backoff = backoff;
    const { name, kind } = order;
    this.#status = {
      name,
      kind,
      state: 'waiting',
      pid: undefined,
      restarts: 0,
      sinceMs: clock.nowMs(),
      lastExit: undefined,
    };
  }

  get status(): ProcessStatus {
    return this.#status;
  }

  /** Starts the process now. */
  start(): void {
    if (this.#child !== undefined || this.#isFinal()) return;
    this.#timer?.cancel();
    const [command = '', ...args] = this.order.argv;
    const { cwd, env, log } = this.order;
    // A group of its own, so that whatever it leaves behind can be found and removed.
    const child = spawn(command, args, {
      cwd,
      env,
      detached: true,
      stdio: ['ignore', log.descriptor, log.descriptor],
    });
    this.#child = child;
    this.#startedMs = this.#clock.monotonicMs();
    child.on('error', (error) => this.#onEnd(child, error.message));
    child.on('exit', (code, signal) => this.#onEnd(child, signal ?? `code ${code}`));
    if (child.pid !== undefined) this.#set({ state: 'running', pid: child.pid });
  }

  /** Ends the run for a reason of ours (a failed liveness probe); the process is started again after a wait. */
  restart(): void {
    if (this.#child === undefined || this.#isFinal()) return;
    this.#terminate(this.#child, this.order.graceMs);
  }

  /** Ends the process for good; resolves when it is gone. */
  async stop(graceMs = this.order.graceMs): Promise<void> {
    this.#timer?.cancel();
    if (this.#child === undefined) {
      if (this.#status.state !== 'stopped') this.#set({ state: 'stopped' });
      return;
    }
    const ended = new Promise<void>((resolve) => this.#ended.push(resolve));
    if (this.#status.state !== 'stopping') this.#set({ state: 'stopping' });
    this.#terminate(this.#child, graceMs);
    await ended;
  }

  #isFinal(): boolean {
    return this.#status.state === 'stopping' || this.#status.state === 'stopped';
  }

  #terminate(child: ChildProcess, graceMs: number): void {
    child.kill('SIGTERM');
    this.#timer?.cancel();
    this.#timer = this.#clock.setTimeout(() => killGroup(child), graceMs);
  }

  #onEnd(child: ChildProcess, how: string): void {
    if (this.#child !== child) return; // both 'error' and 'exit' may come
    this.#child = undefined;
    this.#timer?.cancel();
    killGroup(child);
    if (this.#isFinal()) {
      this.#set({ state: 'stopped', pid: undefined, lastExit: how });
      for (const resolve of this.#ended.splice(0)) resolve();
      return;
    }
    this.#delayMs = nextDelayMs(this.#backoff, this.#delayMs, this.#clock.monotonicMs() - this.#startedMs);
    this.#timer = this.#clock.setTimeout(() => this.start(), this.#delayMs);
    this.#set({ state: 'waiting', pid: undefined, restarts: this.#status.restarts + 1, lastExit: how });
  }

  #set(change: Partial<ProcessStatus>): void {
    this.#status = { ...this.#status, ...change, sinceMs: this.#clock.nowMs() };
    this.#onChange(this);
  }
}

/** Kills a process and all that it started and left in its group. */
function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // the group is gone
  }
}
