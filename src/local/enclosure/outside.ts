import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { parseEventLine, type Report } from '../events.ts';
import type { RunSettings } from '../run-settings.ts';
import { enclosureArgv } from './argv.ts';

/** How long an orderly end may take before the enclosure is simply removed. */
const STOP_TIMEOUT_MS = 8_000;

/** A platform that runs in an enclosure, seen from outside. */
export interface Enclosure {
  /** Resolves with the exit code when everything inside is gone; it does not matter why. */
  readonly ended: Promise<number>;
  /** Asks for an orderly end, and insists after a few seconds. */
  stop(): void;
  /** Removes everything now. */
  kill(): void;
}

/**
 * Starts `insideArgv` (this program again, with `up --inside`) in an enclosure. Its own session keeps a Ctrl-C in the
 * terminal from reaching the applications: they are stopped in order, by us.
 */
export function openEnclosure(
  settings: RunSettings,
  insideArgv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  report: Report,
): Enclosure {
  if (settings.way === 'shared') throw new Error('the shared way has no enclosure');
  const [command = '', ...args] = enclosureArgv(settings.way, insideArgv);
  const child = spawn(command, args, { env, detached: true, stdio: ['pipe', 'pipe', 'inherit'] });
  child.stdin.on('error', () => {}); // it has ended; its exit is told below
  child.stdin.write(`${JSON.stringify(settings)}\n`);
  createInterface({ input: child.stdout }).on('line', (line) => report(parseEventLine(line)));
  let insist: NodeJS.Timeout | undefined;
  const ended = new Promise<number>((resolve) => {
    child.on('error', (error) => {
      report({ event: 'problem', text: `${command}: ${error.message}` });
      resolve(1);
    });
    child.on('close', (code) => {
      clearTimeout(insist);
      resolve(code ?? 1);
    });
  });
  return {
    ended,
    stop() {
      child.stdin.end('stop\n');
      insist ??= setTimeout(() => kill(child), STOP_TIMEOUT_MS);
    },
    kill: () => kill(child),
  };
}

// Killing `unshare` is enough: the kernel does the rest (see argv.ts).
function kill(child: ChildProcess): void {
  child.kill('SIGKILL');
}
