import type { Clock, Timer } from '../lib/clock.ts';
import { workloadSpiffeId } from '../wire/identity/spiffe.ts';
import { type CacheFile, cacheFile } from './cache-file.ts';
import { openChannel } from './control-channel.ts';
import { type EnvoyCall, type EnvoyPort, openEnvoyPort } from './envoy-port.ts';
import { EnvoyStream } from './envoy-stream.ts';
import type { Held } from './held.ts';
import { keepOwnIdentity, type OwnIdentity } from './own-identity.ts';
import { OWN_CERTIFICATE, type OwnSecrets, ownSecretsOf, TRUST_BUNDLE } from './own-secrets.ts';
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
  #secrets: OwnSecrets | undefined;
  #saving: Timer | undefined;
  #port: EnvoyPort | undefined;
  #stopIdentity = (): void => {};
  #count = 0;

  constructor(config: WorkloadConfig, environment: AgentEnvironment, file: CacheFile, held: Held) {
    this.config = config;
    this.#environment = environment;
    this.#file = file;
    this.#held = held;
  }

  async open(): Promise<void> {
    const { socketPath, socketUid } = this.config;
    this.#port = await openEnvoyPort(socketPath, socketUid, (call) => this.#serve(call));
    this.#stopIdentity = keepOwnIdentity({
      ...this.#environment,
      spiffeId: workloadSpiffeId(this.config),
      ttlS: this.config.certificateTtlS,
      createCertificate: (request) => createCertificate(this.config, request),
      onIssued: (identity) => this.#use(identity),
    });
  }

  async close(isGone: boolean): Promise<void> {
    this.#stopIdentity();
    for (const stream of this.#streams) stream.end();
    this.#port?.close();
    this.#saving?.cancel();
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
      own: new Map([
        [OWN_CERTIFICATE, () => this.#secrets?.certificate],
        [TRUST_BUNDLE, () => this.#secrets?.bundle],
      ]),
      openChannel: () => openChannel(config.controlAddress, config),
      onHeldChanged: () => this.#saveSoon(),
      onEnd: () => this.#streams.delete(stream),
    });
    this.#streams.add(stream);
  }

  #use(identity: OwnIdentity): void {
    this.#secrets = ownSecretsOf(identity);
    this.#environment.log(`certificate until ${new Date(identity.notAfterMs).toISOString()}`);
    for (const stream of this.#streams) stream.ownChanged();
  }

  #saveSoon(): void {
    this.#saving ??= this.#environment.clock.setTimeout(() => {
      this.#saving = undefined;
      void this.#file.save(this.#held);
    }, SAVE_DELAY_MS);
  }
}

async function createCertificate(config: WorkloadConfig, request: Uint8Array): Promise<Uint8Array> {
  const channel = openChannel(config.caAddress ?? config.controlAddress, config);
  try {
    return await channel.createCertificate(request, CERTIFICATE_TIMEOUT_MS);
  } finally {
    channel.close();
  }
}
