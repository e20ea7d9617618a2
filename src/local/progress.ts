import type { Clock, Timer } from '../lib/clock.ts';
import type { Report } from './events.ts';
import type { Services } from './workloads/services.ts';
import type { Workloads } from './workloads/workloads.ts';

/** After so long it is said what is still not ready. */
const PATIENCE_MS = 15_000;

/** Tells once that all is up, or after a while what is not. */
export class Progress {
  readonly #workloads: () => Workloads;
  readonly #services: () => Pick<Services, 'settled'>;
  readonly #clock: Clock;
  readonly #report: Report;
  readonly #startedMs: number;
  #patience: Timer | undefined;
  #done = false;

  constructor(
    workloads: () => Workloads,
    services: () => Pick<Services, 'settled'>,
    clock: Clock,
    report: Report,
  ) {
    this.#workloads = workloads;
    this.#services = services;
    this.#clock = clock;
    this.#report = report;
    this.#startedMs = clock.monotonicMs();
    this.#patience = clock.setTimeout(() => this.#tellWaiting(), PATIENCE_MS);
  }

  look(): void {
    if (this.#done || !this.#workloads().settled || !this.#services().settled) return;
    this.#done = true;
    this.close();
    const seconds = Math.round((this.#clock.monotonicMs() - this.#startedMs) / 100) / 10;
    const count = this.#workloads().pods.length;
    this.#report({
      event: 'ready',
      text: `All ${count} pods are ready after ${seconds} s`,
      data: { pods: count, seconds },
    });
  }

  close(): void {
    this.#patience?.cancel();
  }

  #tellWaiting(): void {
    const waiting = this.#workloads().pods.filter((pod) => !pod.ready);
    const names = waiting.map((pod) => `${pod.workload.namespace}/${pod.name}`).join(', ');
    this.#report({ event: 'step', text: `Still waiting for ${names || 'nothing'}` });
  }
}
