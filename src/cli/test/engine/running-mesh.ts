import {
  chmodSync,
  closeSync,
  fstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import type { CallOrder, CallResult, EchoOrder, EchoQuestion, SeenRequest } from '../../../echo/order.ts';
import { type Enclosure, openEnclosure } from '../../../local/enclosure/outside.ts';
import type { PlatformStatus } from '../../../local/processes/table.ts';
import type { DataPlane } from '../../../local/resources/desired.ts';
import type { RunSettings } from '../../../local/run-settings.ts';
import { closeRun, openRun, ownRunName, type RunPaths } from '../../../local/state.ts';
import type { ProxyStatus, StatusReport } from '../../../server/contract.ts';
import { entryFile } from '../../entry.ts';
import { hasDanglingRoutes } from './dangling-routes.ts';
import { type Plan, type PlannedEcho, portsText } from './plan.ts';
import { type Credential, credentialFor, type TestAuthority } from './test-authority.ts';
import { testFiles, withFolder } from './test-files.ts';

/** What meshes of tests are started with. */
export interface MeshMachine {
  readonly way: RunSettings['way'];
  readonly dataPlane: DataPlane;
  /** Where runs keep their files. */
  readonly home: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly insideArgv: readonly string[];
  /** The Envoy program, '' for none. */
  readonly envoy: string;
  /** Certifies who is called by TLS. */
  readonly authority: TestAuthority;
}

/** A mesh must be up within this. */
const START_TIMEOUT_MS = 60_000;
/** Nothing new was sent to any proxy for this long: they have all there is. */
const QUIET_MS = 200;
const POLL_MS = 25;
/** A little longer than weft's proxy keeps routes back that lead to clusters that it does not have. */
const ROUTES_WAIT_MS = 2_200;

/** A mesh of a test, started. */
export class RunningMesh {
  #plan: Plan;
  readonly #paths: RunPaths;
  readonly #folder: string;
  readonly #dataPlane: DataPlane;
  readonly #enclosure: Enclosure;
  readonly problems: string[] = [];
  #ready = false;
  #over = false;

  private constructor(
    plan: Plan,
    paths: RunPaths,
    folder: string,
    settings: RunSettings,
    machine: MeshMachine,
  ) {
    this.#plan = plan;
    this.#paths = paths;
    this.#folder = folder;
    this.#dataPlane = machine.dataPlane;
    this.#enclosure = openEnclosure(settings, machine.insideArgv, machine.env, ({ event, text }) => {
      if (event === 'ready') this.#ready = true;
      if (event === 'problem') this.problems.push(text);
    });
    void this.#enclosure.ended.then(() => {
      this.#over = true;
    });
  }

  /** Starts a mesh and waits until every proxy has its configuration. Rejects with what kept it from that. */
  static async start(plan: Plan, machine: MeshMachine): Promise<RunningMesh> {
    const paths = openRun(machine.home, ownRunName());
    const folder = mkdtempSync(join(tmpdir(), 'weft-test-'));
    chmodSync(folder, 0o711); // proxies are other users, and read the roots in it
    const names = plan.outside.places.map(({ name }) => name);
    const tls = await credentialFor(machine.authority, names);
    const roots = join(folder, 'echo', 'roots.pem');
    writePods(plan, folder, tls);
    writeFileSync(roots, tls.root);
    for (const [name, text] of Object.entries(testFiles(tls)))
      writeFileSync(join(folder, 'echo', name), text);
    writeObjects(plan, folder);
    const settings: RunSettings = {
      way: machine.way,
      dir: folder,
      dataPlane: machine.dataPlane,
      paths,
      gatewayPort: 0,
      dashboardPort: 0,
      // Each test's objects count as they are written, whatever the test before had.
      extra: { envoy: machine.envoy, dnsUpstream: 'platform', holdBack: 'off' },
    };
    const mesh = new RunningMesh(plan, paths, folder, settings, {
      ...machine,
      // What proxies trust where nothing is said: the system's roots, which are those of the echoes here.
      env: { ...machine.env, SSL_CERT_FILE: roots },
    });
    try {
      await mesh.#untilSettled(0);
      return mesh;
    } catch (error) {
      await mesh.stop();
      throw error;
    }
  }

  /** What runs. */
  get plan(): Plan {
    return this.#plan;
  }

  /** Other objects for the same Pods; resolves when every proxy has them. Rejects with what kept one from that. */
  async change(plan: Plan): Promise<void> {
    const { revision } = await this.#status();
    this.#plan = plan;
    writeObjects(plan, this.#folder);
    await this.#untilSettled(revision);
  }

  /** Addresses of Pods, by `NAMESPACE/POD`. */
  addresses(): ReadonlyMap<string, string> {
    const { pods } = JSON.parse(readFileSync(this.#paths.statusFile, 'utf8')) as PlatformStatus;
    return new Map(pods.map(({ namespace, name, address = '' }) => [`${namespace}/${name}`, address]));
  }

  call(from: PlannedEcho, call: CallOrder): Promise<CallResult> {
    return ask<CallResult>(socketOf(this.#folder, from), { ask: 'call', call });
  }

  /** Requests of a call, by everybody who saw any. */
  async seen(id: string): Promise<readonly SeenRequest[]> {
    const all = await Promise.all(
      this.plan.echoes.map((echo) =>
        ask<readonly SeenRequest[]>(socketOf(this.#folder, echo), { ask: 'seen', id }),
      ),
    );
    return all.flat();
  }

  /** What the proxy of a Pod has written since its log had so many bytes. */
  log(namespace: string, pod: string, from: number): Buffer {
    return readFrom(this.#logOf(namespace, pod), from);
  }

  /** Bytes of the log of a Pod's proxy. */
  logBytes(namespace: string, pod: string): number {
    return statSync(this.#logOf(namespace, pod), { throwIfNoEntry: false })?.size ?? 0;
  }

  #logOf(namespace: string, pod: string): string {
    return join(this.#paths.logs, `${namespace}.${pod}.proxy.log`);
  }

  async stop(): Promise<void> {
    this.#enclosure.kill();
    await this.#enclosure.ended;
    closeRun(this.#paths);
    rmSync(this.#paths.folder, { recursive: true, force: true });
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Until what came after a revision is where it belongs. */
  async #untilSettled(revision: number): Promise<void> {
    const untilMs = performance.now() + START_TIMEOUT_MS;
    let last = '';
    let waiting = 'the platform';
    let quietSinceMs = 0;
    while (performance.now() < untilMs) {
      if (this.#over) throw new Error(`the mesh ended: ${this.problems.join('; ') || 'nothing says why'}`);
      const state = await this.#state(revision);
      const nowMs = performance.now();
      if (!state.settled || state.text !== last) quietSinceMs = nowMs;
      if (state.settled && nowMs - quietSinceMs >= QUIET_MS) break;
      last = state.text;
      waiting = state.text;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    if (performance.now() >= untilMs) {
      const why = [waiting, ...this.problems].join('; ');
      throw new Error(`the mesh was not ready within ${START_TIMEOUT_MS / 1000} s: ${why}`);
    }
    if (this.#dataPlane === 'weft' && hasDanglingRoutes(this.#plan.places))
      await new Promise((resolve) => setTimeout(resolve, ROUTES_WAIT_MS));
  }

  /** Whether all is delivered; while it is the text stays the same, until then it says what is missing. */
  async #state(revision: number): Promise<{ readonly settled: boolean; readonly text: string }> {
    if (!this.#ready) return { settled: false, text: `Pods that are not ready: ${this.#unreadyPods()}` };
    const status = await this.#status().catch(() => undefined);
    if (status === undefined) return { settled: false, text: 'the control plane does not answer' };
    if (status.revision <= revision || !this.#servicesPublished())
      return { settled: false, text: 'the control plane has not read the objects' };
    const wanted = this.#plan.pods.filter(({ object }) => hasProxy(object)).length;
    const missing = status.proxies.filter(({ connected, state }) => !connected || state !== 'synced');
    if (status.proxies.length < wanted || missing.length > 0)
      return {
        settled: false,
        text: `proxies that are not in sync: ${missing.map(whyNotSynced).join('; ')}`,
      };
    const pushes = status.proxies.reduce((sum, proxy) => sum + proxy.pushes, 0);
    return { settled: true, text: `${status.revision} ${pushes}` };
  }

  #status(): Promise<StatusReport> {
    return getJson<StatusReport>(this.#paths.dashboardSocket, '/api/status');
  }

  #unreadyPods(): string {
    try {
      const { pods } = JSON.parse(readFileSync(this.#paths.statusFile, 'utf8')) as PlatformStatus;
      const names = pods.filter(({ ready }) => !ready).map(({ namespace, name }) => `${namespace}/${name}`);
      return names.join(', ') || 'none, but there should be more';
    } catch {
      return 'all';
    }
  }

  /** The platform has given every Service its address and ports, and taken those away that are gone. */
  #servicesPublished(): boolean {
    const published = publishedServices(this.#paths.objects);
    const { services } = this.#plan;
    const wanted = new Set([...services.map(({ name }) => name), PLATFORM_SERVICE]);
    return (
      [...published.keys()].every((name) => wanted.has(name)) &&
      [...wanted].every(
        (name) =>
          name === PLATFORM_SERVICE ||
          services.some((one) => one.name === name && one.ports === published.get(name)),
      )
    );
  }
}

/** Ports of each Service that the platform has published, as JSON, by `NAMESPACE/NAME`. */
function publishedServices(folder: string): ReadonlyMap<string, string> {
  const published = new Map<string, string>();
  for (const file of readdirSync(folder)) {
    const [, namespace, name] = /^service\.([^.]+)\.(.+)\.json$/.exec(file) ?? [];
    if (name === undefined) continue;
    published.set(`${namespace}/${name}`, portsOfFile(join(folder, file)));
  }
  return published;
}

/** '' where the file has just gone. */
function portsOfFile(file: string): string {
  try {
    return portsText((JSON.parse(readFileSync(file, 'utf8')) as { readonly spec?: unknown }).spec);
  } catch {
    return '';
  }
}

/** The platform adds a gateway where the objects have none. */
const PLATFORM_SERVICE = 'istio-system/istio-ingressgateway';

function whyNotSynced({ name, connected, types }: ProxyStatus): string {
  if (!connected) return `${name} is away`;
  const refused = types.flatMap(({ type, nack }) => (nack === undefined ? [] : `${type}: ${nack.message}`));
  return refused.length > 0 ? `${name} refuses ${refused.join(', ')}` : name;
}

/** A file from a byte on; nothing where there is no file. */
function readFrom(file: string, from: number): Buffer {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch {
    return Buffer.alloc(0); // it has no proxy
  }
  try {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(descriptor).size - from));
    const length = readSync(descriptor, bytes, 0, bytes.length, from);
    return bytes.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}

function hasProxy(pod: Readonly<Record<string, unknown>>): boolean {
  const { annotations = {} } = pod['metadata'] as { readonly annotations?: Readonly<Record<string, string>> };
  return annotations['weft.dev/data-plane'] !== 'none';
}

function writePods(plan: Plan, folder: string, tls: Credential): void {
  mkdirSync(join(folder, 'echo'));
  for (const [i, { object, echo }] of plan.pods.entries()) {
    const written = echo === undefined ? object : withCommand(object, writeOrder(folder, echo, tls));
    writeFileSync(join(folder, `pod-${i}.yaml`), stringify(written));
  }
}

/** All in one file, which is there as a whole or as it was. */
function writeObjects(plan: Plan, folder: string): void {
  const draft = join(folder, 'objects.draft');
  writeFileSync(draft, withFolder(plan.objects.join('---\n'), join(folder, 'echo')));
  renameSync(draft, join(folder, 'objects.yaml'));
}

function writeOrder(folder: string, echo: PlannedEcho, { certificate, key }: Credential): string {
  const order: EchoOrder = {
    name: echo.name,
    ports: echo.ports,
    socket: socketOf(folder, echo),
    certificate,
    key,
  };
  const file = join(folder, 'echo', `${echo.namespace}.${echo.pod}.json`);
  writeFileSync(file, JSON.stringify(order), { mode: 0o600 });
  return file;
}

function withCommand(object: Readonly<Record<string, unknown>>, orderFile: string) {
  const metadata = object['metadata'] as { readonly annotations?: Readonly<Record<string, string>> };
  const command = `${process.execPath} ${entryFile('echo')} ${orderFile}`;
  return {
    ...object,
    metadata: { ...metadata, annotations: { ...metadata.annotations, 'weft.dev/command': command } },
  };
}

/** Short: addresses of Unix sockets have at most 107 bytes. */
function socketOf(folder: string, { namespace, pod }: PlannedEcho): string {
  return join(folder, 'echo', `${namespace}.${pod}.sock`);
}

/** One question, one answer. */
function ask<T>(socketPath: string, question: EchoQuestion): Promise<T> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    socket.once('error', reject);
    createInterface({ input: socket }).once('line', (line) => {
      socket.destroy();
      resolve(JSON.parse(line) as T);
    });
    socket.once('close', () => reject(new Error(`${socketPath} closed without an answer`)));
    socket.write(`${JSON.stringify(question)}\n`);
  });
}

function getJson<T>(socketPath: string, path: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const get = request({ socketPath, path, headers: { host: '127.0.0.1' } }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => {
        text += part;
      });
      response.on('end', () => {
        try {
          resolve(JSON.parse(text) as T);
        } catch (error) {
          reject(error as Error);
        }
      });
    });
    get.on('error', reject);
    get.end();
  });
}
