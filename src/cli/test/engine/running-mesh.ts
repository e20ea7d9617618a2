import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stringify } from 'yaml';
import { makeRoot } from '../../../ca/issuer.ts';
import type { CallOrder, CallResult, EchoOrder, EchoQuestion, SeenRequest } from '../../../echo/order.ts';
import { type Enclosure, openEnclosure } from '../../../local/enclosure/outside.ts';
import { freePorts, PLATFORM_PORTS } from '../../../local/network/free-ports.ts';
import type { PlatformStatus } from '../../../local/processes/table.ts';
import type { DataPlane } from '../../../local/resources/desired.ts';
import type { RunSettings } from '../../../local/run-settings.ts';
import { closeRun, openRun, type RunPaths } from '../../../local/state.ts';
import type { ProxiesReport } from '../../../server/contract.ts';
import { entryFile } from '../../entry.ts';
import type { Plan, PlannedEcho } from './plan.ts';

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
  /** PEM with which echoes end TLS. */
  readonly tls: { readonly certificate: string; readonly key: string };
}

/** A mesh must be up within this. */
const START_TIMEOUT_MS = 60_000;
/** Nothing new was sent to any proxy for this long: they have all there is. */
const QUIET_MS = 250;
const POLL_MS = 25;

/** A mesh of a test, started. */
export class RunningMesh {
  readonly plan: Plan;
  readonly #paths: RunPaths;
  readonly #folder: string;
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
    this.plan = plan;
    this.#paths = paths;
    this.#folder = folder;
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
    const [number = 0] = await freePorts(1, new Set(), PLATFORM_PORTS);
    const paths = openRun(machine.home, number);
    const folder = mkdtempSync(join(tmpdir(), 'weft-test-'));
    writePlan(plan, folder, machine);
    const settings: RunSettings = {
      way: machine.way,
      dir: folder,
      dataPlane: machine.dataPlane,
      paths,
      gatewayPort: number,
      dashboardPort: 0,
      extra: { envoy: machine.envoy, dnsUpstream: 'platform' },
    };
    const mesh = new RunningMesh(plan, paths, folder, settings, machine);
    try {
      await mesh.#untilReady();
      return mesh;
    } catch (error) {
      await mesh.stop();
      throw error;
    }
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

  /** What the proxy of a Pod has written so far. */
  log(namespace: string, pod: string): string {
    try {
      return readFileSync(join(this.#paths.logs, `${namespace}.${pod}.proxy.log`), 'utf8');
    } catch {
      return ''; // it has no proxy
    }
  }

  async stop(): Promise<void> {
    this.#enclosure.kill();
    await this.#enclosure.ended;
    closeRun(this.#paths);
    rmSync(this.#paths.folder, { recursive: true, force: true });
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #untilReady(): Promise<void> {
    const untilMs = performance.now() + START_TIMEOUT_MS;
    let lastPushes = -1;
    let quietSinceMs = 0;
    while (performance.now() < untilMs) {
      if (this.#over) throw new Error(`the mesh ended: ${this.problems.join('; ') || 'nothing says why'}`);
      const pushes = this.#ready ? await this.#pushes() : undefined;
      const nowMs = performance.now();
      if (pushes === undefined || pushes !== lastPushes) quietSinceMs = nowMs;
      lastPushes = pushes ?? -1;
      if (pushes !== undefined && nowMs - quietSinceMs >= QUIET_MS) return;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new Error(`the mesh was not up within ${START_TIMEOUT_MS / 1000} s: ${this.problems.join('; ')}`);
  }

  /** How often proxies were sent something; undefined while one is away or has not answered. */
  async #pushes(): Promise<number | undefined> {
    const answer = await getJson<ProxiesReport>(this.#paths.dashboardSocket, '/api/proxies').catch(
      () => undefined,
    );
    const wanted = this.plan.pods.filter(({ object }) => hasProxy(object)).length;
    const proxies = answer?.proxies ?? [];
    if (proxies.length < wanted || proxies.some(({ connected, state }) => !connected || state !== 'synced'))
      return undefined;
    return proxies.reduce((sum, proxy) => sum + proxy.pushes, 0);
  }
}

function hasProxy(pod: Readonly<Record<string, unknown>>): boolean {
  const { annotations = {} } = pod['metadata'] as { readonly annotations?: Readonly<Record<string, string>> };
  return annotations['weft.dev/data-plane'] !== 'none';
}

function writePlan(plan: Plan, folder: string, machine: MeshMachine): void {
  mkdirSync(join(folder, 'echo'));
  for (const [i, text] of plan.objects.entries()) writeFileSync(join(folder, `object-${i}.yaml`), text);
  for (const [i, { object, echo }] of plan.pods.entries()) {
    const written = echo === undefined ? object : withCommand(object, writeOrder(folder, echo, machine));
    writeFileSync(join(folder, `pod-${i}.yaml`), stringify(written));
  }
}

function writeOrder(folder: string, echo: PlannedEcho, { tls }: MeshMachine): string {
  const order: EchoOrder = { name: echo.name, ports: echo.ports, socket: socketOf(folder, echo), ...tls };
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

/** A certificate for echoes that are called by TLS; nobody verifies it. */
export async function echoCertificate(): Promise<MeshMachine['tls']> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const certificate = await makeRoot(privateKey, 'weft-test', Date.now());
  return {
    certificate: certificate.toString(),
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}
