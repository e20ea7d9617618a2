import type { Timer } from '../../lib/clock.ts';
import type { ObjectFolder } from '../publish.ts';
import type { DesiredWorkload } from '../resources/desired.ts';
import { RunningPod, type StopOrder } from './pod.ts';
import { podObject } from './pod-object.ts';
import type { PodWorld } from './pod-world.ts';
import { nextStep } from './rollout.ts';

// The controllers of Deployments and Pods: makes the pods that run those that are wanted, and publishes them.

/** A pod that is taken away while others go on serves for so long after everyone was told. */
const DRAIN_MS = 1_000;
/** No pod may take longer than this to end. */
const MAX_GRACE_MS = 60_000;

export class Workloads {
  readonly #world: PodWorld;
  readonly #objects: ObjectFolder;
  readonly #onChange: () => void;
  readonly #pods = new Map<string, RunningPod>();
  readonly #wasReady = new Set<RunningPod>();
  #wanted: readonly DesiredWorkload[] = [];
  #closed = false;
  #pending: Timer | undefined;

  /** `onChange` hears of every change of any pod. */
  constructor(world: PodWorld, objects: ObjectFolder, onChange: () => void) {
    this.#world = world;
    this.#objects = objects;
    this.#onChange = onChange;
  }

  get pods(): readonly RunningPod[] {
    return [...this.#pods.values()];
  }

  /** Whether all that is wanted runs and is ready, and nothing else. */
  get settled(): boolean {
    const wanted = this.#wanted.reduce((sum, workload) => sum + workload.replicas, 0);
    return this.#pods.size === wanted && this.pods.every((pod) => pod.ready);
  }

  /** From now on these are wanted. */
  setWanted(workloads: readonly DesiredWorkload[]): void {
    this.#wanted = workloads;
    this.#reconcile();
  }

  /** Ends all pods at once. */
  async stop(maxGraceMs: number): Promise<void> {
    this.#closed = true;
    this.#pending?.cancel();
    await Promise.all(this.pods.map((pod) => this.#stop(pod, { drainMs: 0, maxGraceMs })));
  }

  #reconcile(): void {
    if (this.#closed) return;
    const byWorkload = Map.groupBy(this.pods, (pod) => keyOf(pod.workload));
    for (const workload of this.#wanted) {
      this.#step(workload, byWorkload.get(keyOf(workload)) ?? []);
      byWorkload.delete(keyOf(workload));
    }
    for (const pod of [...byWorkload.values()].flat()) if (!pod.stopping) void this.#stop(pod, DRAIN);
  }

  #step(workload: DesiredWorkload, pods: readonly RunningPod[]): void {
    const seen = pods.map((pod) => ({
      name: pod.name,
      hash: pod.workload.hash,
      ready: pod.ready,
      stopping: pod.stopping,
    }));
    const { start, stop } = nextStep(workload, seen, (ordinal) => podName(workload, ordinal));
    for (const pod of pods) if (stop.includes(pod.name)) void this.#stop(pod, DRAIN);
    for (const name of start) this.#start(workload, name);
  }

  #start(workload: DesiredWorkload, name: string): void {
    const pod = new RunningPod(workload, name, this.#world, (changed) => this.#changed(changed));
    this.#pods.set(`${workload.namespace}/${name}`, pod);
    this.#changed(pod);
    pod.start();
  }

  async #stop(pod: RunningPod, order: StopOrder): Promise<void> {
    await pod.stop(order);
    const { namespace } = pod.workload;
    this.#pods.delete(`${namespace}/${pod.name}`);
    this.#wasReady.delete(pod);
    this.#objects.remove('Pod', namespace, pod.name);
    this.#onChange();
    this.#reconcileSoon();
  }

  #changed(pod: RunningPod): void {
    this.#objects.put('Pod', pod.workload.namespace, pod.name, podObject(pod.view));
    this.#tell(pod);
    this.#onChange();
    this.#reconcileSoon();
  }

  // Not within the change itself, which may come from the middle of a step.
  #reconcileSoon(): void {
    if (this.#closed) return;
    this.#pending ??= this.#world.clock.setTimeout(() => {
      this.#pending = undefined;
      this.#reconcile();
    }, 0);
  }

  #tell(pod: RunningPod): void {
    const ready = pod.ready;
    if (ready === this.#wasReady.has(pod)) return;
    if (ready) this.#wasReady.add(pod);
    else this.#wasReady.delete(pod);
    const who = `${pod.workload.namespace}/${pod.name}`;
    const text = ready
      ? `${who} is ready (${pod.place?.address})`
      : `${who} is ${pod.stopping ? 'going' : 'not ready any more'}`;
    this.#world.report({ event: 'step', text, data: { pod: who, ready } });
  }
}

const DRAIN: StopOrder = { drainMs: DRAIN_MS, maxGraceMs: MAX_GRACE_MS };

function keyOf(workload: {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}): string {
  return `${workload.kind}/${workload.namespace}/${workload.name}`;
}

/** Pods of Deployments are numbered; a lone Pod has its own name, but while it is being replaced. */
function podName(workload: DesiredWorkload, ordinal: number): string {
  return workload.kind === 'Pod' && ordinal === 0 ? workload.name : `${workload.name}-${ordinal}`;
}
