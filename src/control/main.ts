/**
 * The control plane: the only file that knows all stages.
 *
 * In: files and folders of resources, the platform's objects, the CA's folder, the keys that tokens are verified with.
 * Out: ADS and certificates over gRPC (serve/), the HTTP API and the dashboard's page. A change goes through
 * watch -> store -> schedule -> hold-back -> compile -> fleet, in that order, in this process. `weft control` starts it, and the
 * platform does. What never happens here: a decision of any of the stages.
 */
import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { requestRotation } from '../ca/rotation/request.ts';
import type { Rotation } from '../ca/rotation/rotation.ts';
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/random.ts';
import { type AuditLog, openAuditLog } from '../server/audit-log.ts';
import { type RunningApi, serveApi } from '../server/http-api.ts';
import { noPlatform, platformPartsFrom } from '../server/platform-parts.ts';
import { openApiAccess } from './api-access.ts';
import { auditCaLine, auditObjects } from './audit-changes.ts';
import { type Certificates, openCertificates } from './certificates.ts';
import { type CompileSettings, compile, readOf } from './compile.ts';
import { DenialRing } from './denials/denial-ring.ts';
import { type Held, heldNothing, holdBack } from './hold-back/hold-back.ts';
import { withHeld } from './hold-back/status.ts';
import { keySetFetcher } from './key-sets/fetch-key-set.ts';
import { keySetFile } from './key-sets/key-set-file.ts';
import { KeySets } from './key-sets/key-sets.ts';
import { wantedKeySets } from './key-sets/wanted.ts';
import { collectAtRest, processMemory } from './memory-at-rest.ts';
import { observedMesh } from './observe/observed-mesh.ts';
import { Observer } from './observe/observer.ts';
import { readMetrics } from './observe/read-metrics.ts';
import type { ControlOptions } from './options.ts';
import { overlaySource } from './platform-overlay.ts';
import { meshSettings } from './resolve/mesh-settings.ts';
import { apiAnswers } from './serve/api-answers.ts';
import { createResourceBytes } from './serve/encoded.ts';
import { createFleet, DEFAULT_FLEET_LIMITS, type Fleet } from './serve/fleet.ts';
import { type GrpcPorts, serveGrpc } from './serve/grpc-server.ts';
import { cacertsIn, secretSources } from './serve/kubernetes-secrets.ts';
import type { MeshState } from './serve/mesh-state.ts';
import { createPushSchedule, type PushSchedule } from './serve/push-schedule.ts';
import { trustCensus } from './serve/trust-census.ts';
import { openFileSource } from './watch/files/file-source.ts';
import type { Source } from './watch/source.ts';
import { makeResourceStore, type ResourceStore } from './watch/store.ts';

/** What the control plane has of the world. */
export interface ControlIo {
  /** Takes one line without line end. */
  readonly log: (line: string) => void;
  /** The process is the control plane's alone: garbage is freed when there is nothing to do. */
  readonly ownProcess?: boolean;
}

/** A serving control plane. */
export interface RunningControl {
  readonly securePort: number;
  readonly plainPort: number | undefined;
  /** 0 on a Unix socket. */
  readonly apiPort: number;
  readonly rootsPem: string;
  close(): Promise<void>;
}

const nowMs = (): number => systemClock.nowMs();

/** Starts it; resolves when all ports are open and the first configuration is served. Rejects with a sentence. */
export async function runControl(options: ControlOptions, io: ControlIo): Promise<RunningControl> {
  const startedAtMs = nowMs();
  const logError = (error: unknown): void =>
    io.log(`control: ${error instanceof Error ? error.message : error}`);
  const closers: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(closers.splice(0).map((one) => one()));
  };
  try {
    const sources = await openSources(options);
    closers.push(sources.close);
    const auditFile = options.auditFile ?? join(options.keyDir, 'audit.log');
    mkdirSync(dirname(auditFile), { recursive: true, mode: 0o700 });
    const audit = openAuditLog(auditFile, nowMs, logError);
    audit.record({ who: 'control plane', what: 'start', outcome: 'done', detail: `weft ${options.version}` });
    const { platformObjects } = options;
    const isPlatforms = (file: string) => platformObjects !== undefined && file.startsWith(platformObjects);
    closers.push(auditObjects(sources.store, audit, systemClock, isPlatforms));
    const secret = cacertsIn(sources.store.resources(), options.rootNamespace);
    let mesh: Mesh | undefined;
    const certificates = await openCertificates(options, secret, {
      onTrust: () => mesh?.trustChanged(),
      log(line) {
        io.log(line);
        auditCaLine(line, audit);
      },
      onError: logError,
    });
    closers.push(certificates.stop);
    const { rotation, rootsPem } = certificates;
    mesh = openMesh(options, sources.store, certificates, startedAtMs, logError);
    closers.push(mesh.close);
    followCa(rotation, mesh, options.rootNamespace);
    const denials = new DenialRing();
    const ports = await servePorts(options, certificates, mesh.fleet, denials, io.log);
    closers.push(ports.close);
    const observer = observe(mesh, logError);
    closers.push(() => observer.stop());
    const seen = { denials, observer };
    const api = await serveAnswers(options, mesh, rotation, seen, audit, startedAtMs, logError);
    closers.push(api.close);
    if (io.ownProcess === true) closers.push(collectAtRest(systemClock, processMemory()));
    const { securePort, plainPort } = ports;
    return { securePort, plainPort, apiPort: api.port, rootsPem: rootsPem(), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** The configuration and who is told of it. */
interface Mesh {
  readonly store: ResourceStore;
  readonly fleet: Fleet;
  /** What the mesh is made from now. */
  held(): Held;
  /** The roots of the CA are others now. */
  trustChanged(): void;
  close(): void;
}

/** What is written, and what the platform makes of it. */
interface Sources {
  readonly store: ResourceStore;
  close(): Promise<void>;
}

async function openSources(options: ControlOptions): Promise<Sources> {
  const store = makeResourceStore();
  const source = sourceOf(options);
  await source.watch((batch) => store.apply(batch));
  return { store, close: () => source.close() };
}

/** The CA follows the Secret `cacerts`, and its rotation the proxies. */
function followCa(rotation: Rotation, { store, fleet }: Mesh, rootNamespace: string | undefined): void {
  rotation.countBy(() => trustCensus(fleet, rotation.ledger, rotation.present()));
  store.subscribe(() => rotation.offerSecret(cacertsIn(store.resources(), rootNamespace)));
}

/** Store -> schedule -> hold-back -> compile -> fleet. */
function openMesh(
  options: ControlOptions,
  store: ResourceStore,
  { rotation, rootsPem }: Pick<Certificates, 'rotation' | 'rootsPem'>,
  startedAtMs: number,
  onError: (error: unknown) => void,
): Mesh {
  const bytes = createResourceBytes(onError);
  const secretsOf = secretSources(rootsPem);
  /** Something other than what is written is to be compiled. */
  let keysChanged = false;
  let schedule: PushSchedule | undefined;
  const keySets = new KeySets(
    {
      clock: systemClock,
      random: systemRandom,
      fetch: keySetFetcher(options.jwksAllow ?? []),
      shelf: keySetFile(join(options.keyDir, 'key-sets.json'), onError),
    },
    () => {
      keysChanged = true;
      schedule?.note();
    },
  );
  keySets.want(wantedKeySets(store.resources()));
  const domain = options.clusterDomain ?? 'cluster.local';
  const nextHeld = (before: Held): Held =>
    options.holdBack === false ? heldNothing(store.resources()) : holdBack(store.resources(), before, domain);
  let held = heldNothing(store.resources());
  // Others may have been given something of the object already: all are looked at once more.
  const onTrouble = (message: string): void => {
    onError(message);
    keysChanged = true;
    setImmediate(() => schedule?.note());
  };
  let settings: CompileSettings = { ...options, keySets: keySets.current };
  let compiled = compile(held.resources, settings, undefined, onTrouble);
  keysChanged = false;
  const stateSince = (changedAtMs: number): MeshState => {
    const settings = readOf(compiled).of(meshSettings, '');
    rotation.alsoKnownAs(settings.trustDomainAliases);
    return { compiled, secrets: secretsOf(held.resources, settings), bytes, changedAtMs };
  };
  const fleet = createFleet(systemClock, stateSince(startedAtMs), DEFAULT_FLEET_LIMITS, onError);
  let changedAtMs: number | undefined;
  schedule = createPushSchedule(systemClock, () => {
    const sinceMs = changedAtMs ?? nowMs();
    changedAtMs = undefined;
    keySets.want(wantedKeySets(store.resources()));
    if (store.resources().revision === compiled.revision && !keysChanged) return;
    keysChanged = false;
    try {
      held = nextHeld(held);
      if (settings.keySets !== keySets.current) settings = { ...options, keySets: keySets.current };
      compiled = compile(held.resources, settings, compiled, onTrouble);
      fleet.replace(stateSince(sinceMs));
    } catch (error) {
      onError(error); // a mistake of ours: everyone keeps what they have
    }
  });
  store.subscribe(() => {
    changedAtMs ??= nowMs();
    schedule?.note();
  });
  return {
    store,
    fleet,
    held: () => held,
    trustChanged: () => fleet.replace(stateSince(nowMs())),
    close() {
      schedule?.stop();
      keySets.stop();
    },
  };
}

function servePorts(
  { secure, plain }: ControlOptions,
  certificates: Certificates,
  fleet: Fleet,
  denials: DenialRing,
  log: (line: string) => void,
): Promise<GrpcPorts> {
  return serveGrpc({
    fleet,
    denials,
    authenticate: certificates.authenticate,
    createCertificate: certificates.createCertificate,
    leafInUse: certificates.leafInUse,
    secure: { ...secure, tls: certificates.tls },
    ...(plain && { plain }),
    log,
  });
}

async function serveAnswers(
  options: ControlOptions,
  { store, fleet, held }: Mesh,
  rotation: Rotation,
  seen: { readonly denials: DenialRing; readonly observer: Observer },
  audit: AuditLog,
  startedAtMs: number,
  onError: (error: unknown) => void,
): Promise<RunningApi> {
  const access = openApiAccess(options);
  const { api, dashboardDir, allowedHosts, version, trustDomain, platformStatusFile } = options;
  const parts =
    platformStatusFile === undefined ? noPlatform : platformPartsFrom(platformStatusFile, systemClock);
  const running = await serveApi({
    listen: api,
    answers: apiAnswers({
      version,
      trustDomain,
      startedAtMs,
      clock: systemClock,
      fleet,
      statuses: () => withHeld(store.statuses(), held().objects),
      parts,
      rotation,
      ...seen,
      rotateCa: () => requestRotation(options.keyDir),
    }),
    ...access,
    audit,
    ...(dashboardDir !== undefined && { dashboardDir }),
    ...(allowedHosts && { allowedHosts }),
    onError,
  });
  return {
    port: running.port,
    async close() {
      access.close();
      await running.close();
    },
  };
}

/** Who calls without TLS of the mesh, as the proxies count it. */
function observe({ store, fleet }: Mesh, onError: (error: unknown) => void): Observer {
  const mesh = () => observedMesh(fleet.state().compiled, store.resources());
  return new Observer({ clock: systemClock, mesh, read: readMetrics, onError });
}

function sourceOf({ paths, platformObjects }: ControlOptions): Source {
  const written = openFileSource({ paths, clock: systemClock });
  if (platformObjects === undefined) return written;
  return overlaySource(written, openFileSource({ paths: [platformObjects], clock: systemClock }));
}
