import type { Clock } from '../lib/clock.ts';
import { workloadSpiffeId } from '../wire/identity/spiffe.ts';
import { cacheFile } from './cache-file.ts';
import { openChannel } from './control-channel.ts';
import { openEnvoyPort } from './envoy-port.ts';
import { type EnvoyStream, relayEnvoy } from './envoy-stream.ts';
import { keepOwnIdentity } from './own-identity.ts';
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
  const { clock, random } = environment;
  const workload = workloadName(config);
  const log = (line: string): void => environment.log(`${workload}: ${line}`);
  const file = cacheFile(config.cacheDir, workload, log);
  const held = await file.load();
  const streams = new Set<EnvoyStream>();
  let secrets: OwnSecrets | undefined;
  let isSaving = false;
  let isClosed = false;
  let count = 0;
  const own = new Map([
    [OWN_CERTIFICATE, () => secrets?.certificate],
    [TRUST_BUNDLE, () => secrets?.bundle],
  ]);
  const save = (): void => {
    if (isSaving) return;
    isSaving = true;
    clock.setTimeout(() => {
      isSaving = false;
      if (!isClosed) void file.save(held);
    }, SAVE_DELAY_MS);
  };

  const stopIdentity = keepOwnIdentity({
    spiffeId: workloadSpiffeId(config),
    ttlS: config.certificateTtlS,
    createCertificate: (request) => createCertificate(config, request),
    clock,
    random,
    onIssued(identity) {
      secrets = ownSecretsOf(identity);
      log(`certificate until ${new Date(identity.notAfterMs).toISOString()}`);
      for (const stream of streams) stream.ownChanged();
    },
    log,
  });
  const port = await openEnvoyPort(config.socketPath, config.socketUid, (call) => {
    count += 1;
    const stream = relayEnvoy({
      id: `${process.pid.toString(36)}.${count.toString(36)}`,
      call,
      workload,
      held,
      own,
      openChannel: () => openChannel(config.controlAddress, config),
      clock,
      random,
      onHeldChanged: save,
      onEnd: () => streams.delete(stream),
      log,
    });
    streams.add(stream);
  }).catch((error) => {
    stopIdentity();
    throw error;
  });
  return {
    config,
    async close(isGone) {
      stopIdentity();
      for (const stream of streams) stream.end();
      port.close();
      isClosed = true;
      await (isGone ? file.remove() : file.save(held));
    },
  };
}

async function createCertificate(config: WorkloadConfig, request: Uint8Array): Promise<Uint8Array> {
  const channel = openChannel(config.caAddress ?? config.controlAddress, config);
  try {
    return await channel.createCertificate(request, CERTIFICATE_TIMEOUT_MS);
  } finally {
    channel.close();
  }
}
