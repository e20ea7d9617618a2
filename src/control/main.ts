/**
 * The control plane: the only file that knows all stages.
 *
 * In: files and folders of resources, the platform's objects, the CA's folder, the keys that tokens are verified with.
 * Out: ADS and certificates over gRPC (serve/), the HTTP API and the dashboard's page. A change goes through
 * watch -> store -> schedule -> hold-back -> compile -> fleet, in that order, in this process. `weft control` starts it, and the
 * platform does. What never happens here: a decision of any of the stages.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Authentication, authenticate, type Credentials } from '../ca/authenticate.ts';
import { auditLine } from '../ca/issuance-audit.ts';
import { watchJwksFile } from '../ca/jwks-file.ts';
import { openAuthority, SERVING_TTL_S } from '../ca/main.ts';
import { type CreateCertificate, DEFAULT_LIMITS, makeCertificateService } from '../ca/service.ts';
import { CA_AUDIENCE } from '../ca/service-account-token.ts';
import { CONTROL_PLANE_NAMES, type ServingNames } from '../ca/serving-certificate.ts';
import { startServingRenewal } from '../ca/serving-renewal.ts';
import { DEFAULT_LIFETIME } from '../ca/sign.ts';
import { systemClock } from '../lib/clock.ts';
import { systemRandom } from '../lib/random.ts';
import { type RunningApi, serveApi } from '../server/http-api.ts';
import { noPlatform, platformPartsFrom } from '../server/platform-parts.ts';
import type { TlsContext } from '../wire/connection.ts';
import { trustBundlePem } from '../wire/identity/trust-bundle.ts';
import { compile } from './compile.ts';
import { type Held, heldNothing, holdBack } from './hold-back/hold-back.ts';
import { withHeld } from './hold-back/status.ts';
import { keySetFetcher } from './key-sets/fetch-key-set.ts';
import { keySetFile } from './key-sets/key-set-file.ts';
import { KeySets } from './key-sets/key-sets.ts';
import { wantedKeySets } from './key-sets/wanted.ts';
import type { ControlOptions } from './options.ts';
import { overlaySource } from './platform-overlay.ts';
import { apiAnswers } from './serve/api-answers.ts';
import { createResourceBytes } from './serve/encoded.ts';
import { createFleet, type Fleet } from './serve/fleet.ts';
import { type GrpcPorts, serveGrpc } from './serve/grpc-server.ts';
import { secretSources } from './serve/kubernetes-secrets.ts';
import type { MeshState } from './serve/mesh-state.ts';
import { createPushSchedule, type PushSchedule } from './serve/push-schedule.ts';
import { servingTls } from './serve/serving-tls.ts';
import { openFileSource } from './watch/files/file-source.ts';
import type { Source } from './watch/source.ts';
import { makeResourceStore, type ResourceStore } from './watch/store.ts';

/** What the control plane has of the world. */
export interface ControlIo {
  /** Takes one line without line end. */
  readonly log: (line: string) => void;
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
    const certificates = await openCertificates(options, io.log, logError);
    closers.push(certificates.stop);
    const { rootsPem } = certificates;
    if (options.rootsFile !== undefined) await writeFile(options.rootsFile, rootsPem);
    const mesh = await openMesh(options, rootsPem, startedAtMs, logError);
    closers.push(mesh.close);
    const ports = await servePorts(options, certificates, mesh.fleet, io.log);
    closers.push(ports.close);
    const api = await serveAnswers(options, mesh, startedAtMs, logError);
    closers.push(api.close);
    const { securePort, plainPort } = ports;
    return { securePort, plainPort, apiPort: api.port, rootsPem, close };
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
  close(): Promise<void>;
}

/** Sources -> store -> schedule -> hold-back -> compile -> fleet. */
async function openMesh(
  options: ControlOptions,
  rootsPem: string,
  startedAtMs: number,
  onError: (error: unknown) => void,
): Promise<Mesh> {
  const store = makeResourceStore();
  const source = sourceOf(options);
  await source.watch((batch) => store.apply(batch));
  const bytes = createResourceBytes(onError);
  const secretsOf = secretSources(rootsPem);
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
  let compiled = compile(held.resources, { ...options, keySets: keySets.current });
  keysChanged = false;
  const stateSince = (changedAtMs: number): MeshState => ({
    compiled,
    secrets: secretsOf(held.resources),
    bytes,
    changedAtMs,
  });
  const fleet = createFleet(systemClock, stateSince(startedAtMs));
  let changedAtMs: number | undefined;
  schedule = createPushSchedule(systemClock, () => {
    const sinceMs = changedAtMs ?? nowMs();
    changedAtMs = undefined;
    keySets.want(wantedKeySets(store.resources()));
    if (store.resources().revision === compiled.revision && !keysChanged) return;
    keysChanged = false;
    try {
      held = nextHeld(held);
      compiled = compile(held.resources, { ...options, keySets: keySets.current }, compiled);
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
    async close() {
      schedule?.stop();
      keySets.stop();
      await source.close();
    },
  };
}

/** The CA and whom it believes. */
interface Certificates {
  readonly rootsPem: string;
  /** For new connections. */
  readonly tls: () => TlsContext;
  readonly createCertificate: CreateCertificate;
  readonly authenticate: (shown: Credentials) => Promise<Authentication>;
  stop(): void;
}

async function openCertificates(
  options: ControlOptions,
  log: (line: string) => void,
  onError: (error: unknown) => void,
): Promise<Certificates> {
  const authority = await openAuthority(options, nowMs());
  const { tokenJwksFile, tokenIssuer: issuer, lifetime = DEFAULT_LIFETIME } = options;
  const tokenKeys = tokenJwksFile === undefined ? undefined : watchJwksFile(tokenJwksFile, onError);
  const authentication = { audience: CA_AUDIENCE, issuer, tokenKeys };
  const renewal = await startServingRenewal({
    authority: () => authority,
    names: joinNames(CONTROL_PLANE_NAMES, options.names),
    ttlS: SERVING_TTL_S,
    clock: systemClock,
    random: () => systemRandom.next(),
    onRenewed(serving) {
      tls = servingTls(serving);
    },
    onError,
  });
  let tls = servingTls(renewal.first);
  return {
    rootsPem: trustBundlePem(authority.bundle),
    tls: () => tls,
    createCertificate: makeCertificateService({
      authority: () => authority,
      authentication,
      lifetime,
      limits: DEFAULT_LIMITS,
      nowMs,
      audit: (event) => log(auditLine(event, nowMs())),
    }),
    authenticate: (shown) => authenticate(shown, authority, authentication, nowMs()),
    stop: renewal.stop,
  };
}

function servePorts(
  { secure, plain }: ControlOptions,
  { tls, createCertificate, authenticate: proof }: Certificates,
  fleet: Fleet,
  log: (line: string) => void,
): Promise<GrpcPorts> {
  return serveGrpc({
    fleet,
    authenticate: proof,
    createCertificate,
    secure: { ...secure, tls },
    ...(plain && { plain }),
    log,
  });
}

function serveAnswers(
  options: ControlOptions,
  { store, fleet, held }: Mesh,
  startedAtMs: number,
  onError: (error: unknown) => void,
): Promise<RunningApi> {
  const { api, dashboardDir, allowedHosts, version, trustDomain, platformStatusFile } = options;
  const parts =
    platformStatusFile === undefined ? noPlatform : platformPartsFrom(platformStatusFile, systemClock);
  return serveApi({
    listen: api,
    answers: apiAnswers({
      version,
      trustDomain,
      startedAtMs,
      clock: systemClock,
      fleet,
      statuses: () => withHeld(store.statuses(), held().objects),
      parts,
    }),
    ...(dashboardDir !== undefined && { dashboardDir }),
    ...(allowedHosts && { allowedHosts }),
    onError,
  });
}

function sourceOf({ paths, platformObjects }: ControlOptions): Source {
  const written = openFileSource({ paths, clock: systemClock });
  if (platformObjects === undefined) return written;
  return overlaySource(written, openFileSource({ paths: [platformObjects], clock: systemClock }));
}

function joinNames(first: ServingNames, second: ServingNames | undefined): ServingNames {
  return {
    dnsNames: [...first.dnsNames, ...(second?.dnsNames ?? [])],
    ipAddresses: [...first.ipAddresses, ...(second?.ipAddresses ?? [])],
  };
}
