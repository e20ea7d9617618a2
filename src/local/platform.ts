/**
 * The local platform: what `weft up` runs a mesh on where there is no other. Kubelet, the controllers, kube-proxy and
 * DNS of one machine, in small.
 *
 * In: a folder of Kubernetes objects, and the programs to run beside the applications (parts.ts). Out: processes in
 * network namespaces of their own (network/, workloads/, processes/, probes/), and what an API server would know of
 * them: Pod and Service objects as files, which the control plane watches (publish.ts). Called by run.ts, which knows
 * outside from inside: with namespaces all of this runs in an enclosure (enclosure/) that the kernel removes with us.
 * What never happens here: xDS, certificates, traffic. The mesh's own kinds in the folder are not looked at; the
 * control plane reads them from the same files.
 *
 * way.ts chooses how; resources/ reads the folder; state.ts says where files are; relay.ts brings the gateway's port
 * outside; load.ts makes traffic.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { Report } from './events.ts';
import { PLATFORM_ADDRESS } from './network/plan.ts';
import type { PodNetworks, SocketTarget } from './network/pod-networks.ts';
import type { PlatformParts, PlatformProgram } from './parts.ts';
import type { Reaper } from './processes/reaper.ts';
import { ProcessTable } from './processes/table.ts';
import { Programs } from './programs.ts';
import { Progress } from './progress.ts';
import { ObjectFolder } from './publish.ts';
import { withGateway } from './resources/default-gateway.ts';
import { type DataPlane, desiredOf } from './resources/desired.ts';
import { Folder } from './resources/folder.ts';
import type { Problem } from './resources/objects.ts';
import { watchFolder } from './resources/watch-folder.ts';
import type { RunPaths } from './state.ts';
import { serveStatus } from './status-socket.ts';
import type { Way } from './way.ts';
import { type GatewayPort, gatewayTarget } from './workloads/gateway-target.ts';
import { podLabels } from './workloads/pod-object.ts';
import { Services } from './workloads/services.ts';
import { Workloads } from './workloads/workloads.ts';

export interface PlatformSettings {
  readonly way: Way;
  /** The user's folder (or file), as given. */
  readonly dir: string;
  /** For pods that do not choose. */
  readonly dataPlane: DataPlane;
  readonly paths: RunPaths;
  /** The platform's own environment, of which processes get a part. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What the platform does its work with. */
export interface PlatformWorld {
  readonly parts: PlatformParts;
  readonly networks: PodNetworks;
  readonly clock: Clock;
  readonly report: Report;
  /** Where there is no enclosure. */
  readonly reaper?: Reaper;
}

export interface Platform {
  /** Where a port of the gateway is; undefined while no gateway is ready. */
  gateway(port: GatewayPort): SocketTarget | undefined;
  /** Ends everything within a few seconds. */
  stop(): Promise<void>;
}

/** At an orderly end each process gets so long. */
const STOP_GRACE_MS = 1_500;

/** Starts everything. Rejects when the folder cannot be read at all. */
export async function startPlatform(settings: PlatformSettings, world: PlatformWorld): Promise<Platform> {
  const { paths, way, env } = settings;
  const { parts, networks, clock, report } = world;
  const table = new ProcessTable(paths.statusFile, way, clock, world.reaper);
  const objects = new ObjectFolder(paths.objects);
  const services = new Services(objects, networks, report, clock, () => progress.look());
  const progress: Progress = new Progress(
    () => workloads,
    () => services,
    clock,
    report,
  );
  const programs = new Programs(settings, world, table, STOP_GRACE_MS);
  const podWorld = {
    ...{ clock, networks, parts, paths, table, report, env },
    need: (program: PlatformProgram) => programs.need(program),
    runId: runIdOf(settings),
    hostAddress: hostAddress(way),
  };
  const workloads: Workloads = new Workloads(podWorld, objects, () => {
    table.setPods(workloads.pods.map((pod) => pod.status));
    services.setBackends(backendsOf(workloads));
    progress.look();
  });
  const folder = new Folder(settings.dir);
  const apply = applier(folder, settings.dataPlane, services, workloads, table, report);
  const status = await serveStatus(paths.platformSocket, () => table.status());
  for (const program of parts.programs) programs.need(program);
  apply();
  const watching = watchFolder(settings.dir, () => {
    try {
      apply();
    } catch (error) {
      report({ event: 'problem', text: `${settings.dir} cannot be read: ${(error as Error).message}` });
    }
  });
  return {
    gateway: (port) => gatewayTarget(workloads.pods, services.services, port),
    async stop() {
      watching.close();
      progress.close();
      await workloads.stop(STOP_GRACE_MS);
      await programs.stop();
      services.close();
      networks.close();
      status.close();
      table.close();
    },
  };
}

/** Brings what runs in line with the folder; says what is wrong with it, each thing once. */
function applier(
  folder: Folder,
  dataPlane: DataPlane,
  services: Services,
  workloads: Workloads,
  table: ProcessTable,
  report: Report,
): () => void {
  let told = new Set<string>();
  let seen = '';
  return () => {
    const content = folder.read();
    const desired = desiredOf(withGateway(content.objects), dataPlane);
    const problems = [...content.problems, ...desired.problems];
    const sentences = problems.map(sentenceOf);
    for (const text of sentences) if (!told.has(text)) report({ event: 'problem', text });
    told = new Set(sentences);
    const now = JSON.stringify([desired, problems]);
    if (now === seen) return;
    seen = now;
    table.setProblems(problems);
    services.setServices(desired.services);
    workloads.setWanted(desired.workloads);
  };
}

function sentenceOf({ file, line, message }: Problem): string {
  return `${file}:${line}: ${message}`;
}

function backendsOf(workloads: Workloads) {
  return workloads.pods.flatMap(({ place, workload, ready }) => {
    if (place === undefined) return [];
    const ports = workload.template.container?.ports ?? [];
    return [
      {
        namespace: workload.namespace,
        labels: podLabels(workload),
        address: place.address,
        ready,
        ports,
        names: workload.outside.names,
      },
    ];
  });
}

function runIdOf({ paths }: PlatformSettings): string {
  return createHash('sha256').update(`${paths.folder}/${process.pid}`).digest('hex');
}

function hostAddress(way: Way): string {
  return way === 'shared' ? '127.0.0.1' : PLATFORM_ADDRESS;
}
