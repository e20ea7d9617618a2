/**
 * Several workers that look like one data plane. Each update goes to all of them and is answered when all have: what one
 * refuses is refused. A worker that dies is replaced in its place, with its sockets and everything that is in use; the
 * others never notice.
 */
import type { DeltaResource } from '../../xds/delta-messages.ts';
import { typeUrls } from '../../xds/resources.ts';
import type { RefusedResource } from '../configure/configuration.ts';
import type { DemandedNames } from '../configure/demanded.ts';
import type { DataPlane, DataPlaneSettings } from '../data-plane.ts';
import type { Credentials } from '../identity/credentials.ts';
import { mergedRoutes } from './merge.ts';
import type { Update } from './messages.ts';
import type { PoolEnvironment } from './pool-environment.ts';
import { startWorkerProcess, type WorkerProcess } from './worker-process.ts';

/** A worker that dies within this time of its start is replaced after a growing delay. */
const shortLifeMs = 5_000;
const firstDelayMs = 100;
const lastDelayMs = 5_000;

/** In which order a replacement gets what is in use: what is pointed at before what points. */
const order = [
  typeUrls.secret,
  typeUrls.cluster,
  typeUrls.endpoint,
  typeUrls.route,
  typeUrls.virtualHost,
  typeUrls.dnsTable,
  typeUrls.listener,
];

/** Starts all workers; throws an Error with the reasons where one cannot run the static configuration. */
export async function startPool(
  settings: DataPlaneSettings,
  environment: PoolEnvironment,
): Promise<DataPlane> {
  const { clock, log, sockets } = environment;
  const accepted = new Map<string, Map<string, DeltaResource>>();
  const inFlight = new Set<Update>();
  const workers: WorkerProcess[] = [];
  let credentials: Credentials | undefined;
  let stopping = false;
  let needsChanged: () => void = () => {};

  const begin = (index: number, failures: number): Promise<string> => {
    const startedMs = clock.monotonicMs();
    const worker = startWorkerProcess(
      index,
      settings,
      environment,
      (why) => {
        if (stopping || workers[index] !== worker) return;
        const lived = clock.monotonicMs() - startedMs >= shortLifeMs;
        const next = lived ? 0 : failures + 1;
        const delayMs = next === 0 ? 0 : Math.min(lastDelayMs, firstDelayMs * 2 ** (next - 1));
        log('error', `worker ${index} ${why}: replaced ${delayMs === 0 ? 'now' : `in ${delayMs} ms`}`);
        clock.setTimeout(() => void replace(index, next), delayMs);
      },
      () => needsChanged(),
    );
    workers[index] = worker;
    return worker.started;
  };

  const replace = async (index: number, failures: number): Promise<void> => {
    if (stopping) return;
    const before = sockets.of(index);
    const started = begin(index, failures);
    const worker = workers[index]!;
    const reasons = await started;
    if (workers[index] !== worker) return;
    if (reasons !== '') {
      worker.kill(); // and so it is tried again, later each time
      return;
    }
    if (credentials !== undefined) worker.setCredentials(credentials);
    // Updates that come meanwhile queue up behind these in the worker's channel.
    const held = order.map((typeUrl) => heldUpdate(typeUrl)).filter((u) => u.resources.length > 0);
    await Promise.all([...held, ...inFlight].map((update) => worker.apply(update)));
    for (const target of before) if (!worker.listensOn(target)) sockets.release(target, index);
    log('info', `worker ${index} serves again`);
  };

  const heldUpdate = (typeUrl: string): Update => ({
    typeUrl,
    resources: [...(accepted.get(typeUrl)?.values() ?? [])],
    removed: [],
  });

  const remember = (update: Update, refused: ReadonlySet<string>): void => {
    let held = accepted.get(update.typeUrl);
    if (held === undefined) accepted.set(update.typeUrl, (held = new Map()));
    for (const name of update.removed) held.delete(name);
    for (const resource of update.resources)
      if (!refused.has(resource.name)) held.set(resource.name, resource);
  };

  const all = Array.from({ length: settings.workers }, (_, index) => begin(index, 0));
  const reasons = (await Promise.all(all)).find((text) => text !== '');
  if (reasons !== undefined) {
    stopping = true;
    for (const worker of workers) worker.kill();
    throw new Error(reasons);
  }

  return {
    async apply(typeUrl, resources, removed) {
      const update = { typeUrl, resources, removed };
      inFlight.add(update);
      const answers = await Promise.all(workers.map((worker) => worker.apply(update)));
      inFlight.delete(update);
      const refused = new Map<string, RefusedResource>();
      for (const one of answers.flat()) if (!refused.has(one.name)) refused.set(one.name, one);
      remember(update, new Set(refused.keys()));
      return [...refused.values()];
    },
    needed: () => ({
      endpoints: union(workers.map(({ state }) => state.needed.endpoints)),
      routes: union(workers.map(({ state }) => state.needed.routes)),
      secrets: union(workers.map(({ state }) => state.needed.secrets)),
      elsewhere: workers[0]?.state.needed.elsewhere ?? [],
      onDemand: settings.bootstrap.onDemand ? demandedOf(workers) : undefined,
    }),
    onNeeds(changed) {
      needsChanged = changed;
    },
    sweep() {
      for (const worker of workers) worker.sweep();
    },
    warming: () => union(workers.map(({ state }) => state.warming)),
    accepted: () => [...accepted.values()].flatMap((held) => [...held.values()]),
    setCredentials(fresh) {
      credentials = fresh;
      for (const worker of workers) worker.setCredentials(fresh);
    },
    routes: mergedRoutes((path, query) => workers.map((worker) => worker.ask(path, query))),
    sockets: sockets.list,
    async stop(graceMs, gently = false) {
      stopping = true;
      await Promise.all(workers.map((worker) => worker.stop(graceMs, gently)));
      sockets.closeAll();
    },
  };
}

/** What any worker wants, all hold. */
function demandedOf(workers: readonly WorkerProcess[]): DemandedNames {
  const all = (kind: keyof DemandedNames): readonly string[] =>
    union(workers.map(({ state }) => state.needed.onDemand?.[kind] ?? []));
  return {
    listeners: all('listeners'),
    clusters: all('clusters'),
    virtualHosts: all('virtualHosts'),
    dnsTables: all('dnsTables'),
  };
}

function union(lists: readonly (readonly string[])[]): readonly string[] {
  return [...new Set(lists.flat())];
}
