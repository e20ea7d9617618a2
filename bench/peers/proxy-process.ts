import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';

/** The proxy ended before it listened, or never listened; the message is what it wrote. */
export class StartRefused extends Error {
  readonly code = 'START_REFUSED';
}

/** A child of ours. */
export interface StartedProcess {
  readonly pid: number;
  /** What it wrote, where it has ended by itself. */
  epitaph(): string | undefined;
  stop(): Promise<void>;
}

/** Time from the start of a proxy until it takes connections. */
export interface StartTimes {
  readonly wallMs: number;
}

const START_LIMIT_MS = 15_000;
const STOP_LIMIT_MS = 5_000;
const MAX_OUTPUT = 4_000;
/** Kills the children when this process dies, however it dies. */
const SETPRIV = '/usr/bin/setpriv';

const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts a program and waits until something listens on the port of 127.0.0.1. @throws StartRefused */
export async function startListening(
  command: readonly string[],
  port: number,
): Promise<StartedProcess & StartTimes> {
  const tied = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'KILL', '--', ...command] : command;
  const startedMs = performance.now();
  const child = spawn(tied[0] ?? '', tied.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes) => (output = (output + bytes).slice(-MAX_OUTPUT)));
  const ended = track(child);
  let isOver = false;
  void ended.then(() => (isOver = true));
  while (!(await accepts(port))) {
    const wait = performance.now() - startedMs < START_LIMIT_MS;
    if (wait && !isOver) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      continue;
    }
    child.kill('SIGKILL');
    await ended;
    throw new StartRefused(output.trim() || `does not listen after ${START_LIMIT_MS} ms`);
  }
  return {
    pid: child.pid ?? 0,
    wallMs: performance.now() - startedMs,
    epitaph: () => (isOver ? `the proxy ended: ${output.trim()}` : undefined),
    stop: () => stopChild(child, ended),
  };
}

/** Remembers a child until it has ended. */
export function track(child: ChildProcess): Promise<void> {
  running.add(child);
  return new Promise((resolve) => {
    const end = (): void => {
      running.delete(child);
      resolve();
    };
    child.once('error', end);
    child.once('exit', end);
  });
}

/** SIGTERM, and SIGKILL where that does not help. */
export async function stopChild(child: ChildProcess, ended: Promise<void>): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
  await ended;
  clearTimeout(timer);
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const end = (is: boolean): void => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
