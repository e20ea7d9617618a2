import { readFileSync } from 'node:fs';
import type { Clock, Timer } from '../lib/clock.ts';
import { isJoinToken } from '../wire/identity/join-token.ts';
import { type KeptLeaf, keepLeaf, type Leaf } from '../wire/identity/keep-leaf.ts';
import { workloadSpiffeId } from '../wire/identity/spiffe.ts';
import type { WorkloadApi } from '../wire/identity/workload-api.ts';
import { openWorkloadSocket } from '../wire/identity/workload-socket.ts';
import { network } from '../wire/net.ts';
import type { MeshTrust } from '../xds/mesh-trust.ts';
import { typeUrls } from '../xds/resources.ts';
import type { Sendable } from '../xds/sendable.ts';
import { type CacheFile, cacheFile } from './cache-file.ts';
import { type ControlChannel, openChannel } from './control-channel.ts';
import { type EnvoyCall, type EnvoyPort, openEnvoyPort } from './envoy-port.ts';
import { EnvoyStream } from './envoy-stream.ts';
import type { Held } from './held.ts';
import { type LeafFile, leafFile } from './leaf-file.ts';
import { OWN_CERTIFICATE, type OwnSecrets, ownSecretsOf, TRUST_BUNDLE, trustOf } from './own-secrets.ts';
import { relayReports } from './relay-reports.ts';
import { type WorkloadConfig, workloadName } from './workload-config.ts';

/** What the agent has of the world. */
export interface AgentEnvironment {
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Takes one line without line end. */
  readonly log: (line: string) => void;
}

/** One Envoy that is served. */
export interface WorkloadAgent {
  readonly config: WorkloadConfig;
  /** Ends its streams. What it used stays on disk, unless the workload is gone for good. */
  close(isGone: boolean): Promise<void>;
}

/** Time that the CA has for an answer. */
const CERTIFICATE_TIMEOUT_MS = 10_000;
/** Changes that come within this time are written to disk together. */
const SAVE_DELAY_MS = 100;

/** Serves one Envoy. Rejects where the socket cannot be had. */
export async function serveWorkload(
  config: WorkloadConfig,
  environment: AgentEnvironment,
): Promise<WorkloadAgent> {
  const workload = workloadName(config);
  const log = (line: string): void => environment.log(`${workload}: ${line}`);
  const file = cacheFile(config.cacheDir, workload, log);
  const server = new WorkloadServer(config, { ...environment, log }, file, await file.load());
  await server.open();
  return server;
}

class WorkloadServer implements WorkloadAgent {
  readonly config: WorkloadConfig;
  readonly #environment: AgentEnvironment;
  readonly #file: CacheFile;
  readonly #held: Held;
  readonly #streams = new Set<EnvoyStream>();
  readonly #leafFile: LeafFile;
  #leaf: Leaf | undefined;
  #api: WorkloadApi | undefined;
  #kept: KeptLeaf | undefined;
  #secrets: OwnSecrets | undefined;
  /** The trust bundle as the control plane told it last. */
  #trust: ({ readonly version: string } & MeshTrust) | undefined;
  #saving: Timer | undefined;
  #port: EnvoyPort | undefined;
  #count = 0;

  constructor(config: WorkloadConfig, environment: AgentEnvironment, file: CacheFile, held: Held) {
    this.config = config;
    this.#environment = environment;
    this.#file = file;
    this.#held = held;
    this.#leafFile = leafFile(config.cacheDir, workloadName(config));
    this.#hearBundle(held.of(typeUrls.secret).get(TRUST_BUNDLE));
  }

  async open(): Promise<void> {
    const { socketPath, socketUid, workloadApi: path, workloadApiUid: uid } = this.config;
    if (path !== undefined)
      this.#api = await openWorkloadSocket({ path, uid, network, clock: this.#environment.clock });
    this.#port = await openEnvoyPort(
      socketPath,
      socketUid,
      (call) => this.#serve(call),
      (call) => relayReports(call, () => this.#channel(this.config.controlAddress)),
    );
    const held = this.#leafFile.load();
    this.#leaf = held;
    const { clock, random, log } = this.#environment;
    this.#kept = keepLeaf(
      {
        clock,
        random,
        spiffeId: workloadSpiffeId(this.config),
        ttlS: this.config.certificateTtlS,
        createCertificate: (request) =>
          this.#ask((channel) => channel.createCertificate(request, CERTIFICATE_TIMEOUT_MS)),
        leafInUse: (request) => this.#ask((channel) => channel.leafInUse(request, CERTIFICATE_TIMEOUT_MS)),
        onLeaf: (leaf) => this.#use(leaf),
        log: (_level, line) => log(line),
      },
      held,
    );
    if (this.#trust !== undefined) this.#kept.rootsChanged(this.#trust.rootsPem);
  }

  async close(isGone: boolean): Promise<void> {
    this.#kept?.stop();
    for (const stream of this.#streams) stream.end();
    this.#port?.close();
    await this.#api?.close();
    this.#saving?.cancel();
    if (isGone) await this.#leafFile.remove();
    await (isGone ? this.#file.remove() : this.#file.save(this.#held));
  }

  #serve(call: EnvoyCall): void {
    this.#count += 1;
    const { config } = this;
    const stream: EnvoyStream = new EnvoyStream({
      ...this.#environment,
      id: `${process.pid.toString(36)}.${this.#count.toString(36)}`,
      call,
      workload: workloadName(config),
      held: this.#held,
      own: new Map([[OWN_CERTIFICATE, () => this.#secrets?.certificate]]),
      ownBundle: () => this.#secrets?.bundle,
      openChannel: () => this.#channel(config.controlAddress),
      onHeldChanged: () => this.#saveSoon(),
      onStep: () => this.#stepped(stream),
      onEnd: () => this.#streams.delete(stream),
    });
    this.#streams.add(stream);
  }

  #use(leaf: Leaf): void {
    this.#leaf = leaf;
    this.#secrets = ownSecretsOf(leaf);
    this.#tellWorkload();
    if (this.#isJoining())
      this.#leafFile
        .save(leaf)
        .catch((error: Error) => this.#environment.log(`key not kept: ${error.message}`));
    for (const stream of this.#streams) stream.ownChanged();
  }

  /** Came with a one-time token, which may be gone by now. */
  #isJoining(): boolean {
    try {
      return isJoinToken(readFileSync(this.config.tokenFile, 'utf8').trim());
    } catch {
      return this.#leafFile.load() !== undefined;
    }
  }

  #stepped(stream: EnvoyStream): void {
    this.#hearBundle(stream.trustBundle());
    // While no Envoy is here nobody knows what it uses.
    if ([...this.#streams].every((one) => one.usesOwn())) this.#kept?.inUse();
  }

  #hearBundle(bundle: Sendable | undefined): void {
    if (bundle === undefined || bundle.version === this.#trust?.version) return;
    const trust = trustOf(bundle);
    if (trust === undefined) return;
    this.#trust = { version: bundle.version, ...trust };
    this.#kept?.rootsChanged(trust.rootsPem);
    this.#tellWorkload();
  }

  #tellWorkload(): void {
    if (this.#leaf === undefined) return;
    const { chainPem, privateKeyPem, rootsPem } = this.#leaf;
    this.#api?.changed({
      spiffeId: workloadSpiffeId(this.config),
      leaf: { chainPem, privateKeyPem },
      rootsPem: this.#trust?.rootsPem ?? rootsPem,
      trusted: this.#trust?.domains ?? [],
    });
  }

  #channel(address: string): ControlChannel {
    const rootsPem = this.#trust?.rootsPem ?? this.#leaf?.rootsPem ?? '';
    const isGood = this.#leaf !== undefined && this.#leaf.notAfterMs > this.#environment.clock.nowMs();
    return openChannel(address, this.config, { leaf: isGood ? this.#leaf : undefined, rootsPem });
  }

  /** One question to the CA. */
  async #ask<T>(question: (channel: ControlChannel) => Promise<T>): Promise<T> {
    const channel = this.#channel(this.config.caAddress ?? this.config.controlAddress);
    try {
      return await question(channel);
    } finally {
      channel.close();
    }
  }

  #saveSoon(): void {
    this.#saving ??= this.#environment.clock.setTimeout(() => {
      this.#saving = undefined;
      void this.#file.save(this.#held);
    }, SAVE_DELAY_MS);
  }
}
