import { spawn } from 'node:child_process';

/** As much of what a command says is kept. */
const MAX_OUTPUT = 20_000;

/**
 * Runs a command to its end and keeps what it says, both streams together. Never rejects: a command that cannot be
 * started or takes too long has code 127 or 124, as in a shell.
 */
export function runCommandAndRead(
  argv: readonly string[],
  path: string,
  timeoutMs: number,
): Promise<{ readonly code: number; readonly output: string }> {
  const [command = '', ...args] = argv;
  return new Promise((resolve) => {
    const env = { ...process.env, PATH: path };
    const child = spawn(command, args, {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-MAX_OUTPUT);
      });
    }
    child.on('error', (error) => resolve({ code: 127, output: error.message }));
    child.on('close', (code) => resolve({ code: code ?? 124, output }));
  });
}
