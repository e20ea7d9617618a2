import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from '../network/pod-networks.ts';
import type { ProxyCommand, ProxyRequest } from '../parts.ts';
import { askHttp } from '../probes/attempt.ts';
import { type ProbePace, RunningProbe } from '../probes/run.ts';
import { isExitToTell, type SupervisedProcess } from '../processes/supervise.ts';
import { baseEnvironment } from '../resources/environment.ts';
import { exitSentence, openLog, type PodIdentity, type PodWorld } from './pod-world.ts';
import { TokenFile } from './token-file.ts';

// The proxy's half of a pod: its token, its files, its process, and whether it serves.

/** How the proxy is asked whether it serves: Istio's path on its health port. */
const PACE: ProbePace = { initialDelayMs: 0, periodMs: 2_000, successThreshold: 1, failureThreshold: 4 };
const TIMEOUT_MS = 3_000;
/** The proxy gets so long to end, once its application has. */
const GRACE_MS = 5_000;

/** What the platform tells the maker of the proxy's command line, without what is worked out here. */
export type ProxySubject = Omit<
  ProxyRequest,
  'folder' | 'tokenFile' | 'address' | 'sourceAddress' | 'runsAsUid' | 'ports'
>;

export class PodProxy {
  readonly #subject: ProxySubject;
  readonly #pod: PodIdentity;
  readonly #place: Place;
  readonly #world: PodWorld;
  readonly #onReady: (ready: boolean) => void;
  readonly #token: TokenFile;
  readonly #folder: string;
  readonly #tokenFile: string;
  #process: SupervisedProcess | undefined;
  #probe: RunningProbe | undefined;
  #ready = false;
  #stopped = false;

  /** `folder` is the pod's; the proxy gets one of its own in it. `onReady` hears of every change. */
  constructor(
    subject: ProxySubject,
    place: Place,
    folder: string,
    world: PodWorld,
    onReady: (ready: boolean) => void,
  ) {
    const { namespace, pod, serviceAccount } = subject;
    this.#subject = subject;
    this.#pod = { namespace, name: pod };
    this.#place = place;
    this.#world = world;
    this.#onReady = onReady;
    this.#folder = join(folder, 'proxy');
    this.#tokenFile = join(this.#folder, 'token');
    const issue = () => world.parts.issueToken({ namespace, serviceAccount, pod });
    this.#token = new TokenFile(this.#tokenFile, place.proxyUid, issue, world.clock);
  }

  get ready(): boolean {
    return this.#ready;
  }

  /** Prepares and starts it. Rejects when the token or the command line cannot be made. */
  async start(): Promise<void> {
    const { address, proxySource, proxyPorts, proxyUid } = this.#place;
    mkdirSync(this.#folder, { mode: 0o700 });
    await this.#token.open();
    const command = await this.#world.parts.proxyCommand({
      ...this.#subject,
      folder: this.#folder,
      tokenFile: this.#tokenFile,
      address,
      ...(proxySource === undefined ? {} : { sourceAddress: proxySource }),
      ...(proxyUid === undefined ? {} : { runsAsUid: proxyUid }),
      ...(proxyPorts === undefined ? {} : { ports: proxyPorts }),
    });
    writeFiles(this.#folder, command.files, proxyUid);
    if (this.#stopped) return;
    for (const program of command.needs ?? []) this.#world.need(program);
    this.#run(command);
  }

  async stop(maxGraceMs: number): Promise<void> {
    this.#stopped = true;
    this.#probe?.stop();
    this.#token.close();
    if (this.#process !== undefined)
      await this.#world.table.remove(this.#process, Math.min(maxGraceMs, GRACE_MS));
    this.#world.parts.proxyGone?.(this.#subject);
  }

  #run(command: ProxyCommand): void {
    const { namespace, name } = this.#pod;
    const order = {
      name: `${namespace}/${name} proxy`,
      kind: 'proxy',
      argv: this.#place.argv('proxy', command.argv),
      env: { ...baseEnvironment(this.#world.env, name), ...command.env },
      cwd: this.#folder,
      log: openLog(this.#world, this.#pod, 'proxy'),
      graceMs: GRACE_MS,
    } as const;
    this.#process = this.#world.table.run(order, (process) => this.#changed(process));
  }

  #changed(process: SupervisedProcess): void {
    this.#probe?.stop();
    this.#setReady(false);
    const { state } = process.status;
    if (isExitToTell(process.status))
      this.#world.report({ event: 'problem', text: exitSentence('proxy', this.#pod, process) });
    if (state !== 'running') return;
    const target = this.#place.proxyHealth;
    const ask = () =>
      askHttp({ target, secure: false, path: '/healthz/ready', headers: [], timeoutMs: TIMEOUT_MS });
    this.#probe = new RunningProbe(PACE, true, ask, this.#world.clock, (passed) => this.#setReady(passed));
  }

  #setReady(ready: boolean): void {
    if (this.#ready === ready) return;
    this.#ready = ready;
    this.#onReady(ready);
  }
}

function writeFiles(
  folder: string,
  files: Readonly<Record<string, string>>,
  ownerUid: number | undefined,
): void {
  for (const [name, content] of Object.entries(files))
    writeFileSync(join(folder, name), content, { mode: 0o600 });
  if (ownerUid === undefined) return;
  for (const name of ['.', ...Object.keys(files)]) chownSync(join(folder, name), ownerUid, ownerUid);
}
