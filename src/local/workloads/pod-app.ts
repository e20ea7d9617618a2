import type { Place } from '../network/pod-networks.ts';
import { isExitToTell, type SupervisedProcess } from '../processes/supervise.ts';
import type { DesiredWorkload } from '../resources/desired.ts';
import { baseEnvironment, containerEnvironment, type PodFacts } from '../resources/environment.ts';
import { AppHealth } from './app-health.ts';
import { exitSentence, openLog, type PodIdentity, type PodWorld } from './pod-world.ts';

// The application's half of a pod: its environment, its process, and what its probes say.

export class PodApp {
  readonly #workload: DesiredWorkload;
  readonly #pod: PodIdentity;
  readonly #place: Place;
  readonly #env: Readonly<Record<string, string>>;
  readonly #world: PodWorld;
  readonly #onReady: (ready: boolean) => void;
  #process: SupervisedProcess | undefined;
  #health: AppHealth | undefined;
  #ready = false;

  /** `onReady` hears of every change. */
  constructor(
    workload: DesiredWorkload,
    facts: PodFacts,
    place: Place,
    world: PodWorld,
    onReady: (ready: boolean) => void,
  ) {
    this.#workload = workload;
    this.#pod = { namespace: facts.namespace, name: facts.name };
    this.#place = place;
    this.#world = world;
    this.#onReady = onReady;
    const base = { ...baseEnvironment(world.env, facts.name), ...place.appEnv };
    const { env, problems } = containerEnvironment(workload.template.container?.env ?? [], facts, base);
    this.#env = env;
    const { file, line } = workload.origin;
    for (const problem of problems)
      world.report({
        event: 'problem',
        text: `${file}:${line}: ${workload.kind} ${workload.name}: ${problem}`,
      });
  }

  get ready(): boolean {
    return this.#ready;
  }

  start(command: readonly string[]): void {
    const { folder, template } = this.#workload;
    const order = {
      name: `${this.#pod.namespace}/${this.#pod.name} app`,
      kind: 'app',
      argv: this.#place.argv('app', command),
      env: this.#env,
      cwd: folder,
      log: openLog(this.#world, this.#pod, 'app'),
      graceMs: template.terminationGraceS * 1000,
    } as const;
    this.#process = this.#world.table.run(order, (process) => this.#changed(process));
  }

  async stop(maxGraceMs: number): Promise<void> {
    this.#health?.stop();
    const graceMs = Math.min(maxGraceMs, this.#workload.template.terminationGraceS * 1000);
    if (this.#process !== undefined) await this.#world.table.remove(this.#process, graceMs);
  }

  #changed(process: SupervisedProcess): void {
    this.#health?.stop();
    this.#setReady(false);
    const { state } = process.status;
    if (isExitToTell(process.status))
      this.#world.report({ event: 'problem', text: exitSentence('application', this.#pod, process) });
    if (state !== 'running') return;
    const { container } = this.#workload.template;
    const subject = { container, place: this.#place, env: this.#env, cwd: this.#workload.folder };
    this.#health = new AppHealth(subject, this.#world.clock, {
      onReady: (ready) => this.#setReady(ready),
      onUnhealthy: (detail) => this.#restart(process, detail),
    });
  }

  #restart(process: SupervisedProcess, why: string): void {
    this.#health?.stop();
    this.#setReady(false);
    const text = `The application of ${this.#pod.namespace}/${this.#pod.name} is restarted: ${why}`;
    this.#world.report({ event: 'problem', text });
    process.restart();
  }

  #setReady(ready: boolean): void {
    if (this.#ready === ready) return;
    this.#ready = ready;
    this.#onReady(ready);
  }
}
