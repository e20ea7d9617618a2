import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from '../network/pod-networks.ts';
import type { PodStatus } from '../processes/table.ts';
import type { DesiredWorkload } from '../resources/desired.ts';
import { PodApp } from './pod-app.ts';
import { NODE_NAME, type PodView, podLabels, podUid } from './pod-object.ts';
import { PodProxy } from './pod-proxy.ts';
import type { PodWorld } from './pod-world.ts';

// One pod: its place, then its proxy, and the application when the proxy is ready to take its traffic. Ready when
// both are. Ends the other way round.

/** How a pod is to end. */
export interface StopOrder {
  /** Told to be gone, it goes on serving for so long, until everyone knows. */
  readonly drainMs: number;
  /** At most so long from SIGTERM to SIGKILL, whatever the pod asks for. */
  readonly maxGraceMs: number;
}

export class RunningPod {
  readonly workload: DesiredWorkload;
  readonly name: string;
  readonly #world: PodWorld;
  readonly #onChange: (pod: RunningPod) => void;
  readonly #createdMs: number;
  readonly #folder: string;
  readonly #uid: string;
  #place: Place | undefined;
  #proxy: PodProxy | undefined;
  #app: PodApp | undefined;
  #stoppingSinceMs: number | undefined;
  #begun: Promise<void> = Promise.resolve();

  /** `onChange` hears of every change of what {@link view} shows. */
  constructor(workload: DesiredWorkload, name: string, world: PodWorld, onChange: (pod: RunningPod) => void) {
    this.workload = workload;
    this.name = name;
    this.#world = world;
    this.#onChange = onChange;
    this.#createdMs = world.clock.nowMs();
    this.#folder = join(world.paths.pods, `${workload.namespace}.${name}`);
    this.#uid = podUid(world.runId, workload.namespace, name, this.#createdMs);
  }

  get ready(): boolean {
    const { proxy, command } = this.workload;
    return (
      !this.stopping &&
      (proxy === 'none' || this.#proxy?.ready === true) &&
      (command === undefined || this.#app?.ready === true)
    );
  }

  get stopping(): boolean {
    return this.#stoppingSinceMs !== undefined;
  }

  /** Where it runs; undefined at first. */
  get place(): Place | undefined {
    return this.#place;
  }

  get view(): PodView {
    return {
      workload: this.workload,
      name: this.name,
      uid: this.#uid,
      address: this.#place?.address,
      hostAddress: this.#world.hostAddress,
      createdMs: this.#createdMs,
      stoppingSinceMs: this.#stoppingSinceMs,
      started: this.#app !== undefined || (this.workload.command === undefined && this.#proxy !== undefined),
      ready: this.ready,
      annotations: this.#place?.annotations ?? {},
    };
  }

  get status(): PodStatus {
    const { namespace, name: workload, proxy: kind, dataPlane } = this.workload;
    const proxy = kind === 'none' ? 'none' : dataPlane;
    const { ready, stopping, name } = this;
    return { namespace, name, workload, address: this.#place?.address, ready, stopping, proxy, kind };
  }

  /** Makes the place and starts the processes. A failure is reported; the pod stays, not ready. */
  start(): void {
    this.#begun = this.#begin().catch((error: Error) => {
      const text = `Pod ${this.workload.namespace}/${this.name} cannot be started: ${error.message}`;
      this.#world.report({ event: 'problem', text });
    });
  }

  /** Ends everything of it; resolves when nothing is left. Never rejects. */
  async stop(order: StopOrder): Promise<void> {
    const { clock, networks } = this.#world;
    const served = this.ready;
    this.#stoppingSinceMs = clock.nowMs();
    this.#onChange(this);
    await this.#begun;
    if (served && order.drainMs > 0)
      await new Promise<void>((done) => void clock.setTimeout(done, order.drainMs));
    await this.#app?.stop(order.maxGraceMs);
    await this.#proxy?.stop(order.maxGraceMs);
    if (this.#place !== undefined) await networks.detach(this.#place);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #begin(): Promise<void> {
    const { workload, name } = this;
    mkdirSync(this.#folder, { recursive: true });
    const place = await this.#world.networks.attach({
      namespace: workload.namespace,
      name,
      folder: this.#folder,
      interception: workload.proxy === 'sidecar' ? workload.interception : undefined,
      ports: workload.template.container?.ports ?? [],
      proxy: workload.proxy,
      moreAddresses: workload.outside.addresses,
    });
    this.#place = place;
    this.#onChange(this);
    if (this.stopping) return;
    if (workload.proxy === 'none') this.#startApp(place);
    else await this.#startProxy(place, workload.proxy);
  }

  async #startProxy(place: Place, kind: 'sidecar' | 'gateway'): Promise<void> {
    const { workload } = this;
    const { template, namespace, dataPlane } = workload;
    const subject = {
      namespace,
      pod: this.name,
      uid: this.#uid,
      workload: workload.name,
      labels: podLabels(workload),
      annotations: template.annotations,
      serviceAccount: template.serviceAccount,
      kind,
      dataPlane,
      settings: workload.proxySettings,
      appPorts: (template.container?.ports ?? []).map((port) => port.number),
    };
    this.#proxy = new PodProxy(subject, place, this.#folder, this.#world, (ready) => {
      if (ready && this.#app === undefined && !this.stopping) this.#startApp(place);
      this.#onChange(this);
    });
    await this.#proxy.start();
  }

  #startApp(place: Place): void {
    const { command, template, namespace } = this.workload;
    if (command === undefined) return;
    const facts = {
      namespace,
      name: this.name,
      uid: this.#uid,
      address: place.address,
      hostAddress: this.#world.hostAddress,
      nodeName: NODE_NAME,
      serviceAccount: template.serviceAccount,
      labels: podLabels(this.workload),
      annotations: template.annotations,
    };
    this.#app = new PodApp(this.workload, facts, place, this.#world, () => this.#onChange(this));
    this.#app.start(command);
    this.#onChange(this);
  }
}
