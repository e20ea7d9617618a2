import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';

// Where a run keeps its files, and the end of files that a killed run left.
//
// A home (`.weft/` of the project, where that can be written) holds what outlives runs, such as an installed Envoy,
// and one folder `run-NAME` for each run. A run that offers a gateway is named after its port, which no two runs can
// share; meshes of tests, which offer none, have names of their own (`ownRunName`).

/** Addresses of Unix sockets have at most 107 bytes; the longest name of ours in a run's folder is taken off. */
const MAX_RUN_PATH = 107 - '/dashboard.sock'.length;

/** The longest name of a run's folder. */
const LONGEST_RUN = 'run-4194304-9999';

let ownRuns = 0;

/** A name that no other run on this machine has. */
export function ownRunName(): string {
  return `${process.pid}-${++ownRuns}`;
}

/** Files of one run. */
export interface RunPaths {
  readonly folder: string;
  /** Kubernetes objects for the control plane, one JSON file each. */
  readonly objects: string;
  /** One folder for each pod: configuration and token of its proxy. */
  readonly pods: string;
  /** NAMESPACE.POD.app.log and .proxy.log, control.log, ... Kept until the next run on this port. */
  readonly logs: string;
  /** The control plane's and agent's own: keys, caches. */
  readonly control: string;
  readonly statusFile: string;
  readonly platformSocket: string;
  readonly gatewaySocket: string;
  readonly gatewayTlsSocket: string;
  readonly dashboardSocket: string;
}

/** The paths of a run in its folder. */
export function runPaths(folder: string): RunPaths {
  return {
    folder,
    objects: join(folder, 'objects'),
    pods: join(folder, 'pods'),
    logs: join(folder, 'logs'),
    control: join(folder, 'control'),
    statusFile: join(folder, 'status.json'),
    platformSocket: join(folder, 'platform.sock'),
    gatewaySocket: join(folder, 'gateway.sock'),
    gatewayTlsSocket: join(folder, 'gateway-tls.sock'),
    dashboardSocket: join(folder, 'dashboard.sock'),
  };
}

/** Homes that commands of the same user find from any folder, the best first. */
export function userHomes(env: Readonly<Record<string, string | undefined>>): string[] {
  return stateHomes('', env).slice(1);
}

/** Where the token for the API of the run that offers it at a port is, in a home. */
export function apiTokenFile(home: string, port: number): string {
  return join(home, `api-${port}.token`);
}

/** Folders that may be a home, the best first: of the project, of the user, of the machine. */
export function stateHomes(cwd: string, env: Readonly<Record<string, string | undefined>>): string[] {
  const homes = [join(cwd, '.weft')];
  const caches = [env['XDG_CACHE_HOME'], env['HOME'] === undefined ? undefined : join(env['HOME'], '.cache')];
  for (const cache of caches) if (cache?.startsWith('/')) homes.push(join(cache, 'weft'));
  return [...homes, join(tmpdir(), `weft-${userInfo().uid}`)];
}

/** The first home that can be used. @throws Error when none can. */
export function openHome(homes: readonly string[]): string {
  for (const home of homes) {
    if (join(home, LONGEST_RUN).length <= MAX_RUN_PATH && isOurs(home)) return home;
  }
  throw new Error(`no folder for state can be written; tried ${homes.join(', ')}`);
}

/** Makes the folder if it is not there, and checks that we can write it and nobody else put it there for us. */
function isOurs(home: string): boolean {
  try {
    mkdirSync(home, { recursive: true });
    const { uid, mode } = lstatSync(home);
    const own = process.getuid?.();
    if (own !== undefined && (uid !== own || (mode & 0o022) !== 0)) return false;
    const probe = join(home, `.write-${process.pid}`);
    writeFileSync(probe, '');
    rmSync(probe);
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes the folder of a new run, after removing those of runs that are over. `name` is its gateway's port or
 * {@link ownRunName}. @throws Error when the run of that name still lives.
 */
export function openRun(home: string, name: number | string): RunPaths {
  const own = `run-${name}`;
  for (const other of readdirSync(home)) {
    const folder = join(home, other);
    if (!other.startsWith('run-') || isAlive(folder)) continue;
    if (other !== own) removeAllButLogs(folder);
    else rmSync(folder, { recursive: true, force: true });
  }
  const paths = runPaths(join(home, own));
  if (existsSync(paths.folder)) throw new Error(`a run with its state in ${paths.folder} is still going on`);
  // Whole from the first moment: another run that starts now must not take it for one that is over.
  const draft = runPaths(join(home, `.${own}`));
  rmSync(draft.folder, { recursive: true, force: true });
  for (const folder of [draft.objects, draft.pods, draft.logs, draft.control])
    mkdirSync(folder, { recursive: true });
  chmodSync(draft.control, 0o700);
  writeFileSync(
    join(draft.folder, 'owner.json'),
    JSON.stringify({ pid: process.pid, started: startOf(process.pid) }),
  );
  renameSync(draft.folder, paths.folder);
  return paths;
}

/** Ends a run's state: all but its logs goes. */
export function closeRun(paths: RunPaths): void {
  removeAllButLogs(paths.folder);
}

/** Folders of the runs that are going on, in these homes. */
export function liveRuns(homes: readonly string[]): RunPaths[] {
  const folders = homes.flatMap((home) => {
    const names = existsSync(home) ? readdirSync(home) : [];
    return names.filter((name) => name.startsWith('run-')).map((name) => join(home, name));
  });
  return folders.filter(isAlive).map(runPaths);
}

function removeAllButLogs(folder: string): void {
  for (const name of readdirSync(folder)) {
    if (name !== 'logs') rmSync(join(folder, name), { recursive: true, force: true });
  }
}

function isAlive(folder: string): boolean {
  try {
    const owner = JSON.parse(readFileSync(join(folder, 'owner.json'), 'utf8')) as {
      pid: number;
      started: string;
    };
    return startOf(owner.pid) === owner.started;
  } catch {
    return false;
  }
}

/** When a process started, as text that no later process with its pid has; undefined when there is none. */
function startOf(pid: number): string | undefined {
  try {
    if (process.platform !== 'linux') return process.kill(pid, 0) ? 'alive' : undefined;
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie holds nothing any more.
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
