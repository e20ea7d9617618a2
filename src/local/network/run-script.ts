import { spawn } from 'node:child_process';

// Runs the shell scripts of scripts.ts.

/** A script that hangs (a kernel lock) is given up after this. */
const SCRIPT_TIMEOUT_MS = 20_000;
/** As much of what a script complains about is kept. */
const MAX_COMPLAINT = 2_000;

/** A script failed; the message has its first complaints. */
export class ScriptError extends Error {
  readonly code = 'LOCAL_SCRIPT_FAILED';
}

/** Runs `sh -ec script` with arguments `$1`... and waits. @throws ScriptError */
export function runScript(script: string, args: readonly string[] = [], input?: string): Promise<void> {
  return runCommand(['sh', '-ec', script, 'sh', ...args], input);
}

/** Runs a command with `input` on its standard input and waits. @throws ScriptError */
export function runCommand(argv: readonly string[], input?: string): Promise<void> {
  const [command = '', ...rest] = argv;
  return new Promise((resolve, reject) => {
    const child = spawn(command, rest, {
      stdio: [input === undefined ? 'ignore' : 'pipe', 'ignore', 'pipe'],
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), SCRIPT_TIMEOUT_MS);
    let complaint = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      if (complaint.length < MAX_COMPLAINT) complaint += text;
    });
    child.stdin?.on('error', () => {}); // it ended without reading; its exit code says why
    child.stdin?.end(input);
    child.on('error', (error) => reject(new ScriptError(`${command}: ${error.message}`)));
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve();
      else reject(new ScriptError(`${command} ended with ${signal ?? `code ${code}`}: ${complaint.trim()}`));
    });
  });
}
