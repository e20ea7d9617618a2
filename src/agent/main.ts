/**
 * The agent: what an Envoy lacks to be a proxy of the mesh.
 *
 * In: a folder with one file per Envoy (workload-config.ts), the ADS stream of each Envoy on a Unix socket of its own
 * (envoy-port.ts), the control plane over TLS (control-link.ts, control-channel.ts). Out: delta ADS relayed both ways
 * (relay.ts, without I/O; envoy-stream.ts around it), the workload's own certificate by SDS on the same stream
 * (wire/identity/keep-leaf.ts, own-secrets.ts), and what the Envoy used last from disk while the control plane is away
 * (held.ts, cache-file.ts). One process per node, started by the platform before its Envoys. What never happens here:
 * looking into a resource other than the trust bundle; a workload's private key in a log, or on disk (but that of a
 * machine which joined with a one-time token: leaf-file.ts).
 */
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/random.ts';
import { type ConfigFiles, watchConfigDir } from './config-dir.ts';
import { type AgentEnvironment, serveWorkload, type WorkloadAgent } from './workload-agent.ts';
import { parseWorkloadConfig } from './workload-config.ts';

/** What the agent is started with. */
export interface AgentOptions {
  /** Folder of `*.json`, one for each Envoy; watched. */
  readonly configDir: string;
}

/** A serving agent. */
export interface RunningAgent {
  /** Names of the workloads that are served, `POD.NAMESPACE`. */
  workloads(): readonly string[];
  close(): Promise<void>;
}

/** What the agent has of the world, and where its lines go. */
export interface AgentIo {
  readonly log: (line: string) => void;
}

/** One file that is acted on. */
interface Served {
  readonly text: string;
  readonly agent: WorkloadAgent | undefined;
}

/** Starts serving; resolves when all Envoys that are configured now can connect. Rejects where the folder cannot be read. */
export async function runAgent(options: AgentOptions, io: AgentIo): Promise<RunningAgent> {
  const environment: AgentEnvironment = {
    clock: systemClock,
    random: () => systemRandom.next(),
    log: io.log,
  };
  const served = new Map<string, Served>();
  const stop = await watchConfigDir(options.configDir, systemClock, async (files) => {
    await Promise.all(
      [...served]
        .filter(([name, { text }]) => files.get(name) !== text)
        .map(([name]) => end(name, served, !files.has(name))),
    );
    await Promise.all(added(files, served).map(([name, text]) => start(name, text, served, environment)));
  });
  return {
    workloads: () =>
      [...served.values()].flatMap(({ agent }) =>
        agent === undefined ? [] : [`${agent.config.pod}.${agent.config.namespace}`],
      ),
    async close() {
      stop();
      await Promise.all([...served.keys()].map((name) => end(name, served, false)));
    },
  };
}

function added(files: ConfigFiles, served: ReadonlyMap<string, Served>): [string, string][] {
  const found: [string, string][] = [];
  for (const [name, text] of files) if (text !== undefined && !served.has(name)) found.push([name, text]);
  return found;
}

async function start(
  name: string,
  text: string,
  served: Map<string, Served>,
  environment: AgentEnvironment,
): Promise<void> {
  try {
    served.set(name, { text, agent: await serveWorkload(parseWorkloadConfig(text), environment) });
  } catch (error) {
    // Remembered, so that it is said once; another text is tried again.
    served.set(name, { text, agent: undefined });
    environment.log(`${name} cannot be served: ${(error as Error).message}`);
  }
}

async function end(name: string, served: Map<string, Served>, isGone: boolean): Promise<void> {
  const one = served.get(name);
  served.delete(name);
  await one?.agent?.close(isGone);
}
