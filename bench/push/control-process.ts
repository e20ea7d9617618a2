import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { processSettings } from '../../src/control/process-settings.ts';
import { stopChild, track } from '../peers/proxy-process.ts';
import type { MeshFiles } from './mesh-files.ts';

/** The control plane as a process of its own, as `weft up` starts it. */
export interface ControlProcess {
  readonly pid: number;
  /** Of xDS without TLS. */
  readonly port: number;
  stop(): Promise<void>;
}

const START_LIMIT_MS = 120_000;
const MAX_OUTPUT = 4000;

/** Resolves when it serves. With `profile`, V8's CPU profile goes to that folder when it stops. */
export async function startControl(
  mesh: MeshFiles,
  folder: string,
  profile: string | undefined,
): Promise<ControlProcess> {
  // A profile is to show names: the built program has none left.
  const entry = profile === undefined ? '../../dist/cli.js' : '../../src/cli/main.ts';
  const program = fileURLToPath(new URL(entry, import.meta.url));
  if (!existsSync(program)) throw new Error(`${program} is missing: run "npm run build"`);
  const child = spawn(
    process.execPath,
    [
      ...processSettings.nodeFlags,
      ...(profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`]),
      program,
      ...['control', mesh.written, '--platform-objects', mesh.platform],
      ...['--key-dir', join(folder, 'ca'), '--listen', '127.0.0.1:0', '--plain', '127.0.0.1:0'],
      ...['--api', `unix:${join(folder, 'api.sock')}`],
    ],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...processSettings.env } },
  );
  const ended = track(child);
  const port = await readyPort(child);
  return { pid: child.pid ?? 0, port, stop: () => stopChild(child, ended) };
}

function readyPort(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => reject(new Error('the control plane does not start')), START_LIMIT_MS);
    child.stdout?.on('data', (bytes) => {
      output = (output + bytes).slice(-MAX_OUTPUT);
      const port = /"plainPort":(\d+)/.exec(output)?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    });
    child.once('exit', () => reject(new Error(`the control plane ended: ${output.trim()}`)));
  });
}
